"""Customers in clear, a page at a time: for the file that a manager takes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from hub.domain.csv_cells import Encoder, Encoding, csv_text
from hub.domain.customer import CUSTOMER_COLUMNS, PERSON_COLUMNS, Customer, Person
from hub.service.hub import Core

# Opened at a stretch: some milliseconds' worth, and devices are served in between.
PAGE: Final = 200
_person: Final = msgspec.json.Decoder(Person)


class CustomerPage(Struct, frozen=True):
    """Those that have a key. after: where the next page begins; None: there is none.

    points_seq: the entry up to which the points hold everything: a store that reads them again books nothing twice.
    """

    customers: Sequence[tuple[Customer, Person]]
    points_seq: int
    after: str | None

    def lines(self) -> list[list[str | int]]:
        """A line of CUSTOMER_COLUMNS for each."""
        return [
            [one.id, *(getattr(person, name) for name in PERSON_COLUMNS), one.points, self.points_seq]
            for one, person in self.customers
        ]


async def customers_csv(core: Core, *, encoding: Encoding = "utf-8") -> AsyncIterator[bytes]:
    """The file's bytes, page by page, however many there are. Raises StoreError, HubError."""
    encode = Encoder(encoding)
    rows: list[Sequence[str | int]] = [CUSTOMER_COLUMNS]
    after: str | None = ""
    while after is not None:
        page = await customer_page(core, after)
        yield encode(csv_text([*rows, *page.lines()]))
        rows, after = [], page.after
        await asyncio.sleep(0)


async def customer_page(core: Core, after: str) -> CustomerPage:
    """Active customers in the order of their ids. Raises StoreError, HubError."""
    customers = core.customers
    if customers is None:
        return CustomerPage((), core.journal.position.seq, None)
    # A key that is to be destroyed is destroyed before anything is read with it.
    await customers.follow()
    while True:
        saved_seq = core.saver.seq
        page: list[Customer] = await core.keeper.of_shelf("customers", after=after, limit=PAGE)
        # Saved meanwhile: what was read may be older than the position that is told with it.
        if core.saver.seq == saved_seq:
            break
    end = page[-1].id if len(page) == PAGE else None
    found = {one.id: one for one in page}
    for one in core.state.customers.committed.values():
        if one.id > after and (end is None or one.id <= end):
            found[one.id] = one
    seq = core.journal.position.seq
    there = [found[key] for key in sorted(found) if found[key].active and found[key].sealed]
    keys = await customers.keys.keys([one.id for one in there])
    opened = [
        (one, _person.decode(key.open(one.sealed))) for one in there if (key := keys.get(one.id)) is not None
    ]
    return CustomerPage(opened, seq, end)
