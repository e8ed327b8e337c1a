"""Sales that a device made without the hub: the guest has paid and left, so they are recorded as they were taken.

Nothing about price, stock, points or state refuses one; what does not fit is flagged.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from hub.domain.check import NEXT, Check, ChosenOption, Line, Move
from hub.domain.commands_sale import CompleteSale, TakenIn, TakenLineIn
from hub.domain.decide import points as ledger
from hub.domain.decide.at import At
from hub.domain.decide.charges import extras_of, reckon_check
from hub.domain.decide.coupons import as_discount, coupon_of, is_used
from hub.domain.decide.customers import standing_for
from hub.domain.decide.deferring import NOBODY
from hub.domain.decide.sold import in_categories
from hub.domain.decide.tenders import as_taken, change_of, methods, points_in
from hub.domain.discount import Discount
from hub.domain.errors import InvalidRequest
from hub.domain.facts import SaleCompleted
from hub.domain.menu import Dining, Product, TimeBand
from hub.domain.numbers import parsed, written
from hub.domain.reckoning import SaleLine, reckon, sale_line
from hub.domain.sale import Taken
from hub.domain.state import State

FLAGS: Final = {
    "price_differs": "a line was sold at another price than the menu's",
    "tax_differs": "a line was sold at another tax rate than the menu's",
    "total_differs": "the hub reckons another total; `adjustment` is the difference",
    "tenders_differ": "the tenders do not add up to the total",
    "unknown_tender": "a tender that the store does not have",
    "unknown_product": "a product that the menu does not have",
    "stock_short": "more portions were sold than were left",
    "unknown_coupon": "a coupon that the store does not have",
    "coupon_used": "a coupon that works once was used elsewhere as well",
    "points_short": "more points were used than the customer had",
    "unknown_customer": "points of a customer that the store does not know",
    "unknown_account": "on account of nobody the store knows: it is on the account `unassigned`",
    "unknown_check": "the check is not known",
    "check_ended": "the check had ended already, perhaps paid at another register",
    "duplicate_number": "the number was used already: the sale has a new one",
    "unreserved_number": "the number is of no block: the sale has a new one",
    "foreign_number": "the number is of another register's block",
    "doubtful_time": "the device's time cannot be right: the sale is of the day on which it came",
}
# A device that was without the hub for longer has certainly been started with a wrong clock: entries are kept so long.
TAKEN_S_MAX: Final = 35 * 86_400
AHEAD_S_MAX: Final = 86_400


def plausible(taken: str, now_unix_s: float) -> bool:
    """Whether a device's time (RFC 3339) may be when the sale was made. Raises InvalidRequest for what is no time."""
    return -AHEAD_S_MAX <= now_unix_s - _instant(taken) <= TAKEN_S_MAX


