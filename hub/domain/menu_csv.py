"""Products as lines of a CSV that menu_file reads again: options, prices of lists and plans have no place there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hub.domain.menu import Category, Product, SetSlot
from hub.domain.menu_file import COLUMNS


def product_lines(products: Iterable[Product], categories: Mapping[str, Category]) -> Iterator[list[str]]:
    """The header, then a line a product."""
    yield list(COLUMNS)
    for product in products:
        category = categories.get(product.category_id)
        cells = {
            "id": product.id,
            "code": product.code,
            "name": product.name,
            "kana": product.kana,
            "category": category.name if category is not None else "",
            "price": str(product.price),
            "tax_class": product.tax_class,
            "tax_included": _word(product.tax_included),
            "open_price": _word(product.open_price),
            "stock_tracked": _word(product.stock_tracked),
            "remaining": "" if product.remaining is None else str(product.remaining),
            "tax_shared": _word(product.tax_shared) if product.slots else "",
            "set_slots": "; ".join(map(_slot, product.slots)),
            "custom_contents": "|".join(_priced(one.name, one.price) for one in product.custom_contents),
        }
        yield [cells[column] for column in COLUMNS]


def _slot(slot: SetSlot) -> str:
    choices = "|".join(_priced(choice.product_id, choice.price) for choice in slot.choices)
    how_many = "" if (slot.min, slot.max) == (1, 1) else f"[{slot.min}-{slot.max}]"
    return f"{slot.name}{how_many}={choices}"


def _priced(what: str, price: int) -> str:
    return f"{what}:{price}" if price else what


def _word(value: bool) -> str:
    return "true" if value else "false"
