"""What the facts mean for the count of numbers, and for the record of why each is where it is."""

from __future__ import annotations

from hub.domain.numbering import NumberDay, NumberKind, NumberRange, NumberUse
from hub.domain.numbers import parsed
from hub.domain.sale import Sale
from hub.domain.state import Meta, State


def handed_out(
    state: State, series: str, first: int, last: int, meta: Meta, *, register_id: str | None = None
) -> None:
    """Numbers up to `last` are gone from the count. Those before `first` that nobody took came to light too."""
    name = f"receipt_no:{series}"
    known = state.counters.get(name) or 0
    if last <= known:
        return
    day = state.number_days.get(meta.business_date) or NumberDay(meta.business_date)
    if first > known + 1:
        day = day.with_range(NumberRange(series, known + 1, first - 1))
    day = day.with_range(NumberRange(series, max(first, known + 1), last, register_id))
    state.number_days.put(meta.business_date, day)
    state.counters.put(name, last)


def number_used(
    state: State,
    receipt_no: str,
    kind: NumberKind,
    about: str,
    meta: Meta,
    *,
    register_id: str | None = None,
) -> None:
    """The number stands on a paper. One that is not in our form is nobody's gap."""
    number = parsed(receipt_no)
    if number is None:
        return
    handed_out(state, number[0], number[1], number[1], meta)
    state.number_uses.put(
        receipt_no,
        NumberUse(
            receipt_no=receipt_no,
            kind=kind,
            about=about,
            business_date=meta.business_date,
            at=meta.time,
            register_id=register_id,
        ),
    )


def number_voided(state: State, sale: Sale) -> None:
    """The number stays with its sale, which counts as not made."""
    if parsed(sale.receipt_no) is not None:
        state.number_uses.put(
            sale.receipt_no,
            NumberUse(
                receipt_no=sale.receipt_no,
                kind="sale",
                about=sale.sale_id,
                business_date=sale.business_date,
                at=sale.accepted_at,
                register_id=sale.register_id,
                voided=True,
            ),
        )