def record_taken(state: State, command: CompleteSale, taken: TakenIn, at: At) -> SaleCompleted:
    """The sale as it was taken.

    Its receipt number is the one on the paper, unless that would give two sales one number: then it gets a fresh
    one, and `taken.receipt_no` tells what the paper says.
    """
    flags: list[str] = []
    unix_s = _instant(taken.at)
    if not plausible(taken.at, at.stamp.unix_s):
        flags.append("doubtful_time")
        # The tax of the day on which it came is nearer to the truth than that of 1970.
        unix_s = at.stamp.unix_s
    check = _check(state, command, flags)
    register_id = command.register_id or at.device.device_id
    sale_id = at.mint()
    lines = _lines(state, command, taken, check, sale_id, unix_s, flags, at)
    discounts = [
        Discount(kind=wish.kind, value=wish.value, amount=0, name=wish.name, line_id=wish.line_id)
        for wish in command.discounts
    ]
    discounts += _coupons(state, command, at, flags)
    if check is None or taken.lines:
        bill = reckon(lines, discounts, state.rounding, carries={}, lenient=True)
    else:
        extras = extras_of(state, check, at)
        deals = () if check.bill is None else check.bill.deals
        bill = reckon_check(state, check, extras, lines, discounts, at, carries={}, deals=deals, lenient=True)
    if bill.total != taken.total:
        flags.append("total_differs")
    tenders = as_taken(state, command.tenders, command.customer_id, at)
    if sum(tender.amount for tender in tenders) != taken.total:
        flags.append("tenders_differ")
    known = methods(state)
    if any(tender.account_id == NOBODY for tender in tenders):
        flags.append("unknown_account")
    if any(tender.method not in known for tender in tenders):
        flags.append("unknown_tender")
    points = points_in(tenders) if command.points_used is None else command.points_used
    customer = standing_for(state, command.customer_id)
    if points and customer is None:
        flags.append("unknown_customer")
    elif customer is not None and customer.points < points:
        flags.append("points_short")
    paid = points_in(tenders)
    _check_stock(state, bill.lines, check, flags)
    return SaleCompleted(
        sale_id=sale_id,
        receipt_no=_receipt_no(state, taken.receipt_no, register_id, flags),
        check_id=command.check_id,
        lines=in_categories(state, bill.lines),
        subtotal=bill.subtotal,
        discount=bill.discount,
        taxes=bill.taxes,
        total=taken.total,
        tenders=tenders,
        change=change_of(tenders),
        register_id=register_id,
        discounts=bill.discounts,
        customer_id=command.customer_id if customer is None else customer.id,
        points_used=points,
        adjustment=taken.total - bill.total,
        taken=Taken(taken.at, taken.receipt_no, taken.total),
        flags=tuple(dict.fromkeys(flags)),
        points_granted=0
        if customer is None
        else ledger.granted(state, total=taken.total, paid=paid, taxes=bill.taxes),
        guests=0 if check is None else check.guests,
        late=state.late_on(at.stamp.business_date),
    )


def _instant(text: str) -> float:
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequest.at("taken.at", "is no time of RFC 3339") from error
    if when.tzinfo is None:
        raise InvalidRequest.at("taken.at", "needs an offset")
    return when.timestamp()


def _check(state: State, command: CompleteSale, flags: list[str]) -> Check | None:
    """The check that the sale ends."""
    if command.check_id is None:
        return None
    check = state.checks.get(command.check_id)
    if check is None:
        flags.append("unknown_check")
        return None
    if (check.status, Move.SETTLE) not in NEXT:
        flags.append("check_ended")
        return None
    return check


def _lines(
    state: State,
    command: CompleteSale,
    taken: TakenIn,
    check: Check | None,
    sale_id: str,
    unix_s: float,
    flags: list[str],
    at: At,
) -> list[SaleLine]:
    dining: Dining = check.dining if check is not None else "eat_in"
    if not taken.lines and check is not None:
        lines: list[Line] = list(check.lines)
    else:
        where = command.dining or dining
        ordered = _ordered(check)
        band = _band(state, unix_s, at)
        lines = [
            _line(state, line, f"{sale_id}-{index + 1}", where, unix_s, flags, ordered, band)
            for index, line in enumerate(taken.lines)
        ]
        names = [line.line_id for line in lines]
        if len(set(names)) != len(names):
            raise InvalidRequest.at("taken.lines", "a line_id is there twice")
    if not lines:
        raise InvalidRequest.at("taken.lines", "say what was sold")
    return [
        sale_line(line, dining=dining, wished=command.dining, schedule=state.tax, unix_s=unix_s)
        if not taken.lines
        else sale_line(line, dining=command.dining or dining, wished=None, schedule=state.tax, unix_s=unix_s)
        for line in lines
    ]


def _ordered(check: Check | None) -> dict[str, Line]:
    """What stands on the check and on its bill: sold at the prices that it was ordered at."""
    if check is None:
        return {}
    charges = () if check.bill is None else check.bill.charges
    return {line.line_id: line for line in (*check.lines, *charges)}


def _band(state: State, unix_s: float, at: At) -> TimeBand | None:
    """The time band that ruled when the sale was taken."""
    if state.bands is None:
        return None
    zone = datetime.fromisoformat(at.stamp.time).tzinfo
    return state.bands.at(datetime.fromtimestamp(unix_s, zone).isoformat())


