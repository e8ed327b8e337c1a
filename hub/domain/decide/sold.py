"""What a sale says of its lines beside their money."""

from __future__ import annotations

from msgspec.structs import replace

from hub.domain.reckoning import SaleLine
from hub.domain.state import State


def in_categories(state: State, lines: tuple[SaleLine, ...]) -> tuple[SaleLine, ...]:
    """The lines with the categories that their products have now: reports keep to them whatever the menu becomes."""
    products = [state.products.get(line.product_id) for line in lines]
    return tuple(
        line if product is None else replace(line, category_id=product.category_id)
        for line, product in zip(lines, products, strict=True)
    )
