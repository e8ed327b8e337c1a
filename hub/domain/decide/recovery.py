"""Taking back entries that this disk had lost: once each, however often they are offered."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from hub.domain import entries
from hub.domain.commands import RecoverEntry
from hub.domain.decide.at import At
from hub.domain.errors import InvalidRequest
from hub.domain.facts import EntryRecovered, Fact
from hub.domain.recovered import brought
from hub.domain.state import State


def recovered_key(epoch: str, seq: int) -> str:
    return f"recovered:{epoch}-{seq}"


def recover_entry(state: State, command: RecoverEntry, at: At) -> list[Fact]:
    raw = command.entry.encode()
    if entries.hash_of(raw) != command.hash:
        raise InvalidRequest.at("hash", "is not the hash of the entry's bytes")
    try:
        seen = entries.read(raw)
    except msgspec.MsgspecError as error:
        raise InvalidRequest.at("entry", f"is no entry: {error}") from error
    if (seen.epoch, seen.seq) != (command.epoch, command.seq):
        raise InvalidRequest.at("entry", f"is {seen.epoch}:{seen.seq}")
    if state.counters.get(recovered_key(command.epoch, command.seq)):
        return []
    fact = EntryRecovered(
        epoch=command.epoch,
        seq=command.seq,
        hash=command.hash,
        entry=command.entry,
        source=command.source,
        counted=not command.answered_again,
    )
    try:
        within, lost = brought(fact)
    except msgspec.MsgspecError as error:
        raise InvalidRequest.at("entry", f"brings back what is no entry: {error}") from error
    here = any(state.counters.get(recovered_key(one.epoch, one.seq)) for one in within[1:])
    return [replace(fact, counted=fact.counted and not here, late=state.late_on(lost.businessdate))]


DECISIONS: dict[type[Any], Any] = {RecoverEntry: recover_entry}