def _line(
    state: State,
    line: TakenLineIn,
    line_id: str,
    dining: Dining,
    unix_s: float,
    flags: list[str],
    ordered: dict[str, Line],
    band: TimeBand | None,
) -> Line:
    product = state.products.get(line.product_id)
    known = ordered.get(line.line_id or "")
    if known is not None and known.product_id != line.product_id:
        known = None
    if known is not None:
        product = Product(
            id=known.product_id,
            name=known.name,
            category_id="",
            price=known.unit_price,
            tax_class=known.tax_class,
            tax_included=known.tax_included,
        )
        price = known.unit_price
    elif product is None:
        flags.append("unknown_product")
        price = line.unit_price
        product = Product(id=line.product_id, name=line.name or line.product_id, category_id="", price=price)
    else:
        price = product.price + _extra(state, product, line)
        if band is not None and state.bands is not None:
            price = max(0, price + state.bands.difference(band, product))
    if not product.open_price and line.unit_price != price:
        flags.append("price_differs")
    tax_class = line.tax_class or product.tax_class
    expected = state.tax.rate(tax_class, line.dining or dining, unix_s)
    rate = expected if line.tax_rate is None else line.tax_rate
    included = product.tax_included if line.tax_included is None else line.tax_included
    if (tax_class, rate, included) != (product.tax_class, expected, product.tax_included):
        flags.append("tax_differs")
    amount = line.quantity * line.unit_price
    if line.amount not in (None, amount):
        flags.append("price_differs")
    return Line(
        line_id=line.line_id or line_id,
        product_id=line.product_id,
        name=line.name or product.name,
        quantity=line.quantity,
        unit_price=line.unit_price,
        amount=amount,
        tax_class=tax_class,
        tax_rate=rate,
        tax_included=included,
        options=_chosen(state, product, line) if known is None else known.options,
        dining=line.dining,
        kind="item" if known is None else known.kind,
        in_plan=known is not None and known.in_plan,
        parent_line_id=None if known is None else known.parent_line_id,
        custom=() if known is None else known.custom,
    )


def _chosen(state: State, product: Product, line: TakenLineIn) -> tuple[ChosenOption, ...]:
    """The options that the menu knows, so that their portions are counted."""
    if not line.options:
        return ()
    known = state.choices(product).options
    return tuple(
        replace(known[option.option_id][1], quantity=option.quantity)
        for option in line.options
        if option.option_id in known
    )


def _extra(state: State, product: Product, line: TakenLineIn) -> int:
    prices = {
        option.id: option.price
        for group_id in product.option_group_ids
        if (group := state.option_groups.get(group_id)) is not None
        for option in group.options
    }
    return sum(prices.get(option.option_id, 0) * option.quantity for option in line.options)


def _coupons(state: State, command: CompleteSale, at: At, flags: list[str]) -> list[Discount]:
    """What the device took coupons for. One that was used elsewhere meanwhile counts here as well, and is flagged."""
    found = []
    for code in command.coupons:
        coupon = coupon_of(state, code)
        if coupon is None:
            flags.append("unknown_coupon")
            continue
        if coupon.once == "store" and is_used(state, coupon.id, besides=command.check_id):
            flags.append("coupon_used")
        found.append(as_discount(coupon, at))
    return found


def _check_stock(state: State, sold: tuple[SaleLine, ...], check: Check | None, flags: list[str]) -> None:
    wanted: dict[str, int] = {}
    for line in sold:
        wanted[line.product_id] = wanted.get(line.product_id, 0) + line.quantity
    for had in check.lines if check is not None else ():
        wanted[had.product_id] = wanted.get(had.product_id, 0) - had.quantity
    for product_id, quantity in wanted.items():
        product = state.products.get(product_id)
        if product is not None and product.remaining is not None and product.remaining < quantity:
            flags.append("stock_short")


def _receipt_no(state: State, receipt_no: str, register_id: str, flags: list[str]) -> str:
    number = parsed(receipt_no)
    for owner, numbers in sorted(state.numbers.items()) if number is not None else ():
        block = numbers.block_of(*number)  # type: ignore[misc]
        if block is None:
            continue
        if block.is_used(number[1]):  # type: ignore[index]
            flags.append("duplicate_number")
            break
        if owner != register_id:
            flags.append("foreign_number")
        return receipt_no
    else:
        flags.append("unreserved_number")
    series = state.receipt_series
    return written(series, (state.counters.get(f"receipt_no:{series}") or 0) + 1)
