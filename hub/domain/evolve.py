"""evolve(state, fact, meta): what a fact means for the state.

The same code runs when it is decided and when it is read again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from hub.domain import (
    entries,
    evolve_bands,
    evolve_checks,
    evolve_clock,
    evolve_credit,
    evolve_customers,
    evolve_day,
    evolve_floor,
    evolve_layaway,
    evolve_lines,
    evolve_options,
    evolve_plan,
    evolve_price,
    evolve_receipts,
    evolve_sales,
    evolve_staff,
    evolve_stock,
    facts_lines,
    facts_price,
    trail,
)
from hub.domain.decide.recovery import recovered_key
from hub.domain.device import Device
from hub.domain.evolve_floor import Misfit
from hub.domain.facts import (
    CORE_FACTS,
    CheckAborted,
    CheckBilled,
    CheckChanged,
    CheckDiscounted,
    CheckMerged,
    CheckMoved,
    CheckOpened,
    CheckReopened,
    CheckSplit,
    CheckUnmerged,
    DevicePaired,
    DeviceRevoked,
    DiscountVoided,
    EntryCorrected,
    EntryRecovered,
    Fact,
    HubStarted,
    LinesServed,
    LinesVoided,
    MasterApplied,
    NumbersReserved,
    OrderPlaced,
    PlanExtended,
    PlanStarted,
    PlanStopped,
    ProductChanged,
    SaleCompleted,
    SaleRefunded,
    SaleVoided,
    SharesPlanned,
    StaffCalled,
    TableChargeSet,
    TokenOffered,
    TokenTaken,
)
from hub.domain.facts_band import BandSwitched
from hub.domain.facts_clock import ClockCorrected
from hub.domain.facts_credit import (
    AccountPaid,
    AccountReversed,
    PaymentDeferred,
    PaymentFailed,
    PaymentSettled,
)
from hub.domain.facts_day import DayClosed, DrawerMoved, RegisterCounted, RegisterSettled
from hub.domain.facts_layaway import LayawayCancelled, LayawayCompleted, LayawayOpened
from hub.domain.facts_receipt import ReceiptIssued, ReceiptReissued, ReceiptWithdrawn
from hub.domain.facts_stock import StockMoved
from hub.domain.recovered import brought, counted
from hub.domain.state import KINDS, Meta, State


def product_changed(state: State, fact: ProductChanged, meta: Meta) -> None:
    product = state.products.get(fact.product_id)
    if product is None:
        return
    if fact.availability is not None:
        product = replace(product, availability=fact.availability)
    if fact.remaining is not None:
        product = replace(product, remaining=fact.remaining, stock_tracked=True)
    elif not fact.remaining_counted:
        product = replace(product, remaining=None, stock_tracked=state.stock.get(product.id) is not None)
    if fact.price is not None:
        product = replace(product, price=fact.price)
        state.local_prices.put(product.id, fact.price)
    state.products.put(product.id, product)
    _turn_menu(state, fact.menu_version)


def _turn_menu(state: State, version: int) -> None:
    """Every change makes a version that no device has seen, also one that comes late (recovered)."""
    state.counters.put("menu_version", max(version, state.menu_version + 1))


def master_applied(state: State, fact: MasterApplied, meta: Meta) -> None:
    for change in fact.changes:
        if change.kind == "customer":
            evolve_customers.from_master(state, change, meta)
        elif change.kind in KINDS:
            name, kind = KINDS[change.kind]
            shelf = getattr(state, name)
            if change.value is None:
                shelf.remove(change.id)
            else:
                shelf.put(change.id, msgspec.convert(change.value, kind))
            if change.kind == "product":
                state.local_prices.remove(change.id)
            elif change.kind == "staff" and change.value is None:
                evolve_staff.left(state, change.id)
        elif change.kind == "setting":
            if change.value is None:
                state.settings.remove(change.id)
            else:
                state.settings.put(change.id, str(change.value))
        elif change.kind == "device_revoked":
            _revoke(state, change.id, meta)
    if fact.cursor is not None:
        state.settings.put("master_cursor", fact.cursor)
    _turn_menu(state, fact.menu_version)


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


def token_offered(state: State, fact: TokenOffered, meta: Meta) -> None:
    device = state.devices.get(fact.device_id)
    if device is not None:
        state.devices.put(fact.device_id, replace(device, next_hash=fact.token_hash))


def token_taken(state: State, fact: TokenTaken, meta: Meta) -> None:
    device = state.devices.get(fact.device_id)
    if device is not None:
        state.devices.put(fact.device_id, replace(device, token_hash=fact.token_hash, next_hash=None))


def device_revoked(state: State, fact: DeviceRevoked, meta: Meta) -> None:
    _revoke(state, fact.device_id, meta)


def _revoke(state: State, device_id: str, meta: Meta) -> None:
    device = state.devices.get(device_id)
    if device is not None and device.revoked_at is None:
        state.devices.put(device_id, replace(device, revoked_at=meta.time))


def hub_started(state: State, fact: HubStarted, meta: Meta) -> None:
    state.settings.put("receipt_series", fact.receipt_series)
    if fact.check_no_after:
        evolve_floor.grow(state, f"check_no:{meta.business_date}", fact.check_no_after)


def entry_recovered(state: State, fact: EntryRecovered, meta: Meta) -> None:
    """A lost entry counts as if it had never been lost, as far as its fact still fits."""
    found, inner = brought(fact)
    for one in found:
        state.counters.put(recovered_key(one.epoch, one.seq), 1)
    follower = evolve_stock.follower(state, inner.epoch, inner.seq)
    if not counted(found):
        return
    lost = fact_of(inner.type, bytes(inner.data))
    # A lost correction is of entries of its own epoch, which are no longer where it says.
    if lost is not None and not isinstance(lost, (HubStarted, MasterApplied, ClockCorrected)):
        if isinstance(lost, StockMoved) and lost.about:
            evolve_stock.wait(state, lost, inner.epoch, inner.seq)
            return
        try:
            evolve(state, lost, replace(meta_of(inner), held_by=meta.seq))
        except Misfit:
            return  # What it builds on was lost too, or has ended: the entry is kept, and people are told.
        if follower is not None:
            evolve(state, follower, replace(meta_of(inner), seq=inner.seq - 1, held_by=meta.seq))


def nothing(state: State, fact: Fact, meta: Meta) -> None:
    """Kept and replayed, but no decision depends on it."""


EVOLUTIONS: Final[dict[type[Fact], Callable[[State, Any, Meta], None]]] = {
    CheckOpened: evolve_floor.check_opened,
    OrderPlaced: evolve_floor.order_placed,
    LinesVoided: evolve_floor.lines_voided,
    LinesServed: evolve_floor.lines_served,
    CheckChanged: evolve_checks.check_changed,
    CheckMoved: evolve_floor.check_moved,
    CheckMerged: evolve_floor.check_merged,
    CheckUnmerged: evolve_checks.check_unmerged,
    SharesPlanned: evolve_checks.shares_planned,
    CheckSplit: evolve_floor.check_split,
    CheckBilled: evolve_floor.check_billed,
    CheckReopened: evolve_floor.check_reopened,
    CheckAborted: evolve_floor.check_aborted,
    facts_lines.LinesChanged: evolve_lines.lines_changed,
    facts_lines.LinesFired: evolve_lines.lines_fired,
    facts_lines.LinesHeld: evolve_lines.lines_held,
    facts_lines.LinesRecalled: evolve_lines.lines_recalled,
    facts_lines.OptionChanged: evolve_options.option_changed,
    CheckDiscounted: evolve_price.check_discounted,
    DiscountVoided: evolve_price.discount_voided,
    facts_price.CheckRepriced: evolve_price.check_repriced,
    BandSwitched: evolve_bands.band_switched,
    SaleCompleted: evolve_sales.sale_completed,
    SaleVoided: evolve_sales.sale_voided,
    SaleRefunded: evolve_sales.sale_refunded,
    NumbersReserved: evolve_sales.numbers_reserved,
    PaymentDeferred: evolve_credit.payment_deferred,
    PaymentSettled: evolve_credit.payment_settled,
    PaymentFailed: evolve_credit.payment_failed,
    AccountPaid: evolve_credit.account_paid,
    AccountReversed: evolve_credit.account_reversed,
    LayawayOpened: evolve_layaway.layaway_opened,
    LayawayCompleted: evolve_layaway.layaway_completed,
    LayawayCancelled: evolve_layaway.layaway_cancelled,
    ReceiptIssued: evolve_receipts.receipt_issued,
    ReceiptReissued: evolve_receipts.receipt_reissued,
    ReceiptWithdrawn: evolve_receipts.receipt_withdrawn,
    DrawerMoved: evolve_day.drawer_moved,
    RegisterCounted: evolve_day.register_counted,
    RegisterSettled: evolve_day.register_settled,
    DayClosed: evolve_day.day_closed,
    PlanStarted: evolve_plan.plan_started,
    PlanExtended: evolve_plan.plan_extended,
    PlanStopped: evolve_plan.plan_stopped,
    TableChargeSet: evolve_plan.table_charge_set,
    ProductChanged: product_changed,
    MasterApplied: master_applied,
    DevicePaired: device_paired,
    TokenOffered: token_offered,
    TokenTaken: token_taken,
    DeviceRevoked: device_revoked,
    HubStarted: hub_started,
    EntryRecovered: entry_recovered,
    EntryCorrected: nothing,
    ClockCorrected: evolve_clock.clock_corrected,
    StaffCalled: nothing,
    **evolve_staff.EVOLUTIONS,
    StockMoved: evolve_stock.stock_moved,
    **evolve_customers.EVOLUTIONS,
}

_TRACKERS: Final = {kind: track for kind in EVOLUTIONS if (track := trail.tracker(kind)) is not None}
_KINDS: Final = {f"storehub.{kind.TYPE}.v1": kind for kind in EVOLUTIONS if kind in CORE_FACTS}
# Made when the first such entry is read: a start reads a few kinds of ninety.
_decoder: Final = cache(msgspec.json.Decoder)


def evolve(state: State, fact: Fact, meta: Meta) -> None:
    evolution = EVOLUTIONS.get(type(fact))
    if evolution is not None:
        evolution(state, fact, meta)
        track = _TRACKERS.get(type(fact))
        if track is not None:
            track(state, fact, meta)


def fact_of(entry_type: str, data: bytes) -> Fact | None:
    """The fact in an entry's data; None for a type that the state does not depend on."""
    kind = _KINDS.get(entry_type)
    return None if kind is None else _decoder(kind).decode(data)


def meta_of(envelope: entries.Envelope) -> Meta:
    return Meta(
        envelope.seq,
        envelope.epoch,
        envelope.time,
        envelope.businessdate,
        envelope.deviceid,
        envelope.staffid,
    )
