"""Formal receipts (領収書): what they are, and which stamp duty (印紙税) they bear."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from hub.domain.money import share
from hub.domain.reckoning import TaxRow

# issued: in the guest's hands, any number of copies marked 再発行.  withdrawn: taken back (wrong name, sale voided).
FormalStatus = Literal["issued", "withdrawn"]


class FormalMove(StrEnum):
    REISSUE = "reissue"
    WITHDRAW = "withdraw"


NEXT: Final[dict[tuple[FormalStatus, FormalMove], FormalStatus]] = {
    ("issued", FormalMove.REISSUE): "issued",
    ("issued", FormalMove.WITHDRAW): "withdrawn",
}

# Stamp duty Act (印紙税法), table 1 no. 17-1: receipts for sales money, by the amount without tax. (up to, yen).
# Under 50,000 there is none; beyond the last step it is 200,000.
STAMP_FREE_BELOW: Final = 50_000
STAMP_STEPS: Final = (
    (1_000_000, 200), (2_000_000, 400), (3_000_000, 600), (5_000_000, 1_000), (10_000_000, 2_000),
    (20_000_000, 4_000), (30_000_000, 6_000), (50_000_000, 10_000), (100_000_000, 20_000),
    (200_000_000, 40_000), (300_000_000, 60_000), (500_000_000, 100_000), (1_000_000_000, 150_000),
)  # fmt: skip


class FormalReceipt(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One formal receipt over a part or the whole of what was received: for a sale, as a deposit, or on account.

    taxes: the part's own rows; those of receipts that cover a sale add up to the sale's. card_amount: how much of it
    was paid by credit card, which the paper must say for it to be free of duty. stamp_duty: in yen, 0 for none.
    deposit: given before the sale was made, so it says nothing of tax.
    """

    formal_id: str
    formal_no: str
    amount: int
    taxes: tuple[TaxRow, ...]
    issued_at: str
    business_date: str
    addressee: str = ""
    proviso: str = ""
    electronic: bool = False
    card_amount: int = 0
    stamp_duty: int = 0
    registration_no: str | None = None
    status: FormalStatus = "issued"
    reissues: int = 0
    reason: str = ""
    deposit: bool = False


def issued(receipts: Iterable[FormalReceipt]) -> tuple[FormalReceipt, ...]:
    """Those that are in guests' hands."""
    return tuple(receipt for receipt in receipts if receipt.status == "issued")


def withdrawn(receipts: Iterable[FormalReceipt]) -> tuple[FormalReceipt, ...]:
    """The receipts as they are when what they were for counts as not received."""
    return tuple(replace(receipt, status="withdrawn") for receipt in receipts)


def stamp_duty(net: int) -> int:
    """The duty in yen on a paper receipt over so much without tax."""
    if net < STAMP_FREE_BELOW:
        return 0
    return next((duty for most, duty in STAMP_STEPS if net <= most), 200_000)


def dutiable(amount: int, tax: int, card: int) -> int:
    """What duty is judged on: the part not paid by credit card, without its tax (which the receipt prints apart)."""
    paid = amount - card
    return paid - (tax * paid // amount if amount else 0)


def part_of(rows: Sequence[TaxRow], amount: int) -> tuple[TaxRow, ...]:
    """The rows of an amount that is part of what `rows` come to, shared between the rates in proportion.

    All of it comes to the rows themselves: so parts, each taken from what the one before left, add up exactly.
    """
    parts = []
    for row, due in zip(rows, share(amount, [row.due for row in rows]), strict=True):
        if due:
            tax = row.tax * due // (row.due or 1)
            parts.append(
                TaxRow(row.tax_class, row.rate, due if row.included else due - tax, tax, row.included)
            )
    return tuple(parts)


def left_of(rows: Sequence[TaxRow], taken: Sequence[TaxRow]) -> tuple[TaxRow, ...]:
    """The rows less others of the same rates; never below nothing."""
    less: dict[tuple[str | None, bool], tuple[int, int]] = {}
    for row in taken:
        amount, tax = less.get((row.rate, row.included), (0, 0))
        less[row.rate, row.included] = (amount + row.taxable, tax + row.tax)
    left = []
    for row in rows:
        amount, tax = less.get((row.rate, row.included), (0, 0))
        left.append(
            TaxRow(row.tax_class, row.rate, max(0, row.taxable - amount), max(0, row.tax - tax), row.included)
        )
    return tuple(left)
