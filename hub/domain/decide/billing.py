"""What a check comes to now: lines, charges, deals, discounts and taxes. The preview, the bill and the sale agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from hub.domain.check import Check
from hub.domain.deals import Offers, deals_on
from hub.domain.decide.at import At
from hub.domain.decide.charges import Extras, extras_of, reckon_check
from hub.domain.discount import Discount, RateKey
from hub.domain.menu import Dining, Product
from hub.domain.reckoning import Reckoning, SaleLine, sale_line
from hub.domain.state import State


def bill_of(
    state: State,
    check: Check,
    offers: Offers,
    at: At,
    *,
    dining: Dining | None = None,
    wishes: Sequence[Discount] = (),
) -> tuple[Reckoning, Extras]:
    """The check's bill. One that is billed keeps what the guest was told.

    dining: where the guest eats after all, said at the till. wishes: discounts that come with the sale.
    Raises InvalidRequest for a wish that cannot be.
    """
    now_s = at.stamp.unix_s
    lines = [
        sale_line(line, dining=check.dining, wished=dining, schedule=state.tax, unix_s=now_s)
        for line in check.lines
    ]
    extras = extras_of(state, check, at)
    if check.status == "open":
        deals = deals_of(check.opened_at, lines, offers, now_s, wishes)
    else:
        deals = () if check.bill is None else check.bill.deals
    carries = _carries(check, lines, extras)
    return reckon_check(state, check, extras, lines, wishes, at, carries=carries, deals=deals), extras


def deals_of(
    opened_at: str | None, lines: Sequence[SaleLine], offers: Offers, now_s: float, wishes: Sequence[Discount]
) -> tuple[Discount, ...]:
    """The deals that the lines earn. opened_at None: a sale over the counter begins now."""
    if not offers.deals:
        return ()
    opened_s = now_s if opened_at is None else datetime.fromisoformat(opened_at).timestamp()
    besides = {wish.line_id for wish in wishes if wish.line_id is not None}
    return deals_on(lines, offers, opened_s=opened_s, now_s=now_s, besides=besides)


def _carries(check: Check, lines: list[SaleLine], extras: Extras) -> dict[RateKey, int]:
    """The carries of the check's rates; none when a line changed its rate at the till."""
    if any(sold.tax_rate != line.tax_rate for sold, line in zip(lines, check.lines, strict=True)):
        return {}
    carries = {(part.rate, part.included): part.carry for part in check.sums if part.carry}
    if check.service_tax and (own := [one for one in extras.charges if not one.tax_included]):
        key = (own[0].tax_rate, False)
        carries[key] = carries.get(key, 0) + check.service_tax
    return carries


def offers_now(state: State) -> Offers:
    """For decisions: what was decided last."""

    def category_of(product_id: str) -> str:
        product = state.products.get(product_id)
        return "" if product is None else product.category_id

    return Offers(tuple(deal for _, deal in state.deals.items()), category_of)


def offers_committed(state: State) -> Offers:
    """For readers: what is on disk."""
    products: Mapping[str, Product] = state.products.committed

    def category_of(product_id: str) -> str:
        product = products.get(product_id)
        return "" if product is None else product.category_id

    return Offers(tuple(state.deals.committed.values()), category_of)
