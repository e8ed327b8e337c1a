"""The state's tables: what was on the shelves at the entry `saved`, and what is too old to be kept in memory.

They follow the journal. A start loads what is live and evolves the few entries after `saved`; nothing here
is ever ahead of the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import Struct

from hub.domain.check import Check
from hub.domain.credit import Account, AccountMove, Payment, Received
from hub.domain.customer import Customer, Movement
from hub.domain.day import Day
from hub.domain.device import Device
from hub.domain.facts import After
from hub.domain.facts_clock import Correction
from hub.domain.facts_stock import StockMoved
from hub.domain.layaway import Layaway
from hub.domain.menu import (
    Category,
    OptionGroup,
    Product,
    Staff,
    Table,
    TaxRate,
    TenderMethod,
    TimeBand,
)
from hub.domain.menu_offers import Coupon, CouponUse, Deal
from hub.domain.numbering import NumberDay, NumberUse
from hub.domain.numbers import RegisterNumbers
from hub.domain.register import RegisterDay
from hub.domain.report_sums import DayReport
from hub.domain.sale import Sale
from hub.domain.shelf import Shelf
from hub.domain.staff import Approval, StaffPin, StaffSession
from hub.domain.state import State
from hub.domain.stock import Stock, StockMovement
from hub.ports import StoreError
from hub.store.journal import Journal
from hub.store.packing import packed, unpacked


class Kept(Struct, frozen=True):
    """How a shelf is kept: its values' type, whether a value stays in memory, and the day it is listed under.

    ages: a value that nothing changes stays in memory for some days only.
    """

    type: Any
    live: Callable[[Any, str], bool] = lambda value, today: True
    day: Callable[[Any], str | None] = lambda value: None
    ages: bool = False


def _of_these_days(approval: Approval, today: str) -> bool:
    """An approval lasts a day at most."""
    return (date.fromisoformat(today) - date.fromisoformat(approval.business_date)).days <= 1


# Everything not named here is a shelf of small values that all stay in memory.
SHELVES: Final[dict[str, Kept]] = {
    "categories": Kept(Category),
    "products": Kept(Product),
    "option_groups": Kept(OptionGroup),
    "tax_rates": Kept(TaxRate),
    "tables": Kept(Table),
    "tender_methods": Kept(TenderMethod),
    "staff": Kept(Staff),
    "time_bands": Kept(TimeBand),
    "deals": Kept(Deal),
    "coupons": Kept(Coupon),
    "coupon_uses": Kept(CouponUse),
    # Too many to stay in memory, and hardly any of them comes today: brought back when one is named.
    "customers": Kept(Customer, lambda customer, today: False),
    "movements": Kept(Movement, lambda movement, today: False, lambda movement: movement.customer_id),
    "devices": Kept(Device),
    "checks": Kept(Check, lambda check, today: not check.ended, lambda check: check.business_date),
    "seated": Kept(str),
    "sharing": Kept(tuple[str, ...]),
    "payments": Kept(Payment, lambda payment, today: payment.open, lambda payment: payment.business_date),
    "accounts": Kept(Account),
    # Listed by account, not by day.
    "account_moves": Kept(AccountMove, lambda move, today: False, lambda move: move.account_id),
    "received": Kept(Received, lambda payment, today: False, lambda payment: payment.account_id),
    "layaways": Kept(
        Layaway, lambda layaway, today: layaway.status == "open", lambda layaway: layaway.business_date
    ),
    "numbers": Kept(RegisterNumbers),
    "number_days": Kept(NumberDay),
    # Listed by bucket of numbers, not by day: a number may be used on another day than it was handed out.
    "number_uses": Kept(NumberUse, lambda use, today: False, lambda use: use.bucket),
    "registers": Kept(
        RegisterDay, lambda register, today: not register.day_closed, lambda register: register.business_date
    ),
    "days": Kept(Day, lambda day, today: day.open, lambda day: day.business_date),
    "corrections": Kept(Correction),
    "counters": Kept(int),
    "settings": Kept(str),
    "local_prices": Kept(int),
    "stock": Kept(Stock),
    "stock_waiting": Kept(StockMoved),
    "stock_moves": Kept(StockMovement, lambda move, today: False, lambda move: move.product_id),
    "staff_sessions": Kept(StaffSession),
    "staff_pins": Kept(StaffPin),
    "approvals": Kept(Approval, _of_these_days, lambda approval: approval.business_date, ages=True),
    "sales": Kept(Sale, lambda sale, today: False, lambda sale: sale.business_date),
}
REPORTS: Final = "reports"
# Aggregates encoded or decoded at a stretch: about a millisecond's worth.
SLICE: Final = 40
_report: Final = msgspec.json.Decoder(DayReport)


def aged(shelf: Shelf[Any], today: str) -> set[str]:
    """Keys of what stood in memory for some days, and need not any more."""
    kept = SHELVES[shelf.name]
    if not kept.ages:
        return set()
    return {key for key, value in shelf.committed.items() if not kept.live(value, today)}


@cache
def _decoder(shelf: str) -> msgspec.json.Decoder[Any]:
    """Made when the shelf is first read: a start waits for none that it does not need."""
    return msgspec.json.Decoder(SHELVES[shelf].type)


def _decoded(shelf: str, key: str, value: bytes) -> Any:
    """Raises StoreError for a value that is damaged."""
    try:
        return _decoder(shelf).decode(unpacked(value, f"{shelf}/{key}"))
    except (KeyError, msgspec.MsgspecError, TypeError) as error:
        raise StoreError(f"the saved value {shelf}/{key} is damaged: {error}", damaged=True) from error


def _report_of(date: str, value: bytes) -> DayReport:
    try:
        return _report.decode(unpacked(value, f"{REPORTS}/{date}"))
    except (msgspec.MsgspecError, TypeError) as error:
        raise StoreError(f"a saved report is damaged: {error}", damaged=True) from error


class StateStore:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def _value(self, shelf: str, key: str, value: bytes) -> Any:
        try:
            return _decoded(shelf, key, value)
        except StoreError as error:
            self._journal.tell_damage(str(error))
            raise

    async def load(self, state: State) -> After:
        """Fill the shelves with what is live; the entry as of which that was saved."""
        shelves = {shelf.name: shelf for shelf in state.shelves()}
        for name, key, value in await self._journal.rows("live_aggregates"):
            if name not in shelves:
                raise StoreError(f"there is no shelf {name!r}", damaged=True)
            shelves[name].load(key, self._value(name, key, value))
        saved = await self._journal.rows("saved")
        if not saved:
            raise StoreError("nothing says how far the tables have come", damaged=True)
        seq, epoch, digest = saved[0]
        return After(epoch, seq, digest)

    async def fetch(self, state: State, shelf: str, keys: Sequence[str]) -> None:
        for key, value in await self._journal.rows(
            "aggregates_of", (shelf, msgspec.json.encode(keys).decode())
        ):
            getattr(state, shelf).load(key, self._value(shelf, key, value))

    async def read(self, shelf: str, key: str) -> Any:
        for (value,) in await self._journal.rows("aggregate", (shelf, key)):
            return self._value(shelf, key, value)
        return None

    async def read_many(self, shelf: str, keys: Sequence[str]) -> list[Any]:
        rows = await self._journal.rows("aggregates_of", (shelf, msgspec.json.encode(keys).decode()))
        return [self._value(shelf, key, value) for key, value in rows]

    async def of_shelf(self, shelf: str, *, after: str, limit: int) -> list[Any]:
        rows = await self._journal.rows("aggregates_after", (shelf, after, limit))
        return await self._values(shelf, ((key, value) for key, value in rows))

    async def of_day(self, shelf: str, day: str, *, after: str, limit: int) -> list[Any]:
        rows = await self._journal.rows("aggregates_of_day", (shelf, day, after, limit))
        return await self._values(shelf, ((key, value) for key, value in rows))

    async def before(self, shelf: str, day: str, key: str, *, limit: int) -> list[Any]:
        """Values listed under (day, id) less than these, newest first."""
        rows = await self._journal.rows("aggregates_from_day", (shelf, day, key, limit))
        return await self._values(shelf, ((key, value) for _, key, value in rows))

    async def _values(self, shelf: str, rows: Iterable[tuple[str, bytes]]) -> list[Any]:
        """The values of a page; devices are served while it is decoded."""
        found = []
        for number, (key, value) in enumerate(rows, 1):
            found.append(self._value(shelf, key, value))
            if number % SLICE == 0:
                await asyncio.sleep(0)
        return found

    async def save(
        self,
        state: State,
        *,
        requests: Sequence[tuple[int, int]],
        reports: Sequence[DayReport],
        position: After,
        today: str,
    ) -> None:
        """Write what changed and move `saved`, in one transaction; then let go of what need not stay in memory."""
        # A report changes with the next order, so it is encoded now; aggregates are immutable and have time.
        puts: list[tuple[object, ...]] = [
            (REPORTS, report.business_date, 0, None, packed(report, f"{REPORTS}/{report.business_date}"))
            for report in reports
        ]
        taken: list[tuple[str, Kept, str, Any]] = []
        drops: list[tuple[object, ...]] = []
        written: list[tuple[Any, set[str]]] = []
        for shelf in state.shelves():
            kept = SHELVES[shelf.name]
            keys, shelf.dirty = shelf.dirty | aged(shelf, today), set()
            written.append((shelf, keys))
            for key in keys:
                value = shelf.committed.get(key)
                if value is None:
                    drops.append((shelf.name, key))
                else:
                    taken.append((shelf.name, kept, key, value))
        try:
            for start in range(0, len(taken), SLICE):
                for name, kept, key, value in taken[start : start + SLICE]:
                    live = int(kept.live(value, today))
                    puts.append((name, key, live, kept.day(value), packed(value, f"{name}/{key}")))
                await asyncio.sleep(0)
            await self._journal.transact(
                [
                    ("put_aggregate", puts),
                    ("drop_aggregate", drops),
                    ("put_request", [(msgspec.json.encode(requests),)] if requests else []),
                    ("move_saved", [(position.seq, position.epoch, position.hash)]),
                ]
            )
        except BaseException:
            for shelf, keys in written:
                shelf.dirty |= keys
            raise
        for shelf, keys in written:
            kept = SHELVES[shelf.name]
            for key in keys:
                value = shelf.committed.get(key)
                if value is not None and not kept.live(value, today):
                    shelf.forget(key)

    async def reports(self) -> tuple[list[str], list[DayReport]]:
        days = [str(row[0]) for row in await self._journal.rows("report_days")]
        newest = [await self.report(day) for day in days[:3]]
        return days, [report for report in newest if report is not None]

    async def report(self, date: str) -> DayReport | None:
        for (value,) in await self._journal.rows("aggregate", (REPORTS, date)):
            try:
                return _report_of(date, value)
            except StoreError as error:
                self._journal.tell_damage(str(error))
                raise
        return None

    async def requests_of(self, fingerprint: int) -> list[int]:
        return [int(row[0]) for row in await self._journal.rows("requests_of", (fingerprint,))]

    async def requests_after(self, fingerprint: int, seq: int, *, limit: int) -> list[tuple[int, int]]:
        rows = await self._journal.rows("requests_after", (fingerprint, seq, limit))
        return [(int(row[0]), int(row[1])) for row in rows]
