"""Opening checks and taking orders: priced by the hub from its own menu, all lines or none."""

from __future__ import annotations

import re
from operator import attrgetter
from sys import intern
from typing import Any, Final

from msgspec.structs import replace

from hub.domain.check import Check, ChosenOption, CustomMade, Line, Move, add_lines, total_of
from hub.domain.commands import LineIn, OptionIn, PlaceOrder, RecordFact
from hub.domain.decide.at import At
from hub.domain.decide.making import custom_made
from hub.domain.decide.options import options_left
from hub.domain.decide.set_shares import with_shares
from hub.domain.decide.sets import Within, children_of
from hub.domain.decide.timed import not_by_itself, plus_table_charge, stay_notice_at, timed
from hub.domain.errors import (
    Forbidden,
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
    SoldOut,
)
from hub.domain.facts import CheckOpened, Fact, ForeignRecorded, OrderPlaced
from hub.domain.menu import Dining, Product, ProductKind
from hub.domain.menu_types import ID_SAYS, ID_SIGNS
from hub.domain.seats import only_check
from hub.domain.state import Choices, State

FOREIGN_BYTES_MAX = 32 * 1024
AMOUNT_MAX = 999_999_999
# What is ordered by itself.
SOLD = ("single", "set")
_line_id: Final = attrgetter("line_id")
_SIGNS: Final = re.compile(f"{ID_SIGNS}+")


def new_check(
    state: State,
    at: At,
    table_ids: tuple[str, ...],
    *,
    guests: int,
    dining: Dining = "eat_in",
    name: str = "",
    shared: bool = False,
    customer_groups: dict[str, int] | None = None,
) -> CheckOpened:
    return CheckOpened(
        check_id=at.mint(),
        check_no=next_check_no(state, at),
        table_ids=table_ids,
        guests=guests,
        dining=dining,
        name=name,
        shared=shared,
        customer_groups=customer_groups or {},
        stay_notice_at=stay_notice_at(state, at),
    )


def next_check_no(state: State, at: At) -> int:
    """Check numbers count up from 1 in each business day."""
    return (state.counters.get(f"check_no:{at.stamp.business_date}") or 0) + 1


def place_order(state: State, command: PlaceOrder, at: At) -> list[Fact]:
    if at.device.role == "table":
        command = _own_table(state, command, at)
    check, opened = _check_for(state, command, at)
    order_id = at.mint()
    plans = check.plans
    lines = price_lines(
        state,
        command.lines,
        at,
        order_id=order_id,
        dining=check.dining,
        taken=check.lines,
        kinds=("in_plan",) if plans else (),
    )
    if plans or state.bands is not None:
        lines = timed(state, lines, at, dining=check.dining, plans=plans)
        lines = plus_table_charge(state, check, lines, at, order_id)
    lines = with_shares(state, lines)
    if check.price_list:
        lines = tuple(line.at_list(check.price_list) for line in lines)
    total = total_of(add_lines(check.sums, lines), state.rounding, check.discounts)
    if total > AMOUNT_MAX:
        raise InvalidRequest.at("lines", f"the check would come to more than {AMOUNT_MAX}")
    placed = OrderPlaced(
        order_id=order_id,
        check_id=check.check_id,
        check_no=check.check_no,
        lines=lines,
        check_total=total,
        check_version=check.version + 1,
        ordered_at=command.ordered_at,
    )
    return [placed] if opened is None else [opened, placed]


