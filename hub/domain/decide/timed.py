"""What time does to an order: items of a running plan at 0, the prices and charges of the time band.

Everything is copied into the lines as they are ordered: a band that ends does not change them.
"""

from __future__ import annotations

from msgspec.structs import replace

from hub.domain.charges import TABLE_CHARGE
from hub.domain.check import Check, Line
from hub.domain.decide.at import At
from hub.domain.errors import InvalidRequest, LastOrderPassed, NotSoldNow, PlanNotRunning
from hub.domain.menu import Dining, Product, TimeBand
from hub.domain.plan import PlanMove, PlanRun, covering, later
from hub.domain.state import State


def not_by_itself(product: Product, path: str) -> None:
    """Raises the refusal for a product that an order cannot name as it is."""
    if product.kind == "in_plan":
        raise PlanNotRunning(name=product.name)
    raise InvalidRequest.at(path, f"{product.name} is started at the check's plans, not ordered")


def timed(
    state: State,
    lines: tuple[Line, ...],
    at: At,
    *,
    dining: Dining,
    plans: tuple[PlanRun, ...] = (),
    service: bool = True,
) -> tuple[Line, ...]:
    """The lines as the plans and the time band make them.

    Raises LastOrderPassed, PlanNotRunning and NotSoldNow. service: False where nobody serves, as over the counter.
    """
    bands, now = state.bands, at.stamp.time
    band = None if bands is None else bands.at(now)
    found: list[Line] = []
    free: set[str] = set()
    for line in lines:
        product = state.products.get(line.product_id)
        if product is None or line.parent_line_id in free:
            # A set in a plan is at 0 with all that is chosen for it.
            found.append(line if product is None else _in_plan(line))
            continue
        if plans and line.parent_line_id is None and (run := covering(plans, product, now)) is not None:
            if not run.allows(PlanMove.ORDER, now):
                raise LastOrderPassed(
                    product_id=product.id,
                    product=product.name,
                    plan_id=run.plan_id,
                    name=run.name,
                    last_order_at=run.last_order_at,
                    ends_at=run.ends_at,
                )
            free.add(line.line_id)
            found.append(_in_plan(line))
            continue
        if product.kind == "in_plan":
            raise PlanNotRunning(name=product.name)
        part = line.parent_line_id is not None
        if bands is not None and not part and not bands.sold(band, product):
            raise NotSoldNow(
                product_id=product.id,
                name=product.name,
                bands=[
                    {"id": other.id, "name": other.name, "from": other.since, "to": other.to}
                    for other in bands.sold_in(product)
                ],
            )
        if bands is not None and band is not None:
            if not part:
                # What is part of a set costs what the set says.
                line = _repriced(line, bands.difference(band, product))
            if service and band.service_charge is not None and (line.dining or dining) == "eat_in":
                line = replace(line, service_rate=band.service_charge, service_name=band.service_charge_name)
        found.append(line)
    return tuple(found)


def _in_plan(line: Line) -> Line:
    """At 0 with all that was chosen."""
    return replace(
        line,
        unit_price=0,
        amount=0,
        in_plan=True,
        options=tuple(replace(option, price=0) if option.price else option for option in line.options),
        custom=tuple(replace(made, price=0) if made.price else made for made in line.custom),
    )


def _repriced(line: Line, difference: int) -> Line:
    if not difference:
        return line
    unit_price = max(0, line.unit_price + difference)
    return replace(line, unit_price=unit_price, amount=line.quantity * unit_price)


def plus_table_charge(
    state: State, check: Check, lines: tuple[Line, ...], at: At, order_id: str
) -> tuple[Line, ...]:
    """The lines of an order, and the table charge behind them when it is the first of a party.

    Where nobody has said how many guests there are, nothing is charged: a person does that later.
    """
    bands = state.bands
    if bands is None or check.charged or check.lines or not check.guests or check.dining != "eat_in":
        return lines
    band = bands.at(at.stamp.time)
    if band is None or not band.table_charge:
        return lines
    return (*lines, table_charge(state, band, at, line_id=f"{order_id}-charge", guests=check.guests))


def table_charge(state: State, band: TimeBand, at: At, *, line_id: str, guests: int) -> Line:
    tax_class = band.table_charge_tax_class
    return Line(
        line_id=line_id,
        product_id=TABLE_CHARGE,
        name=band.table_charge_name,
        quantity=guests,
        unit_price=band.table_charge,
        amount=guests * band.table_charge,
        tax_class=tax_class,
        tax_rate=state.tax.rate(tax_class, "eat_in", at.stamp.unix_s),
        tax_included=band.table_charge_tax_included,
        kind="charge",
    )


def stay_notice_at(state: State, at: At) -> str | None:
    """When devices say that a party that comes now has been there for long."""
    bands = state.bands
    band = None if bands is None else bands.at(at.stamp.time)
    return later(at.stamp.time, band.stay_notice_minutes) if band and band.stay_notice_minutes else None
