"""What the follower remembers over a restart, through Notes: position, sums, what was set aside, the pause."""

from __future__ import annotations

import logging
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from hub.domain.entries import NO_HASH
from hub.domain.facts import After
from hub.ports import Notes
from hub.upstream.ledger import Ledger

log = logging.getLogger(__name__)

PAUSED: Final = "upstream.paused"
PROGRESS: Final = "upstream.progress"
ASIDE: Final = "upstream.quarantine"
LOST: Final = "upstream.lost"
MASTER: Final = "upstream.master"

T = TypeVar("T")


class SetAside(Struct):
    """An entry the cloud refused. recorded: the cloud knows of the hole, so what follows was accepted."""

    epoch: str
    seq: int
    hash: str
    reason: str
    at: str
    type: str = ""
    subject: str = ""
    business_date: str = ""
    amount: int = 0
    recorded: bool = False
    tries: int = 1


class Row(Struct, frozen=True):
    """The last comparison of one business day. agrees None: it could not be compared."""

    business_date: str
    agrees: bool | None
    hub: dict[str, int | str]
    cloud: dict[str, int | str] | None
    at: str


class Progress(Struct):
    acked: After = After("", 0, NO_HASH)
    acked_at: str | None = None
    ledger: Ledger = msgspec.field(default_factory=Ledger)
    rows: list[Row] = msgspec.field(default_factory=list)


class Lost(Struct, frozen=True):
    """Entries beyond `after` are at the cloud and not in our journal: to be fetched back."""

    after: After
    recovered: int = 0


class MasterNote(Struct):
    """How far the master data has come, and what of it could not be used."""

    cursor: str = ""
    at: str | None = None
    set_aside: list[dict[str, str]] = msgspec.field(default_factory=list)


class Records:
    """Typed notes. A note that cannot be read is as good as none: everything in it can be found again."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    async def load(self, name: str, kind: type[T]) -> T | None:
        raw = await self._notes.get(name)
        if not raw:
            return None
        try:
            return msgspec.json.decode(raw, type=kind)
        except msgspec.MsgspecError as error:
            log.warning("note %s cannot be read and is made again: %s", name, error)
            return None

    async def save(self, name: str, value: object) -> None:
        """Raises what the notes raise; the caller decides whether it matters now."""
        await self._notes.put(name, msgspec.json.encode(value))