def price_lines(
    state: State,
    lines: tuple[LineIn, ...],
    at: At,
    *,
    order_id: str,
    dining: Dining,
    taken: tuple[Line, ...] = (),
    within: Within | None = None,
    kinds: tuple[ProductKind, ...] = (),
) -> tuple[Line, ...]:
    """The lines as the menu prices them now; a set's children follow it. within: they are children of that set.

    kinds: what may be named beside what is sold by itself.
    Raises SoldOut for the first product or option that has too few portions left.
    """
    tax, unix_s = state.tax, at.stamp.unix_s
    rates: dict[tuple[str, Dining], str | None] = {}
    if within is None:
        wanted: dict[str, int] = {}
        prefix, parent_id = f"{order_id}-", None
        _own_ids(lines, taken)
    else:
        wanted, prefix, parent_id = within.wanted, within.prefix, within.line_id
    priced: list[Line] = []
    for index, line in enumerate(lines):
        product = state.products.get(line.product_id)
        if product is None:
            raise InvalidRequest.at(
                f"{_path(within, index)}.product_id", f"no such product: {line.product_id}"
            )
        if product.kind not in SOLD and product.kind not in kinds:
            not_by_itself(product, f"{_path(within, index)}.product_id")
        quantity = line.quantity
        if product.remaining is not None:
            wanted[product.id] = wanted.get(product.id, 0) + quantity
            in_stock(product, wanted[product.id])
        elif product.availability == "sold_out":
            in_stock(product, quantity)
        if within is not None:
            unit_price = within.prices[index]
        elif product.open_price or line.unit_price is not None:
            unit_price = _open_price(product, line, index)
        else:
            unit_price = product.price
        options: tuple[ChosenOption, ...] = ()
        if line.options or product.option_group_ids:
            choices = state.choices(product)
            known = choices.priced.get(line.options)
            if known is None:
                at_options = f"{_path(within, index)}.options"
                known = choices.keep(line.options, _options(choices, product, line.options, at_options))
            options, extra = known
            if choices.scarce:
                options_left(state, options, quantity, wanted)
            if extra:
                unit_price += extra
                if unit_price < 0 and not line.custom:
                    raise InvalidRequest.at(
                        f"{_path(within, index)}.options", "they take off more than the price"
                    )
        custom: tuple[CustomMade, ...] = ()
        if line.custom:
            custom, extra = custom_made(product, line.custom)
            unit_price += extra
            if unit_price < 0:
                raise InvalidRequest.at(f"{_path(within, index)}.custom", "they take off more than the price")
        key = (product.tax_class, line.dining or dining)
        if key not in rates:
            rates[key] = tax.rate(*key, unix_s)
        line_id = line.line_id or f"{prefix}{index + 1}"
        priced.append(
            Line(
                line_id,
                product.id,
                product.name,
                quantity,
                unit_price,
                quantity * unit_price,
                product.tax_class,
                rates[key],
                product.tax_included,
                options,
                line.dining,
                # The same few words stand on line after line, for as long as the check is open.
                intern(line.note),
                intern(line.seat),
                intern(line.course),
                0,
                parent_id,
                custom,
                line.hold,
            )
        )
        if product.prices and within is None and not product.open_price:
            priced[-1] = replace(priced[-1], prices=product.prices, list_price=product.price)
        if product.slots or line.children:
            parts = children_of(product, line, index, line_id, prefix=prefix, wanted=wanted, within=within)
            priced += price_lines(
                state, parts.lines, at, order_id=order_id, dining=dining, within=parts, kinds=kinds
            )
    return tuple(priced)


def _path(within: Within | None, index: int) -> str:
    """Where a line stands in the request. A slot that fills itself stands nowhere: a child is named by its set."""
    return f"lines[{index}]" if within is None else within.path


def _own_ids(lines: tuple[LineIn, ...], taken: tuple[Line, ...]) -> None:
    """Raises InvalidRequest for a device's own line id that is none, or that the check has already.

    The hub's ids never meet.
    """
    own = [line.line_id for line in lines if line.line_id is not None]
    if not own:
        return
    # All at once: each order comes by.
    known = set(own)
    if len(known) == len(own) and _SIGNS.fullmatch("".join(own)) and known.isdisjoint(map(_line_id, taken)):
        return
    here = {line.line_id for line in taken}
    for index, line in enumerate(lines):
        if line.line_id is None:
            continue
        place = f"lines[{index}].line_id"
        if _SIGNS.fullmatch(line.line_id) is None:
            raise InvalidRequest.at(place, f"is no id: {ID_SAYS}")
        if line.line_id in here:
            raise InvalidRequest.at(place, f"the check has this line already: {line.line_id}")
        if line.line_id not in known:
            raise InvalidRequest.at(place, f"the order names it twice: {line.line_id}")
        known.discard(line.line_id)


def in_stock(product: Product, wanted: int) -> None:
    """Raises SoldOut when there are not as many portions."""
    if product.sold_out or (product.remaining is not None and product.remaining < wanted):
        remaining = 0 if product.availability == "sold_out" else product.remaining or 0
        raise SoldOut(product_id=product.id, name=product.name, remaining=remaining)


def _open_price(product: Product, line: LineIn, index: int) -> int:
    """The price stated with the order, which an open-price product needs and no other takes."""
    if line.unit_price is None:
        raise InvalidRequest.at(
            f"lines[{index}].unit_price", "this product is sold at an open price: state it"
        )
    if not product.open_price:
        raise InvalidRequest.at(f"lines[{index}].unit_price", "only an open-price product takes a price")
    return line.unit_price


