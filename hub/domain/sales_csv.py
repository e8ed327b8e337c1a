"""Sales as lines of a CSV: what an accountant adds up, and gets the day reports to the yen.

Two files. `sales`: a line for each sale, void and refund, and for each deferred payment that was settled or failed (it
moves tenders, and no total). `lines`: a line for each line of them, with its part of every discount as the receipt
shares it, and its part of the tax. Voids and refunds are lines of their own with negative amounts, on the business day
on which they were made. So of any span of days: the totals of either file add up to the reports' net; the nets of
`lines` by product, category and tax rate, and the tenders of `sales` by kind, to the reports' sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from hub.domain import entries
from hub.domain.discount import RateKey
from hub.domain.evolve import fact_of, meta_of
from hub.domain.fact import Fact
from hub.domain.facts_credit import PaymentFailed, PaymentSettled
from hub.domain.facts_sale import SaleCompleted, SaleRefunded, SaleVoided
from hub.domain.money import share
from hub.domain.reckoning import SaleLine, TaxRow
from hub.domain.report import counted
from hub.domain.sale import RefundedLine, Tender
from hub.domain.state import Meta

Kind = Literal["sales", "lines"]
Cells = list[str | int]
# The lines of a sale by id; empty where the sale is kept no longer.
SoldLines = Mapping[str, SaleLine]

TENDER_KINDS: Final = ("cash", "card", "emoney", "qr", "voucher", "account", "points", "other")
_ABOUT: Final = ("seq", "kind", "business_date", "at", "receipt_no", "refund_no", "sale_id")
_WHO: Final = ("check_id", "register_id", "device_id", "staff_id", "customer_id")
COLUMNS: Final[dict[Kind, tuple[str, ...]]] = {
    "sales": (
        *_ABOUT, "taken_at", *_WHO, "guests", "subtotal", "discount", "adjustment", "tax_included", "tax_added",
        "total", *TENDER_KINDS, "points_used", "points_granted", "late", "reason", "flags",
    ),
    "lines": (
        *_ABOUT, *_WHO, "line_id", "parent_line_id", "product_id", "name", "category_id", "quantity", "unit_price",
        "amount", "discount", "net", "tax_class", "tax_rate", "tax_is_included", "tax", "total", "options", "in_plan",
        "late",
    ),
}  # fmt: skip
# The types of the entries that have lines here, as their bytes name them.
TYPES: Final = ('"type":"storehub.sale.', '"type":"storehub.payment.', '"type":"storehub.entry.recovered')

_Sold = SaleCompleted | SaleVoided | SaleRefunded
# Facts that have lines here.
Told = _Sold | PaymentSettled | PaymentFailed
TOLD: Final = (SaleCompleted, SaleVoided, SaleRefunded, PaymentSettled, PaymentFailed)


def told(raw: bytes, first: str, last: str) -> tuple[Fact, Meta] | None:
    """What an entry tells of money on the days from first to last; a recovered one as the entry that was lost."""
    envelope = entries.read(raw)
    fact = fact_of(envelope.type, bytes(envelope.data))
    shown = None if fact is None else counted(fact, meta_of(envelope))
    if shown is None or not isinstance(shown[0], TOLD) or not first <= shown[1].business_date <= last:
        return None
    return shown


def needs_sale(kind: Kind, fact: Fact) -> str | None:
    """The sale whose lines rows() must be told: what is given back does not say at which rate it was taxed."""
    return fact.sale_id if kind == "lines" and isinstance(fact, SaleVoided | SaleRefunded) else None


def rows(kind: Kind, fact: Fact, meta: Meta, sold: SoldLines) -> Iterator[Cells]:
    """The lines of a fact that counts on the day meta names; none for a fact that is no money."""
    if not isinstance(fact, TOLD):
        return
    if kind == "sales":
        yield _sale(fact, meta)
    elif isinstance(fact, _Sold):
        yield from _lines(fact, meta, sold)


def _about(fact: Told, meta: Meta) -> Cells:
    word = {SaleCompleted: "sale", SaleVoided: "void", SaleRefunded: "refund"}.get(type(fact), "payment")
    number = fact.refund_no if isinstance(fact, SaleRefunded) else ""
    return [meta.seq, word, meta.business_date, meta.time, fact.receipt_no, number, fact.sale_id]


def _who(fact: Told, meta: Meta) -> Cells:
    check, customer = ("", "") if not isinstance(fact, _Sold) else (fact.check_id, fact.customer_id)
    return [check or "", fact.register_id, meta.device_id, meta.staff_id or "", customer or ""]


def _sale(fact: Told, meta: Meta) -> Cells:
    if not isinstance(fact, _Sold):
        moved = [*((one, 1) for one in getattr(fact, "tenders", ())), *((one, -1) for one in fact.taken_off)]
        reason = getattr(fact, "reason", "")
        nothing: Cells = [0] * 7
        return [
            *_about(fact, meta), "", *_who(fact, meta), *nothing, *_by_kind(moved), 0, 0, "", reason, "",
        ]  # fmt: skip
    sign = 1 if isinstance(fact, SaleCompleted) else -1
    taxes = {True: 0, False: 0}
    for row in fact.taxes:
        taxes[row.included] += sign * row.tax
    taken = ""
    if isinstance(fact, SaleCompleted):
        subtotal, discount, adjustment = fact.subtotal, fact.discount, fact.adjustment
        guests, reason, flags = fact.guests, "", " ".join(fact.flags)
        points = [fact.points_used, fact.points_granted]
        taken = fact.taken.at if fact.taken is not None else ""
    else:
        subtotal, discount = -sum(line.amount for line in fact.lines), 0
        adjustment = -(fact.total - sum(row.due for row in fact.taxes))
        guests = -fact.guests if isinstance(fact, SaleVoided) else 0
        reason, flags = fact.reason, ""
        points = [-fact.points_returned, -fact.points_revoked]
    return [
        *_about(fact, meta), taken, *_who(fact, meta), guests, subtotal, discount, adjustment,
        taxes[True], taxes[False], sign * fact.total, *_by_kind([(one, sign) for one in fact.tenders]),
        *points, _flag(fact.late), reason, flags,
    ]  # fmt: skip


def _by_kind(tenders: Sequence[tuple[Tender, int]]) -> list[int]:
    return [sum(sign * one.amount for one, sign in tenders if one.kind == kind) for kind in TENDER_KINDS]


def _lines(fact: _Sold, meta: Meta, sold: SoldLines) -> Iterator[Cells]:
    sign = 1 if isinstance(fact, SaleCompleted) else -1
    about, who = _about(fact, meta), _who(fact, meta)
    there: list[tuple[SaleLine | RefundedLine, SaleLine | None, int]] = [
        (line, line, line.net) if isinstance(line, SaleLine) else (line, sold.get(line.line_id), line.amount)
        for line in fact.lines
    ]
    taxes = _taxes_of(fact.taxes, [(_key(line, fact.taxes), net) for _, line, net in there])
    rest = fact.total
    for (told, line, net), (row, tax) in zip(there, taxes, strict=True):
        due = net if row is None or row.included else net + tax
        rest -= due
        gross = told.amount if isinstance(told, SaleLine) else net
        rated: Cells = (
            [row.tax_class, row.rate or "", _flag(row.included)] if row is not None else ["", "", ""]
        )
        options = () if line is None else (f"{one.name} x{one.quantity}" for one in line.options)
        yield [
            *about, *who, told.line_id, (line.parent_line_id or "") if line is not None else "", told.product_id,
            told.name, told.category_id, sign * told.quantity, line.unit_price if line is not None else "",
            sign * gross, sign * (gross - net), sign * net, *rated, sign * tax, sign * due, "; ".join(options),
            _flag(line is not None and line.in_plan), _flag(fact.late),
        ]  # fmt: skip
    if rest:
        # What the total has beyond its lines: the adjustment of a sale that a device made without the hub.
        beside: Cells = ["", "", "", "adjustment", "", 0, "", 0, 0, 0, "", "", "", 0, sign * rest, "", ""]
        yield [*about, *who, *beside, _flag(fact.late)]


def _key(line: SaleLine | None, taxes: Sequence[TaxRow]) -> RateKey | None:
    """At which rate a line was taxed: known from the sale, or because its bill has one rate only."""
    if line is not None:
        return line.key
    return (taxes[0].rate, taxes[0].included) if len(taxes) == 1 else None


def _taxes_of(
    taxes: Sequence[TaxRow], lines: Sequence[tuple[RateKey | None, int]]
) -> list[tuple[TaxRow | None, int]]:
    """Each line's row of the bill and its part of the tax, which was rounded once for all lines of the rate."""
    found: list[tuple[TaxRow | None, int]] = [(None, 0)] * len(lines)
    for row in taxes:
        mine = [index for index, (key, _) in enumerate(lines) if key == (row.rate, row.included)]
        parts = share(row.tax, [lines[index][1] for index in mine]) if mine else []
        for index, part in zip(mine, parts, strict=True):
            found[index] = (row, part)
    return found


def _flag(value: bool) -> str:
    return "true" if value else ""
