"""Discounts of open checks."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from hub.domain.check import Check, Move, total_of
from hub.domain.commands_price import STAFF_PRICES, DiscountCheck, RepriceCheck, VoidDiscount
from hub.domain.decide.at import At
from hub.domain.decide.coupons import accepted_coupon, coupons_on
from hub.domain.decide.floor import target_check
from hub.domain.device import may
from hub.domain.discount import Discount
from hub.domain.errors import Forbidden, InvalidRequest, NotFound
from hub.domain.evolve_price import discounted, repriced, standing_discounts, undiscounted
from hub.domain.facts import CheckDiscounted, DiscountVoided, Fact
from hub.domain.facts_price import CheckRepriced, LinePrice
from hub.domain.state import State

# A check with more than these is a mistake of a device, and each costs every device that shows the check.
DISCOUNTS_MAX = 50


def discount_check(state: State, command: DiscountCheck, at: At) -> list[Fact]:
    check = target_check(state, at, Move.DISCOUNT)
    if len(standing_discounts(check)) >= DISCOUNTS_MAX:
        raise InvalidRequest.at("", f"the check has {DISCOUNTS_MAX} discounts already")
    base = base_of(check, command.line_id)
    wish = _coupon(state, check, command, at) if command.coupon is not None else _wish(command, base, at)
    discount = replace(wish, amount=wish.takes(base))
    return [
        CheckDiscounted(
            check_id=check.check_id,
            check_no=check.check_no,
            discount=discount,
            check_version=check.version + 1,
            check_total=_total(state, discounted(check, discount)),
            reason=command.reason,
        )
    ]


def _wish(command: DiscountCheck, base: int, at: At) -> Discount:
    if command.kind is None or command.value is None:
        raise InvalidRequest.at("kind", "say kind and value, or a coupon")
    if isinstance(command.value, int) != (command.kind == "amount"):
        raise InvalidRequest.at("value", "an amount is an integer, a rate a decimal string below 1")
    if isinstance(command.value, int) and command.value > base:
        raise InvalidRequest.at("value", f"takes off more than there is: {base}")
    return Discount(
        kind=command.kind,
        value=command.value,
        amount=0,
        name=command.name,
        line_id=command.line_id,
        discount_id=at.mint(),
    )


def _coupon(state: State, check: Check, command: DiscountCheck, at: At) -> Discount:
    if (command.kind, command.value, command.line_id, command.name) != (None, None, None, ""):
        raise InvalidRequest.at("coupon", "a coupon says itself what it takes off, and where")
    return accepted_coupon(
        state,
        command.coupon or "",
        at,
        subtotal=sum(part.amount for part in check.sums),
        on_bill=coupons_on(check),
        besides=check.check_id,
    )


def base_of(check: Check, line_id: str | None) -> int:
    """What is left to take something off. Raises InvalidRequest for a line that the check does not have."""
    if line_id is None:
        return sum(part.amount for part in check.sums) - sum(
            one.amount for one in standing_discounts(check) if one.line_id is None
        )
    line = check.line(line_id)
    if line is None:
        raise InvalidRequest.at("line_id", f"no such line: {line_id}")
    return line.net


def void_discount(state: State, command: VoidDiscount, at: At) -> list[Fact]:
    check = target_check(state, at, Move.DISCOUNT)
    found = [one for one in standing_discounts(check) if one.discount_id == command.discount_id]
    if not found:
        raise NotFound(kind="discount", id=command.discount_id)
    return [
        DiscountVoided(
            check_id=check.check_id,
            check_no=check.check_no,
            discount_id=command.discount_id,
            name=found[0].name,
            amount=sum(one.amount for one in found),
            check_version=check.version + 1,
            check_total=_total(state, undiscounted(check, command.discount_id)),
            reason=command.reason,
        )
    ]


def reprice_check(state: State, command: RepriceCheck, at: At) -> list[Fact]:
    check = target_check(state, at, Move.DISCOUNT)
    price_list = command.price_list or ""
    permit_list(price_list, at)
    after = repriced(check, price_list)
    return [
        CheckRepriced(
            check_id=check.check_id,
            check_no=check.check_no,
            price_list=price_list,
            lines=tuple(
                LinePrice(new.line_id, new.unit_price, new.amount)
                for old, new in zip(check.lines, after.lines, strict=True)
                if new is not old
            ),
            check_version=check.version + 1,
            check_total=_total(state, after),
        )
    ]


def permit_list(price_list: str, at: At) -> None:
    """The staff's own prices are given at a register or by a manager. Raises Forbidden."""
    if price_list == STAFF_PRICES and not may(at.device.role, "price"):
        raise Forbidden(role=at.device.role)


def _total(state: State, check: Check) -> int:
    return total_of(check.sums, state.rounding, check.discounts)


DECISIONS: dict[type[Any], Any] = {
    DiscountCheck: discount_check,
    VoidDiscount: void_discount,
    RepriceCheck: reprice_check,
}