def _options(
    choices: Choices, product: Product, chosen: tuple[OptionIn, ...], at: str
) -> tuple[tuple[ChosenOption, ...], int]:
    """The options with names and prices, and what they add to one unit. Every group's min and max hold."""
    counts = [0] * len(choices.groups)
    taken: dict[str, ChosenOption] = {}
    extra = 0
    for option in chosen:
        known = choices.options.get(option.option_id)
        if known is None:
            raise InvalidRequest.at(at, f"not an option of {product.name}: {option.option_id}")
        place, one = known
        if one.option_id in taken:
            raise InvalidRequest.at(at, "an option is named twice")
        quantity = option.quantity
        counts[place] += quantity
        extra += quantity * one.price
        taken[one.option_id] = (
            one if quantity == 1 else ChosenOption(one.option_id, one.name, quantity, one.price, one.group_id)
        )
    for group, count in zip(choices.groups, counts, strict=True):
        if count < group.min or (group.max is not None and count > group.max):
            most = "any number" if group.max is None else group.max
            raise InvalidRequest.at(at, f"{group.name}: choose {group.min} to {most}, not {count}")
    return tuple(taken.values()), extra


def _check_for(state: State, command: PlaceOrder, at: At) -> tuple[Check, CheckOpened | None]:
    """The check the order belongs to; a new one when its table has none."""
    if (command.check_id is None) == (command.table_id is None):
        raise InvalidRequest.at("check_id", "name either a check_id or a table_id")
    if command.check_id is not None:
        check = open_check_of(state, command.check_id)
        return check, None
    table_id = str(command.table_id)
    known_table(state, table_id, "table_id")
    if seated := only_check(state, table_id, choices=at.device.role != "table"):
        return open_check_of(state, seated), None
    opened = new_check(state, at, (table_id,), guests=command.guests or 0)
    return check_of(opened, at), opened


def check_of(opened: CheckOpened, at: At) -> Check:
    """The check that CheckOpened begins."""
    return Check(
        check_id=opened.check_id,
        check_no=opened.check_no,
        business_date=at.stamp.business_date,
        status="open",
        version=1,
        table_ids=opened.table_ids,
        guests=opened.guests,
        dining=opened.dining,
        opened_at=at.stamp.time,
        name=opened.name,
        stay_notice_at=opened.stay_notice_at,
    )


def find_check(state: State, check_id: str) -> Check:
    check = state.checks.get(check_id)
    if check is None:
        raise NotFound(kind="check", id=check_id)
    return check


def open_check_of(state: State, check_id: str) -> Check:
    """The check, when it takes orders now."""
    check = find_check(state, check_id)
    check.after(Move.ORDER)
    return check


def _own_table(state: State, command: PlaceOrder, at: At) -> PlaceOrder:
    """A table's tablet adds to its own check, which staff has opened, and names nothing else."""
    table_id = at.device.table_id
    foreign = any(
        (
            command.check_id is not None,
            command.staff_id is not None,
            command.guests is not None,
            command.table_id not in (None, table_id),
            any(line.unit_price is not None for line in command.lines),
            # When the kitchen begins is for staff to say.
            any(
                line.hold or any(child.hold is not None for child in line.children) for line in command.lines
            ),
        )
    )
    if foreign or table_id is None or state.seated.get(table_id) is None:
        raise Forbidden(role="table")
    return replace(command, table_id=table_id)


def known_table(state: State, table_id: str, path: str) -> None:
    """Raises InvalidRequest for a table that the store does not have."""
    # A store that has imported no tables yet is not kept from working: any table id will do.
    if state.tables.get(table_id) is None and next(iter(state.tables.items()), None) is not None:
        raise InvalidRequest.at(path, f"no such table: {table_id}")


def record_fact(state: State, command: RecordFact, at: At) -> list[Fact]:
    if len(bytes(command.data)) > FOREIGN_BYTES_MAX:
        raise PayloadTooLarge(limit_bytes=FOREIGN_BYTES_MAX)
    return [ForeignRecorded(type=command.type, about=command.subject, data=command.data)]


DECISIONS: dict[type[Any], Any] = {
    PlaceOrder: place_order,
    RecordFact: record_fact,
}
