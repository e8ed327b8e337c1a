"""Customers as people see them: found, shown, kept searchable as entries come, and their keys destroyed in time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from hub.domain.customer import Customer, Person, expiry
from hub.domain.decide.points import lapsed, number
from hub.domain.errors import InvalidRequest, NotFound
from hub.domain.facts import EntryRecovered, Fact, MasterApplied
from hub.domain.facts_customer import (
    CustomerChanged,
    CustomerForgotten,
    CustomerMerged,
    CustomerRegistered,
)
from hub.domain.needs import fact_needs
from hub.domain.state import Meta, State
from hub.ports import KeyKeeper, StateKeeper, StoreError
from hub.service.customer_index import CustomerIndex, terms_of

log = logging.getLogger(__name__)

PAGE: Final = 20
# Records opened at a stretch while the index is made: some milliseconds' worth, and as long a rest for others.
SLICE: Final = 200
REST_S: Final = 0.004
# Facts that may say something new of who a customer is.
CONCERNED: Final = frozenset(
    {CustomerRegistered, CustomerChanged, CustomerMerged, CustomerForgotten, MasterApplied, EntryRecovered}
)
_person: Final = msgspec.json.Decoder(Person)


class Customers:
    """complete: every customer can be found. After a start the index is made in the background."""

    def __init__(self, *, state: State, keeper: StateKeeper, keys: KeyKeeper) -> None:
        self._state = state
        self._keeper = keeper
        self.keys = keys
        self.index = CustomerIndex()
        self.complete = False
        self._built = asyncio.Event()
        # Records that changed, and were not looked at yet.
        self._changed: set[str] = set()
        self._turn = asyncio.Lock()
        self._news = asyncio.Event()
        # Removed while the index was being made: an older copy of theirs must not come in after.
        self._ended: set[str] = set()

    # -- following the journal ----------------------------------------------------------------------------------

    def committed(self, facts: Sequence[tuple[Fact, Meta]]) -> None:
        """Called after each commit."""
        for fact, meta in facts:
            for shelf, key in fact_needs(fact, meta) if type(fact) in CONCERNED else ():
                if shelf == "customers":
                    self._changed.add(key)
        if self._changed:
            self._news.set()

    async def follow(self) -> None:
        """Return when what was committed before can be found, and keys that must not be are destroyed.

        Raises StoreError; what could not be done is done the next time.
        """
        async with self._turn:
            while self._changed:
                ids = list(self._changed)[:SLICE]
                # Before they are looked at: one that changes meanwhile is looked at again.
                self._changed.difference_update(ids)
                try:
                    await self._take_in(await self.records(ids))
                except BaseException:
                    self._changed.update(ids)
                    raise
                await asyncio.sleep(0)

    async def run(self) -> None:
        """Make the index, then keep it. Cancel to end."""
        await self._build()
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self.follow()
            except StoreError as error:
                log.warning("customers could not be read, trying again: %s", error)
                await asyncio.sleep(1.0)
                self._news.set()

    async def built(self) -> None:
        """Return when everyone can be found."""
        await self._built.wait()

    async def _build(self) -> None:
        after = ""
        while True:
            try:
                page = await self._keeper.of_shelf("customers", after=after, limit=SLICE)
                for customer in self._state.customers.committed.values() if not after else ():
                    self._changed.add(customer.id)
                fresh = [one for one in page if one.id not in self.index and one.id not in self._ended]
                await self._take_in(fresh, only_new=True)
            except StoreError as error:
                log.warning("customers could not be read, trying again: %s", error)
                await asyncio.sleep(1.0)
                continue
            if len(page) < SLICE:
                break
            after = page[-1].id
            await asyncio.sleep(REST_S)
        try:
            await self.follow()
        except StoreError as error:
            log.warning("customers cannot be searched in full: %s", error)
            self._news.set()
        self.complete = True
        self._ended.clear()
        self._built.set()

    async def _take_in(self, records: Sequence[Customer], *, only_new: bool = False) -> None:
        ended = [one.id for one in records if not one.active]
        keys = await self.keys.keys([one.id for one in records])
        for customer in records:
            if only_new and (customer.id in self.index or customer.id in self._ended):
                continue
            key = keys.get(customer.id)
            if not customer.active:
                self.index.remove(customer.id)
                if not self.complete:
                    self._ended.add(customer.id)
            elif key is not None and customer.sealed:
                try:
                    person = _person.decode(key.open(customer.sealed))
                except ValueError:
                    log.error("customer %s cannot be opened with its key", customer.id)
                    continue
                self.index.put(customer.id, person, own=customer.origin == "store")
        if lost := [one for one in ended if one in keys]:
            await self.keys.destroy(lost)

    # -- keys that travel ---------------------------------------------------------------------------------------

    async def ended(self, ids: Sequence[str]) -> set[str]:
        """Of these, whose record has ended: their keys must be nowhere. Raises StoreError."""
        return {one.id for one in await self.records(ids) if not one.active}

    def keys_came(self, ids: Sequence[str]) -> None:
        """These can be read now: they are looked at anew."""
        self._changed.update(ids)
        self._news.set()

    async def records(self, ids: Sequence[str]) -> list[Customer]:
        """As committed: from memory, and from the table those that have left it."""
        known = self._state.customers.committed
        there = [known[one] for one in ids if one in known]
        missing = [one for one in ids if one not in known]
        if missing:
            there += await self._keeper.read_many("customers", missing)
        return there

    # -- reading ------------------------------------------------------------------------------------------------

    async def search(self, query: str, *, after: str | None, today: str) -> dict[str, Any]:
        """The body of GET /v1/customers. Raises InvalidRequest, StoreError."""
        terms = terms_of(query)
        if not terms:
            raise InvalidRequest.at("q", "say at least one letter or digit")
        ids = self.index.search(terms, after=after or None, limit=PAGE + 1)
        if ids is None:
            raise InvalidRequest.at("cursor", "the list has changed: begin again")
        page = ids[:PAGE]
        records = {one.id: one for one in await self.records(page)}
        keys = await self.keys.keys(page)
        shown = [self._view(records[one], keys[one], today) for one in page if one in records and one in keys]
        return {
            "customers": shown,
            "next_cursor": page[-1] if len(ids) > PAGE else None,
            "complete": self.complete,
        }

    async def standing(self, customer_id: str) -> Customer:
        """The committed record that stands for the customer. Raises NotFound when there is none (any more)."""
        wanted: str | None = customer_id
        while wanted is not None:
            found = await self.records([wanted])
            if not found:
                break
            if found[0].active:
                return found[0]
            wanted = found[0].merged_into
        raise NotFound(kind="customer", id=customer_id)

    async def view(self, customer_id: str, *, today: str) -> dict[str, Any]:
        """The body of GET /v1/customers/{id}. Raises NotFound, StoreError."""
        customer = await self.standing(customer_id)
        keys = await self.keys.keys([customer.id])
        return self._view(customer, keys.get(customer.id), today)

    def _view(self, customer: Customer, key: Any, today: str) -> dict[str, Any]:
        person = Person()
        if key is not None and customer.sealed:
            person = _person.decode(key.open(customer.sealed))
        return {
            "customer_id": customer.id,
            **{name: getattr(person, name) for name in Person.__struct_fields__},
            **self.points_view(customer, today),
            "origin": customer.origin,
            "version": customer.version,
        }

    def points_view(self, customer: Customer, today: str) -> dict[str, Any]:
        """points: the balance; points_available: what can be used today; expires_on: the last day for that."""
        days = number(self._state, "points_expire_days") or 0
        return {
            "points": customer.points,
            "points_available": max(0, customer.points - lapsed(self._state, customer, today)),
            "expires_on": expiry(customer.moved_on, days) if customer.points > 0 else None,
        }
