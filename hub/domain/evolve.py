"""evolve(state, fact, meta): what a fact means for the state. The same code runs when it is decided and when it is read again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from hub.domain import entries
from hub.domain.check import Check, Line
from hub.domain.decide.menu import KINDS
from hub.domain.device import Device
from hub.domain.facts import (
    CORE_FACTS,
    CheckOpened,
    DevicePaired,
    DeviceRevoked,
    EntryCorrected,
    EntryRecovered,
    Fact,
    HubStarted,
    MasterApplied,
    OrderPlaced,
    ProductChanged,
)
from hub.domain.state import Meta, State


def check_opened(state: State, fact: CheckOpened, meta: Meta) -> None:
    state.checks.put(
        fact.check_id,
        Check(
            check_id=fact.check_id,
            check_no=fact.check_no,
            business_date=meta.business_date,
            status="open",
            version=1,
            table_ids=fact.table_ids,
            guests=fact.guests,
            dining=fact.dining,
            opened_at=meta.time,
            name=fact.name,
        ),
    )
    for table_id in fact.table_ids:
        state.seated.put(table_id, fact.check_id)
    state.counters.put(f"check_no:{meta.business_date}", fact.check_no)


def order_placed(state: State, fact: OrderPlaced, meta: Meta) -> None:
    check = state.checks.get(fact.check_id)
    assert check is not None, f"order on an unknown check {fact.check_id}"
    state.checks.put(
        fact.check_id,
        replace(check, lines=check.lines + fact.lines, total=fact.check_total, version=fact.check_version),
    )
    take_stock(state, fact.lines)


def take_stock(state: State, lines: tuple[Line, ...], sign: int = -1) -> None:
    """Lines take their portions from the products that are counted; with sign 1 they give them back."""
    for line in lines:
        product = state.products.get(line.product_id)
        if product is not None and product.remaining is not None:
            left = max(0, product.remaining + sign * line.quantity)
            state.products.put(product.id, replace(product, remaining=left))


def product_changed(state: State, fact: ProductChanged, meta: Meta) -> None:
    product = state.products.get(fact.product_id)
    if product is None:
        return
    if fact.availability is not None:
        product = replace(product, availability=fact.availability)
    if fact.remaining is not None:
        product = replace(product, remaining=fact.remaining, stock_tracked=True)
    elif not fact.remaining_counted:
        product = replace(product, remaining=None, stock_tracked=False)
    if fact.price is not None:
        product = replace(product, price=fact.price)
        state.local_prices.put(product.id, fact.price)
    state.products.put(product.id, product)
    state.counters.put("menu_version", fact.menu_version)


def master_applied(state: State, fact: MasterApplied, meta: Meta) -> None:
    for change in fact.changes:
        if change.kind in KINDS:
            name, kind = KINDS[change.kind]
            shelf = getattr(state, name)
            if change.value is None:
                shelf.remove(change.id)
            else:
                shelf.put(change.id, msgspec.convert(change.value, kind))
            if change.kind == "product":
                state.local_prices.remove(change.id)
        elif change.kind == "setting":
            if change.value is None:
                state.settings.remove(change.id)
            else:
                state.settings.put(change.id, str(change.value))
        elif change.kind == "device_revoked":
            _revoke(state, change.id, meta)
    if fact.cursor is not None:
        state.settings.put("master_cursor", fact.cursor)
    state.counters.put("menu_version", fact.menu_version)


def device_paired(state: State, fact: DevicePaired, meta: Meta) -> None:
    state.devices.put(
        fact.device_id,
        Device(
            device_id=fact.device_id,
            name=fact.name,
            role=fact.role,
            token_hash=fact.token_hash,
            paired_at=meta.time,
            table_id=fact.table_id,
        ),
    )


def device_revoked(state: State, fact: DeviceRevoked, meta: Meta) -> None:
    _revoke(state, fact.device_id, meta)


def _revoke(state: State, device_id: str, meta: Meta) -> None:
    device = state.devices.get(device_id)
    if device is not None and device.revoked_at is None:
        state.devices.put(device_id, replace(device, revoked_at=meta.time))


def hub_started(state: State, fact: HubStarted, meta: Meta) -> None:
    state.settings.put("receipt_series", fact.receipt_series)


def entry_recovered(state: State, fact: EntryRecovered, meta: Meta) -> None:
    """A lost entry counts as if it had never been lost, as far as its fact still fits."""
    inner = entries.read(fact.entry.encode())
    lost = fact_of(inner.type, bytes(inner.data))
    if lost is not None and not isinstance(lost, (HubStarted, EntryRecovered, MasterApplied)):
        try:
            evolve(state, lost, meta_of(inner))
        except AssertionError:
            return  # What it builds on was lost too and comes, if at all, as an entry of its own.


def nothing(state: State, fact: Fact, meta: Meta) -> None:
    """Kept and replayed, but no decision depends on it."""


EVOLUTIONS: Final[dict[type[Fact], Callable[[State, Any, Meta], None]]] = {
    CheckOpened: check_opened,
    OrderPlaced: order_placed,
    ProductChanged: product_changed,
    MasterApplied: master_applied,
    DevicePaired: device_paired,
    DeviceRevoked: device_revoked,
    HubStarted: hub_started,
    EntryRecovered: entry_recovered,
    EntryCorrected: nothing,
}

_DECODERS: Final = {
    f"storehub.{kind.TYPE}.v1": msgspec.json.Decoder(kind) for kind in EVOLUTIONS if kind in CORE_FACTS
}


def evolve(state: State, fact: Fact, meta: Meta) -> None:
    evolution = EVOLUTIONS.get(type(fact))
    if evolution is not None:
        evolution(state, fact, meta)


def fact_of(entry_type: str, data: bytes) -> Fact | None:
    """The fact in an entry's data; None for a type that the state does not depend on."""
    decoder = _DECODERS.get(entry_type)
    return None if decoder is None else decoder.decode(data)


def meta_of(envelope: entries.Envelope) -> Meta:
    return Meta(
        envelope.seq, envelope.epoch, envelope.time, envelope.businessdate, envelope.deviceid
    )
