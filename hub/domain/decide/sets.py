"""Sets (セット): which products fill the slots, and what each costs on top of the set."""

from __future__ import annotations

from msgspec import Struct

from hub.domain.command import ChildIn, LineIn
from hub.domain.errors import InvalidRequest
from hub.domain.menu import Product, SetSlot
from hub.domain.sale import Sale


class Within(Struct, gc=False):
    """The children of one set as lines to be priced.

    prices: of one portion each, instead of the product's own. path: where the set stands in the request.
    wanted: portions that the order has asked for so far, of products and of options.
    """

    line_id: str
    prefix: str
    path: str
    lines: tuple[LineIn, ...]
    prices: tuple[int, ...]
    wanted: dict[str, int]


def children_of(
    product: Product,
    line: LineIn,
    index: int,
    line_id: str,
    *,
    prefix: str,
    wanted: dict[str, int],
    within: Within | None,
) -> Within:
    """What fills the slots of the set on this line. Raises InvalidRequest when a slot has too few or too many.

    A slot with one choice that nobody named is filled with it: a course menu need not be spelt out.
    """
    path = f"lines[{index}].children"
    if not product.slots:
        raise InvalidRequest.at(path, f"{product.name} is no set")
    if within is not None:
        raise InvalidRequest.at(within.path, f"{product.name} is a set itself and cannot be part of one")
    chosen: dict[str, list[ChildIn]] = {slot.id: [] for slot in product.slots}
    for child in line.children:
        chosen[_slot_of(product, child, chosen, path).id].append(child)
    lines, prices = [], []
    for slot in product.slots:
        children = chosen[slot.id]
        if not children and slot.min and len(slot.choices) == 1:
            children = [ChildIn(slot.choices[0].product_id, slot.min)]
        count = sum(child.quantity for child in children)
        if not slot.min <= count <= slot.max:
            raise InvalidRequest.at(path, f"{slot.name}: choose {slot.min} to {slot.max}, not {count}")
        for child in children:
            choice = slot.choice(child.product_id)
            lines.append(_line(line, slot, child))
            prices.append(0 if choice is None else choice.price)
    return Within(line_id, f"{prefix}{index + 1}.", path, tuple(lines), tuple(prices), wanted)


def _slot_of(product: Product, child: ChildIn, chosen: dict[str, list[ChildIn]], path: str) -> SetSlot:
    """The slot that the child names; else the first that offers its product and has room."""
    offering = [
        slot
        for slot in product.slots
        if child.slot_id in (None, slot.id) and slot.choice(child.product_id) is not None
    ]
    for slot in offering:
        if sum(other.quantity for other in chosen[slot.id]) + child.quantity <= slot.max:
            return slot
    problem = "no slot has room for it" if offering else "no slot offers it"
    raise InvalidRequest.at(path, f"{product.name}, {child.product_id}: {problem}")


def _line(line: LineIn, slot: SetSlot, child: ChildIn) -> LineIn:
    """The child as a line: eaten where and by whom the set is, in the course and at the time of its own."""
    return LineIn(
        product_id=child.product_id,
        quantity=child.quantity * line.quantity,
        options=child.options,
        dining=line.dining,
        note=child.note,
        seat=line.seat,
        course=slot.course or line.course if child.course is None else child.course,
        custom=child.custom,
        hold=slot.held or line.hold if child.hold is None else child.hold,
    )


def with_parts(sale: Sale, quantities: dict[str, int]) -> dict[str, int]:
    """The portions to be given back, with what of their sets' children is not back yet."""
    found = dict(quantities)
    for child in sale.lines:
        parent = None if child.parent_line_id is None else sale.line(child.parent_line_id)
        if parent is None or parent.line_id not in quantities:
            continue
        sets = sale.returned.get(parent.line_id, 0) + quantities[parent.line_id]
        along = sets * (child.quantity // parent.quantity) - sale.returned.get(child.line_id, 0)
        if along > found.get(child.line_id, 0):
            found[child.line_id] = along
    return found
