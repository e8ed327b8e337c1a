"""A check's whole history, read from the journal's entries about it: who, on which device, when, what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from hub.domain import entries
from hub.domain.check import Check
from hub.domain.entries import Envelope
from hub.domain.evolve_clock import retimed
from hub.domain.evolve_things import shifted
from hub.domain.facts import OrderPlaced, SaleCompleted
from hub.domain.recovered import RECOVERED, first_made
from hub.domain.sale import Sale
from hub.domain.state import State
from hub.ports import JournalReader


class Happening(Struct, frozen=True):
    """An entry as people ask about it.

    at: the hub's time, exact when time_trusted; corrected, when it was found to be wrong. device_time: what the device
    said (an order's `ordered_at`, the time of a sale taken without the hub), None when it said nothing. recovered: the
    disk had lost it; seq is then that of its recovery. data: the entry's own.
    """

    seq: int
    type: str
    at: str
    time_trusted: bool
    business_date: str
    device_id: str
    device_name: str | None
    staff_id: str | None
    device_time: str | None
    recovered: bool
    data: msgspec.Raw


_CLAIMS: Final[dict[str, tuple[Any, Callable[[Any], str | None]]]] = {
    f"storehub.{kind.TYPE}.v1": (msgspec.json.Decoder(kind), claim)
    for kind, claim in (
        (OrderPlaced, lambda fact: fact.ordered_at),
        (SaleCompleted, lambda fact: fact.taken and fact.taken.at),
    )
}


def trail_of(check: Check, sale: Sale | None) -> Sequence[int]:
    """The entries about the check and, once it is paid, about its sale, oldest first."""
    return sorted({*check.trail, *(() if sale is None else sale.trail)})


async def happenings(state: State, journal: JournalReader, seqs: Sequence[int]) -> list[Happening]:
    """The entries at these seqs; those that are no longer kept are passed over."""
    found = []
    for seq in seqs:
        entry = await journal.at(seq)
        if entry is not None:
            found.append(_happening(state, seq, entries.read(entry.raw)))
    return found


def _happening(state: State, seq: int, envelope: Envelope) -> Happening:
    recovered = envelope.type == RECOVERED
    envelope = first_made(envelope)
    device = state.devices.committed.get(envelope.deviceid)
    # What was lost and came back has the number of its recovery here, and a time of its own.
    was = None if recovered or state.corrections.empty else retimed(state.corrections, seq)
    return Happening(
        seq=seq,
        type=envelope.type,
        at=envelope.time if was is None else shifted(envelope.time, was.shift_ms),
        time_trusted=envelope.timetrusted if was is None else was.exact,
        business_date=envelope.businessdate if was is None else was.business_date,
        device_id=envelope.deviceid,
        device_name=None if device is None else device.name,
        staff_id=envelope.staffid,
        device_time=_device_time(envelope),
        recovered=recovered,
        data=envelope.data,
    )


def _device_time(envelope: Envelope) -> str | None:
    if envelope.type not in _CLAIMS:
        return None
    decoder, claim = _CLAIMS[envelope.type]
    return claim(decoder.decode(envelope.data))
