"""Card numbers are never stored: a free text that holds what looks like one is refused.

Looks like one: 14 to 19 digits, in groups with blanks or dashes between them or in one, that pass Luhn's check
and begin as an issuer's numbers do. Ids and product codes are not searched: they are no free text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import msgspec

from hub.domain.command import Command
from hub.domain.errors import CardNumberRefused

DIGITS_MIN: Final = 14
DIGITS_MAX: Final = 19

# Groups of digits with at most one blank or dash between them. Full-width digits count: people type them here.
_RUN: Final = re.compile(r"\d(?:[ \u3000-]?\d){13,}")
_DIGIT: Final = re.compile(r"\d")
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
    for first, rest in _paths(type(command)):
        value = getattr(command, first)
        if value:
            _search(value, rest, first)


@cache
def _paths(kind: type[Command]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """('lines[].note',) -> (('lines', ('[]', 'note')),)"""
    split = (path.replace("[]", ".[]").split(".") for path in kind.FREE_TEXT)
    return tuple((parts[0], tuple(parts[1:])) for parts in split)


def _search(value: Any, rest: tuple[str, ...], path: str) -> None:
    if not rest:
        if isinstance(value, msgspec.Raw):
            _search_json(value, path)
        elif holds_card_number(value):
            raise CardNumberRefused(path=path)
    elif rest[0] != "[]":
        inner = getattr(value, rest[0])
        if inner:
            _search(inner, rest[1:], f"{path}.{rest[0]}")
    elif len(rest) == 2:
        # The notes of an order's lines: each order comes by here, and hardly any text is long enough to matter.
        name = rest[1]
        for index, item in enumerate(value):
            text = getattr(item, name)
            if text and len(text) >= DIGITS_MIN and holds_card_number(text):
                raise CardNumberRefused(path=f"{path}[{index}].{name}")
    elif len(rest) == 1:
        for index, item in enumerate(value):
            _search(item, (), f"{path}[{index}]")
    else:
        # Lists within the lines: most have none.
        name, further = rest[1], rest[2:]
        for index, item in enumerate(value):
            if inner := getattr(item, name):
                _search(inner, further, f"{path}[{index}].{name}")


def _search_json(raw: msgspec.Raw, path: str) -> None:
    """All texts within a JSON value of somebody else's shape. Numbers are no free text."""
    waiting = [(msgspec.json.decode(raw), path)]
    while waiting:
        value, place = waiting.pop()
        if isinstance(value, str):
            if holds_card_number(value):
                raise CardNumberRefused(path=place)
        elif isinstance(value, list):
            waiting.extend((item, f"{place}[{index}]") for index, item in enumerate(value))
        elif isinstance(value, dict):
            for key, item in value.items():
                waiting.append((key, f"{place}.{key}"))
                waiting.append((item, f"{place}.{key}"))
