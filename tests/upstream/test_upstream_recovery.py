"""The decision to take a lost entry back: once, and only with its own bytes."""

from __future__ import annotations

import msgspec
import pytest

from hub.domain.commands import RecoverEntry
from hub.domain.decide import decide
from hub.domain.decide.at import At
from hub.domain.device import Device
from hub.domain.errors import InvalidRequest
from hub.domain.evolve import evolve
from hub.domain.facts import EntryRecovered
from hub.domain.state import Meta, State
from tests.support.memory import MemoryClock, MemoryJournal, Store


def lost() -> RecoverEntry:
    store = Store(MemoryJournal())
    store.start()
    store.facts(1)
    entry = store.journal.all[1]
    return RecoverEntry(epoch=entry.epoch, seq=entry.seq, hash=entry.hash, entry=entry.raw.decode())


def at() -> At:
    stamp = MemoryClock().stamp()
    return At(stamp=stamp, device=Device("hub", "hub", "technician", "", stamp.time), mint=lambda: "m1")


def test_a_lost_entry_is_taken_back_once() -> None:
    state, command = State(), lost()
    facts = decide(state, command, at())
    assert len(facts) == 1
    fact = facts[0]
    assert isinstance(fact, EntryRecovered)
    assert (fact.entry, fact.source) == (command.entry, "cloud")
    evolve(state, fact, Meta(9, "f" * 16, "2026-08-01T00:00:00Z", "2026-08-01", "hub"))
    assert decide(state, command, at()) == []


@pytest.mark.parametrize(
    "wrong",
    [{"hash": "0" * 64}, {"entry": "{}"}, {"seq": 7}, {"epoch": "e"}],
    ids=["hash", "entry", "seq", "epoch"],
)
def test_other_bytes_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        decide(State(), msgspec.structs.replace(lost(), **wrong), at())
