"""What discounts mean for the check that they stand on."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from hub.domain.check import Check, Line, Move, add_lines, total_of
from hub.domain.discount import Discount
from hub.domain.evolve_floor import Misfit, check_at
from hub.domain.facts_price import CheckDiscounted, CheckRepriced, DiscountVoided
from hub.domain.menu_offers import CouponUse
from hub.domain.state import Meta, State


def standing_discounts(check: Check) -> list[Discount]:
    """All discounts on the check, with what each takes off as things stand: of the lines, then of the subtotal."""
    found = [replace(one, line_id=line.line_id) for line in check.lines for one in line.discounts]
    reached = left = sum(part.amount for part in check.sums)
    for deal in () if check.bill is None else check.bill.deals:
        found.append(deal)
        left -= deal.amount
    for discount in check.discounts:
        cut = discount.takes(left) if reached >= discount.minimum else 0
        left -= cut
        found.append(replace(discount, amount=cut))
    return found


def discounted(check: Check, discount: Discount) -> Check:
    """The check with one more discount; total and version stay. Raises Misfit when its line is not there."""
    if discount.line_id is None:
        return replace(check, discounts=(*check.discounts, discount))
    line = check.line(discount.line_id)
    if line is None:
        raise Misfit(f"line {discount.line_id} is not there")
    mine = replace(discount, amount=min(discount.amount, line.net), line_id=None)
    return _changed(check, {line.line_id: line.with_discounts((*line.discounts, mine))})


def undiscounted(check: Check, discount_id: str) -> Check:
    """The check without that discount, wherever it stands; total and version stay as they are."""
    bare = {
        line.line_id: line.with_discounts(
            tuple(one for one in line.discounts if one.discount_id != discount_id)
        )
        for line in check.lines
        if any(one.discount_id == discount_id for one in line.discounts)
    }
    left = tuple(one for one in check.discounts if one.discount_id != discount_id)
    return replace(_changed(check, bare), discounts=left)


def _changed(check: Check, lines: dict[str, Line]) -> Check:
    """The check with these lines in place of those of the same id."""
    old = [line for line in check.lines if line.line_id in lines]
    sums = add_lines(add_lines(check.sums, old, -1), lines.values()) if old else check.sums
    return replace(check, lines=tuple(lines.get(line.line_id, line) for line in check.lines), sums=sums)


def repriced(check: Check, price_list: str) -> Check:
    """The check at the prices of that list, as they were when its lines were ordered; total and version stay."""
    lines = {line.line_id: new for line in check.lines if (new := line.at_list(price_list)) is not line}
    return replace(_changed(check, lines), price_list=price_list)


def check_repriced(state: State, fact: CheckRepriced, meta: Meta) -> None:
    _put(state, repriced(check_at(state, fact.check_id, Move.DISCOUNT), fact.price_list))


def check_discounted(state: State, fact: CheckDiscounted, meta: Meta) -> None:
    _put(state, discounted(check_at(state, fact.check_id, Move.DISCOUNT), fact.discount))


def discount_voided(state: State, fact: DiscountVoided, meta: Meta) -> None:
    _put(state, undiscounted(check_at(state, fact.check_id, Move.DISCOUNT), fact.discount_id))


def _put(state: State, check: Check) -> None:
    total = total_of(check.sums, state.rounding, check.discounts)
    state.checks.put(check.check_id, replace(check, total=total, version=check.version + 1))


def use_coupons(state: State, discounts: Iterable[Discount], sale_id: str, *, back: bool = False) -> None:
    """Remember which coupons that work once a sale has used (back: that it was voided, and they are good again)."""
    single = {one.coupon_id for one in discounts if one.single_use and one.coupon_id is not None}
    for coupon_id in sorted(single):
        use = state.coupon_uses.get(coupon_id)
        others = tuple(one for one in (() if use is None else use.sale_ids) if one != sale_id)
        sale_ids = others if back else (*others, sale_id)
        if sale_ids:
            state.coupon_uses.put(coupon_id, CouponUse(sale_ids))
        else:
            state.coupon_uses.remove(coupon_id)
