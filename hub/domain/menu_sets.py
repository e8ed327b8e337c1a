"""Sets and custom contents in menu files: as cells of a CSV, and what must hold of them.

set_slots        slots with `;` between: `main=p-1|p-2:300; drink[0-2]=p-7`. In brackets how many are chosen
                 (`[2]`, `[0-2]`; none: one), after `=` the products, each with what it costs on top of the set
custom_contents  ways of making it with `|` between: `no onions|extra rice:100`, each with what it adds to the price
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any, Final

from hub.domain.menu import Product

_SLOT: Final = re.compile(
    r"(?P<name>[^\[\]=]+?)\s*(?:\[(?P<min>\d{1,2})(?:-(?P<max>\d{1,2}))?\])?\s*=\s*(?P<choices>.+)"
)
_PRICED: Final = re.compile(r"(?P<what>.+?)\s*(?::\s*(?P<price>[+-]?\d{1,9}))?")


def slots_of(cell: str) -> dict[str, Any]:
    """What a cell with slots, numbered s1, s2, …, says of the product. Raises ValueError."""
    slots = []
    for number, part in enumerate(_parts(cell, ";"), 1):
        found = _SLOT.fullmatch(part)
        if found is None:
            raise ValueError(f"must be like drink[0-2]=p-7|p-8:200, not {part}")
        low = 1 if found["min"] is None else int(found["min"])
        choices = [_priced(choice) for choice in _parts(found["choices"], "|")]
        slots.append(
            {
                "id": f"s{number}",
                "name": found["name"],
                "min": low,
                "max": low if found["max"] is None else int(found["max"]),
                "choices": [{"product_id": what, "price": price} for what, price in choices],
            }
        )
    return {"kind": "set", "slots": slots}


def contents_of(cell: str) -> dict[str, Any]:
    """What a cell with custom contents says of the product; the id of each is made of its name. Raises ValueError."""
    return {
        "custom_contents": [
            {"id": f"m-{sha256(what.encode()).hexdigest()[:10]}", "name": what, "price": price}
            for what, price in map(_priced, _parts(cell, "|"))
        ]
    }


CELLS: Final[dict[str, Callable[[str], dict[str, Any]]]] = {
    "set_slots": slots_of,
    "custom_contents": contents_of,
}


def _parts(cell: str, separator: str) -> list[str]:
    return [part for text in cell.split(separator) if (part := text.strip())]


def _priced(text: str) -> tuple[str, int]:
    found = _PRICED.fullmatch(text)
    if found is None:
        raise ValueError(f"must be like no onions or extra rice:100, not {text}")
    return found["what"], int(found["price"] or 0)


def set_problems(product: Product, products: dict[str, Product]) -> Iterator[tuple[str, str]]:
    """What does not hold of a product's slots and contents: (field, message)."""
    if (product.kind == "set") != bool(product.slots):
        yield "kind", "a set has slots, and nothing else has"
    if _twice([slot.id for slot in product.slots]):
        yield "slots", "a slot is there twice"
    if _twice([content.id for content in product.custom_contents]):
        yield "custom_contents", "a content is there twice"
    for number, slot in enumerate(product.slots):
        at = f"slots[{number}]"
        if slot.max < slot.min:
            yield f"{at}.max", f"is less than min: {slot.min}"
        if _twice([choice.product_id for choice in slot.choices]):
            yield f"{at}.choices", "a product is there twice"
        for choice in slot.choices:
            other = products.get(choice.product_id)
            if other is None:
                yield f"{at}.choices", f"no such product: {choice.product_id}"
            elif other.slots:
                yield f"{at}.choices", f"is a set itself: {choice.product_id}"


def _twice(ids: list[str]) -> bool:
    return len(set(ids)) != len(ids)
