"""Custom orders (お好みオーダー): how the guest wants it made."""

from __future__ import annotations

from hub.domain.check import CustomMade
from hub.domain.command import CustomIn
from hub.domain.menu import Product


def custom_made(product: Product, asked: tuple[CustomIn, ...]) -> tuple[tuple[CustomMade, ...], int]:
    """What the kitchen reads, and what it adds to one unit.

    One of the product's custom contents, named by its id or its name, has its price; other words cost nothing.
    """
    made, extra = [], 0
    for wish in asked:
        known = next(
            (content for content in product.custom_contents if wish.name in (content.id, content.name)), None
        )
        one = CustomMade(
            wish.name if known is None else known.name, wish.quantity, 0 if known is None else known.price
        )
        made.append(one)
        extra += one.quantity * one.price
    return tuple(made), extra
