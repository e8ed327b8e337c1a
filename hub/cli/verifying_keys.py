"""The part of `storehub verify` that is about customers: who can be read has a key, and nobody else."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from hub.cli.journal_file import JournalFile
from hub.domain.customer import Customer
from hub.store.packing import unpacked
from hub.store.queries import SQL

PAGE = 1000
_customer = msgspec.json.Decoder(Customer)


def check_keys(journal: JournalFile, secret: bytes | None, fault: Callable[[str], None]) -> None:
    """As of the saved state. secret: what keys are wrapped with; None when there is no such file."""
    from hub.store.vault import opened_by

    if journal.version < 2 or journal.db.execute(SQL["any_key"]).fetchone() is None:
        return
    if secret is None:
        fault("customers.key is missing: customers cannot be read")
    after = ""
    while rows := journal.db.execute(SQL["aggregates_after"], ("customers", after, PAGE)).fetchall():
        after = rows[-1][0]
        wanted = msgspec.json.encode([row[0] for row in rows]).decode()
        keys = {row[0]: bytes(row[1]) for row in journal.db.execute(SQL["keys_of"], (wanted,))}
        for customer_id, value in rows:
            customer = _customer.decode(unpacked(bytes(value), f"customers/{customer_id}"))
            if customer.active and customer.sealed and customer_id not in keys:
                fault(f"customer {customer_id} cannot be read: its key is missing")
            elif not customer.active and customer_id in keys:
                fault(f"customer {customer_id} is {customer.status}, but its key is there")
        if secret is not None and keys and not opened_by(secret, keys):
            fault("customers.key is not the one that this store's customers were sealed with")
            return
