"""What a repair of the journal did, and what it could not bring back: for people, as exactly as can be known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import msgspec
from msgspec import Struct

NOTE: Final = "repairs"
SALVAGED: Final = "salvaged.ndjson"
REPORT: Final = "report.json"
# Older ones are still in the folder beside each quarantined copy.
KEPT_MAX: Final = 20
# Runs of entries that are missing in the middle, as [[first, last], …].
HOLES: Final = "holes"


class Span(Struct, frozen=True):
    """Entries first to last of an epoch ('' where nobody can say which)."""

    epoch: str
    first: int
    last: int


class Mended(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """at: RFC 3339, by the box's clock. why: what was seen. first, last: the entries that the journal has now.

    corrected: a bit was put right, and the hash proves it. found: were in the file, but not where SQLite looks.
    given: came from the mirror. holes: known to be missing in the middle; what follows from them is in the tables.
    aside: whole, but behind a gap; they come back as entry.recovered. lost: on no medium of this box.
    unsure: more may be lost after the last of these, and nobody can name it.
    tables: kept as they were, made again from the journal, or kept without the rows in rows_lost.
    copy: where the damaged files are. '' when nothing had to be changed.
    """

    at: str
    why: str
    first: int
    last: int
    corrected: tuple[int, ...] = ()
    found: tuple[int, ...] = ()
    given: tuple[int, ...] = ()
    holes: tuple[Span, ...] = ()
    aside: int = 0
    lost: tuple[Span, ...] = ()
    unsure: bool = False
    tables: Literal["kept", "rebuilt", "without"] = "kept"
    rows_lost: tuple[str, ...] = ()
    copy: str = ""
    took_s: float = 0.0

    @property
    def reason(self) -> str:
        """Of the epoch that begins now: after `loss` receipt numbers go on in a new series."""
        return "loss" if self.lost or self.unsure or self.aside else "repair"

    def sentence(self) -> str:
        """For the log."""
        parts = [f"the journal was damaged ({self.why}) and is repaired: it has {self.first} to {self.last}"]
        parts += [
            f"{len(seqs)} {what}: {_listed(seqs)}"
            for seqs, what in (
                (self.corrected, "put right"),
                (self.found, "found again"),
                (self.given, "given back by the mirror"),
            )
            if seqs
        ]
        if self.holes:
            parts.append(f"missing in the middle: {named(self.holes)}")
        if self.aside:
            parts.append(f"{self.aside} behind a gap are appended again")
        parts.append(f"LOST here: {named(self.lost)}" if self.lost else "no entry is known to be lost")
        if self.unsure:
            parts.append("what came last may be lost without a trace")
        if self.tables != "kept":
            parts.append(f"tables: {self.tables} {', '.join(self.rows_lost)}".strip())
        if self.copy:
            parts.append(f"the damaged files are in {self.copy}")
        return "; ".join(parts)


def named(spans: tuple[Span, ...]) -> str:
    return ", ".join(
        str(one.first) if one.first == one.last else f"{one.first} to {one.last}" for one in spans
    )


def _listed(seqs: tuple[int, ...]) -> str:
    return ", ".join(map(str, seqs[:10])) + (" and more" if len(seqs) > 10 else "")


def spans_of(seqs: list[tuple[str, int]]) -> tuple[Span, ...]:
    """(epoch, seq) in order, as spans."""
    spans: list[Span] = []
    for epoch, seq in seqs:
        last = spans[-1] if spans else None
        if last is not None and last.epoch == epoch and last.last + 1 == seq:
            spans[-1] = Span(epoch, last.first, seq)
        else:
            spans.append(Span(epoch, seq, seq))
    return tuple(spans)


def still_lost(
    repairs: list[Mended], back: Callable[[str], object], *, most: int = 10_000
) -> tuple[Span, ...]:
    """Of what was lost in these repairs: what has not come back since. back(name): the state's counter of it."""
    missing = [
        (span.epoch, seq)
        for one in repairs
        for span in one.lost
        for seq in range(span.first, min(span.last, span.first + most) + 1)
        if not back(f"recovered:{span.epoch}-{seq}")
    ]
    return spans_of(missing)


def repairs_of(note: bytes | None) -> list[Mended]:
    """Newest last. A note that cannot be read has nothing to say."""
    try:
        return msgspec.json.decode(note, type=list[Mended]) if note else []
    except msgspec.MsgspecError:
        return []


def with_repair(note: bytes | None, new: Mended) -> bytes:
    return msgspec.json.encode([*repairs_of(note), new][-KEPT_MAX:])
