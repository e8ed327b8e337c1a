"""Card numbers are never stored: a free text that holds what looks like one is refused.

Looks like one: 14 to 19 digits, in groups with blanks or dashes between them or in one, that pass Luhn's check
and begin as an issuer's numbers do. Ids and product codes are not searched: they are no free text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec import Struct

from hub.domain.command import Command
from hub.domain.errors import CardNumberRefused

DIGITS_MIN: Final = 14
DIGITS_MAX: Final = 19

# Groups of digits with at most one blank or dash between them. Full-width digits count: people type them here.
_RUN: Final = re.compile(r"\d(?:[ \u3000-]?\d){13,}")
_DIGIT: Final = re.compile(r"\d")
# One in some hundred thousand ids would pass for a card number, and terminals give ids as references. One without any
# letter is no such id.
_UUID: Final = re.compile(
    r"(?<![0-9a-f])(?=[0-9-]*[a-f])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![0-9a-f])", re.IGNORECASE
)
_GROUP: Final = re.compile(r"\d+")
_DASHES: Final = str.maketrans(dict.fromkeys("‐‑‒–—―−－ー", "-"))
_PREFIX: Final = re.compile(
    r"4"  # Visa
    r"|5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"  # Mastercard
    r"|3[47]"  # American Express
    r"|35(?:2[89]|[3-8])"  # JCB
    r"|3(?:0[0-5]|095|[689])"  # Diners Club
    r"|6011|64[4-9]|65"  # Discover
    r"|62|81"  # UnionPay
    r"|50(?:18|20|38)|5893|6304|6759|676[1-3]"  # Maestro
)


def holds_card_number(text: str) -> bool:
    """Whether the text holds what looks like a card number."""
    if len(text) < DIGITS_MIN or _DIGIT.search(text) is None or len(_DIGIT.findall(text)) < DIGITS_MIN:
        return False
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_DASHES)
    text = _UUID.sub("#", text)
    return any(_looks_like_card(digits) for run in _RUN.finditer(text) for digits in _windows(run.group()))


def _windows(run: str) -> Iterator[str]:
    """Each run of whole groups that has as many digits as a card number: a table's number may stand before it."""
    groups = _GROUP.findall(run)
    for start in range(len(groups)):
        digits = ""
        for group in groups[start:]:
            digits += group
            if len(digits) > DIGITS_MAX:
                break
            if len(digits) >= DIGITS_MIN:
                yield digits


def _looks_like_card(digits: str) -> bool:
    return _PREFIX.match(digits) is not None and _luhn(digits)


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def refuse_card_numbers(command: Command) -> None:
    """Raises CardNumberRefused with the path of the first free text that holds a card number."""
    places = _places(type(command))
    if places is not None and (path := _search(places, places.get(command))) is not None:
        raise CardNumberRefused(path=path)


class _Places(Struct, frozen=True):
    """Which fields of a value people type in. get: all of them at once; below: what to search within each.

    many: the value is a list of such.
    """

    names: tuple[str, ...]
    get: Callable[[Any], tuple[Any, ...]]
    below: tuple[_Places | None, ...]
    many: bool


@cache
def _places(kind: type[Command]) -> _Places | None:
    tree: dict[str, Any] = {}
    for path in kind.FREE_TEXT:
        node = tree
        for name in path.split("."):
            node = node.setdefault(name, {})
    return _grown(tree, many=False) if tree else None


def _grown(tree: dict[str, Any], *, many: bool) -> _Places:
    names = tuple(name.removesuffix("[]") for name in tree)
    below = tuple(_grown(inner, many=name.endswith("[]")) if inner else None for name, inner in tree.items())
    if len(names) > 1:
        return _Places(names, attrgetter(*names), below, many)
    one = attrgetter(names[0])
    return _Places(names, lambda value: (one(value),), below, many)


def _search(places: _Places, values: tuple[Any, ...]) -> str | None:
    """The path of the first text that holds a card number. Each order comes by: paths are made when one is found."""
    for name, value, below in zip(places.names, values, places.below, strict=True):
        if not value:
            continue
        if below is None:
            if isinstance(value, str):
                if len(value) >= DIGITS_MIN and holds_card_number(value):
                    return name
            elif (inner := _search_json(value)) is not None:
                return f"{name}{inner}"
        elif not below.many:
            if (inner := _search(below, below.get(value))) is not None:
                return f"{name}.{inner}"
        else:
            for index, found in enumerate(map(below.get, value)):
                if not _clean(found) and (inner := _search(below, found)) is not None:
                    return f"{name}[{index}].{inner}"
    return None


@lru_cache(maxsize=1024)
def _clean(texts: tuple[Any, ...]) -> bool:
    """Whether there is nothing to look for. Each order has twenty texts, and the same few come again and again."""
    return all(
        not text or (isinstance(text, str) and (len(text) < DIGITS_MIN or not holds_card_number(text)))
        for text in texts
    )


def _search_json(raw: msgspec.Raw) -> str | None:
    """Where in a JSON value of somebody else's shape the first card number stands. Numbers are no free text."""
    waiting = [(msgspec.json.decode(raw), "")]
    while waiting:
        value, place = waiting.pop()
        if isinstance(value, str):
            if holds_card_number(value):
                return place
        elif isinstance(value, list):
            waiting.extend((item, f"{place}[{index}]") for index, item in enumerate(value))
        elif isinstance(value, dict):
            for key, item in value.items():
                waiting.append((key, f"{place}.{key}"))
                waiting.append((item, f"{place}.{key}"))
    return None
