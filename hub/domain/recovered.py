"""What an entry.recovered brought back. What was lost, came back and was lost again with that lies deeper than one."""

from __future__ import annotations

from typing import Final

import msgspec

from hub.domain import entries
from hub.domain.entries import Envelope
from hub.domain.facts import EntryRecovered

RECOVERED: Final = f"storehub.{EntryRecovered.TYPE}.v1"
_fact = msgspec.json.Decoder(EntryRecovered)


def brought(fact: EntryRecovered) -> tuple[list[EntryRecovered], Envelope]:
    """The recoveries one within the other, this one first, and the entry they are of. Raises msgspec.MsgspecError."""
    found = [fact]
    while (inner := entries.read(found[-1].entry.encode())).type == RECOVERED:
        found.append(_fact.decode(bytes(inner.data)))
    return found, inner


def counted(found: list[EntryRecovered]) -> bool:
    """Whether the entry has its effect by them: none of those who took it back had another answer in its place."""
    return all(fact.counted for fact in found)


def first_made(envelope: Envelope) -> Envelope:
    """The entry as it was made at first, if this one brought it back; else this one."""
    return brought(_fact.decode(bytes(envelope.data)))[1] if envelope.type == RECOVERED else envelope
