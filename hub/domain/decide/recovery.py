"""Taking back entries that this disk had lost: once each, however often they are offered."""

from __future__ import annotations

from typing import Any

import msgspec

from hub.domain import entries
from hub.domain.commands import RecoverEntry
from hub.domain.decide.at import At
from hub.domain.errors import InvalidRequest
from hub.domain.facts import EntryRecovered, Fact
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
    return [
        EntryRecovered(
            epoch=command.epoch,
            seq=command.seq,
            hash=command.hash,
            entry=command.entry,
            source=command.source,
            counted=not command.answered_again,
            late=state.late_on(seen.businessdate),
        )
    ]


DECISIONS: dict[type[Any], Any] = {RecoverEntry: recover_entry}
