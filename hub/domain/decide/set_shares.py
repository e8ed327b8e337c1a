"""A set whose parts are taxed differently: its price is shared between them, so that each part bears its own rate.

In proportion to what the parts cost by themselves, in whole yen a portion; what rounding leaves stays with the set.
Sharing moves money between the lines of one set and never changes what it costs.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from hub.domain.check import Line
from hub.domain.state import State


def with_shares(state: State, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """The lines of an order, with the prices of such sets (Product.tax_shared) shared."""
    for line in lines:
        if line.parent_line_id is not None:
            return _with_shares(state, lines)
    # Nearly every order has no set in it.
    return lines


def _with_shares(state: State, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    children: dict[str, list[int]] = {}
    for index, line in enumerate(lines):
        if line.parent_line_id is not None:
            children.setdefault(line.parent_line_id, []).append(index)
    found = list(lines)
    for index, line in enumerate(lines):
        parts = children.get(line.line_id)
        product = state.products.get(line.product_id) if parts is not None else None
        # In a plan all of it is at 0.
        if parts is not None and product is not None and product.tax_shared and line.unit_price:
            _share(state, found, index, parts)
    return tuple(found)


def _share(state: State, lines: list[Line], place: int, parts: Sequence[int]) -> None:
    whole = lines[place]
    prices = [_alone(state, lines[index]) for index in parts]
    weight = sum(
        price * (lines[index].quantity // whole.quantity) for price, index in zip(prices, parts, strict=True)
    )
    if not weight:
        return
    # What the whole set costs, by price list; "" the normal one.
    listed = whole.prices or {}
    costs = {name: max(0, whole.unit_price - whole.list_price + price) for name, price in listed.items()}
    costs[""] = whole.unit_price
    moved = dict.fromkeys(costs, 0)
    for price, index in zip(prices, parts, strict=True):
        part = lines[index]
        # By class, not by rate: at the till it may turn out that the food is taken out.
        if part.tax_class == whole.tax_class:
            continue
        shares = {name: cost * price // weight for name, cost in costs.items()}
        for name, share in shares.items():
            moved[name] += share * (part.quantity // whole.quantity)
        own = shares.pop("")
        lines[index] = replace(
            part,
            unit_price=part.unit_price + own,
            amount=part.quantity * (part.unit_price + own),
            # It is a part of the set's price, and holds the tax as that does.
            tax_included=whole.tax_included,
            prices=shares or None,
            list_price=own,
        )
    rest = whole.unit_price - moved[""]
    lines[place] = replace(
        whole,
        unit_price=rest,
        amount=whole.quantity * rest,
        prices={name: price - moved[name] for name, price in listed.items()} or None,
        list_price=whole.list_price - moved[""],
    )


def _alone(state: State, line: Line) -> int:
    """What a portion costs by itself."""
    product = state.products.get(line.product_id)
    return 0 if product is None else product.price
