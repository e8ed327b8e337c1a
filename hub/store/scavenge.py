"""Every entry that can be got out of a damaged journal, and which of them the chain proves.

Reads only. What SQLite shows is believed as far as the chain holds; where it does not, the pages are searched, flipped
bits are put right, and the mirror is asked. An entry is taken when the one after it, or a witness, names its hash.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from hub.domain import entries
from hub.domain.entries import NO_HASH, Envelope
from hub.domain.facts import After
from hub.store.correcting import corrected, cut_out
from hub.store.pages import Pages, pages_of

PAGE_ROWS: Final = 256
# A jump of seq beyond this is no gap but garbage.
GAP_MAX: Final = 1_000_000
# Runs of damage longer than this are not searched for texts without a row's head.
TEXTS_MAX: Final = 20_000
_ID: Final = re.compile(rb'"id":"[0-9a-f]{1,64}-([0-9]{1,15})"')
_PREVHASH: Final = re.compile(rb'"prevhash":"([0-9a-f]{64})"')
KEEP_FOUND: Final = (
    "INSERT INTO found VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET sound = max(sound, excluded.sound)"
)
# The bytes of an entry, from another place of this store; the chain judges them.
Given = Callable[[int], bytes | None]


def read(raw: bytes) -> Envelope | None:
    try:
        return entries.read(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


class Scavenged:
    """entry(seq) for first <= seq <= last; None in a hole. Close it: it keeps a file of what was found."""

    def __init__(self, path: Path, page_bytes: int, *, mark: After | None, given: Given | None) -> None:
        self._path = path
        self._page_bytes = page_bytes
        self._mark = mark
        self._given = given
        self._sql: sqlite3.Connection | None = None
        with suppress(sqlite3.Error):
            self._sql = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
            self._sql.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        # SQLite spills it to a file of its own, which goes with the connection.
        self._found = sqlite3.connect("", isolation_level=None)
        self._found.execute("CREATE TABLE found (seq, hash, raw, sound, PRIMARY KEY (seq, hash))")
        self.first = self.last = 0
        self.shown_last = 0
        self.unreadable = False
        self.corrected: list[int] = []
        self.found: list[int] = []
        self.given: list[int] = []
        self.holes: set[int] = set()
        self._instead: dict[int, bytes] = {}
        self._texts: dict[int, list[bytes]] = {}

    def close(self) -> None:
        self._found.close()
        if self._sql is not None:
            self._sql.close()

    @property
    def sql(self) -> sqlite3.Connection | None:
        return self._sql

    @property
    def untouched(self) -> bool:
        """Whether SQLite shows all of it, and the chain holds."""
        return not (self._instead or self.holes or self.unreadable or self.last != self.shown_last)

    def judge(self) -> None:
        """Find what there is. Afterwards first, last, holes and the lists say it, and entries() gives it."""
        bounds = self._bounds()
        suspects, broken = self._suspects(bounds) if bounds else ([], False)
        self.unreadable = bounds is None or broken
        if bounds is not None:
            self.first, self.last = bounds
            self.shown_last = bounds[1]
        mark = self._mark.seq if self._mark is not None else 0
        if suspects or bounds is None or mark > self.last or self._beyond():
            with pages_of(self._path, self._page_bytes) as pages:
                self._search(pages, {seq for first, last in suspects for seq in range(first, last + 1)})
                if bounds is None:
                    self._bounds_of_found()
                else:
                    top = self._found.execute("SELECT max(seq) FROM found").fetchone()[0] or 0
                    self.last = max(self.last, top if top - self.last < GAP_MAX else 0)
                suspects, _ = self._suspects((self.first, self.last)) if self.last else ([], False)
                self._read_texts(pages, suspects)
                for first, last in reversed(suspects):
                    self._resolve(first, last)
            while self.last in self.holes:
                self.holes.discard(self.last)
                self.last -= 1
            self._go_on_with_mirror()
            beyond = range(self.shown_last + 1, self.last + 1) if bounds is not None else ()
            self.found += [seq for seq in beyond if seq not in {*self.holes, *self.found, *self.given}]
        for seqs in (self.corrected, self.found, self.given):
            seqs.sort()

    def entries(self, first: int, last: int) -> Iterator[tuple[int, bytes]]:
        """Those that there are, in order."""
        for seq, raw in self._rows(first, last):
            if seq in self._instead:
                yield seq, self._instead[seq]
            elif raw is not None and seq not in self.holes:
                yield seq, raw

    def entry(self, seq: int) -> bytes | None:
        return next((raw for _, raw in self.entries(seq, seq)), None)

    def _go_on_with_mirror(self) -> None:
        """Entries that the mirror has behind the last one."""
        if self._given is None:
            return
        raw = self.entry(self.last) if self.last else None
        head = NO_HASH if raw is None else entries.hash_of(raw)
        self.first = max(self.first, 1)
        while (raw := self._given(self.last + 1)) is not None:
            envelope = read(raw)
            if envelope is None or (envelope.prevhash, envelope.seq) != (head, self.last + 1):
                return
            self.last += 1
            head = entries.hash_of(raw)
            self._found.execute(KEEP_FOUND, (self.last, head, raw, 1))
            self.given.append(self.last)

    # -- what SQLite shows ----------------------------------------------------------------------------------------

    def _bounds(self) -> tuple[int, int] | None:
        """The first and the last seq; (1, 0) in an empty journal, None when SQLite cannot say."""
        if self._sql is None:
            return None
        try:
            row = self._sql.execute("SELECT min(seq), max(seq) FROM entries").fetchone()
        except sqlite3.Error:
            return None
        if row[0] is None:
            return (1, 0)
        first, last = int(row[0]), int(row[1])
        return None if first < 1 or last - first > GAP_MAX * 10 else (first, last)

    def _rows(self, first: int, last: int) -> Iterator[tuple[int, bytes | None]]:
        """Every seq from first to last, with what SQLite shows, or else what was found and fits best."""
        for start in range(first, last + 1, PAGE_ROWS):
            end = min(start + PAGE_ROWS - 1, last)
            shown = self._shown(start, end)
            for seq in range(start, end + 1):
                raw = shown.get(seq)
                if raw is None:
                    raw = next(iter(self._candidates(seq)), None)
                yield seq, raw

    def _shown(self, first: int, last: int) -> dict[int, bytes]:
        if self._sql is None or first > self.shown_last > 0:
            return {}
        try:
            return dict(self._between(first, last))
        except sqlite3.Error:
            self.unreadable = True
        found: dict[int, bytes] = {}
        for seq in range(first, last + 1):
            with suppress(sqlite3.Error):
                found.update(self._between(seq, seq))
        return found

    def _between(self, first: int, last: int) -> list[tuple[int, bytes]]:
        assert self._sql is not None  # noqa: S101 - asked for only while there is one
        rows = self._sql.execute("SELECT seq, raw FROM entries WHERE seq >= ? AND seq <= ?", (first, last))
        return [(int(seq), raw) for seq, raw in rows if isinstance(raw, bytes)]

    def _suspects(self, bounds: tuple[int, int]) -> tuple[list[tuple[int, int]], bool]:
        """Runs of entries of which one at least is not what was written; whether SQLite refused to read some."""
        runs: list[tuple[int, int]] = []
        before: tuple[int, str] | None = None
        first = bounds[0]
        weak: int | None = None
        for seq, raw in self._rows(*bounds):
            envelope = None if raw is None else read(raw)
            whole = raw is not None and envelope is not None and envelope.seq == seq
            if not whole or (before is not None and envelope is not None and envelope.prevhash != before[1]):
                # Which of the two is wrong, only more looking tells.
                begin = max(first, seq - 1)
                if runs and begin <= runs[-1][1] + 1:
                    runs[-1] = (runs[-1][0], seq)
                else:
                    runs.append((begin, seq))
            before = (seq, entries.hash_of(raw)) if whole and raw is not None else (seq, "")
            # The next one vouches for it, if there is one that follows it.
            weak = seq if whole and raw is not None and not self._sound(seq, raw) else None
        if weak is not None and not (runs and runs[-1][1] == weak):
            runs.append((weak, weak))
        mark = self._mark
        if (
            mark is not None and mark.seq == bounds[1] and before is not None and before[1] not in ("", mark.hash)
            and not (runs and runs[-1][1] == bounds[1])
        ):  # fmt: skip
            runs.append((bounds[1], bounds[1]))
        return runs, self.unreadable

    # -- what lies in the pages ------------------------------------------------------------------------------------

    def _beyond(self) -> bool:
        """Whether the WAL may hold more than SQLite shows of it."""
        with suppress(OSError):
            return self._path.with_name(self._path.name + "-wal").stat().st_size > 0
        return False

    def _search(self, pages: Pages, wanted: set[int]) -> None:
        everything = self.last == 0
        with self._found:
            self._found.execute("BEGIN")
            for shown_as, raw, sound in pages.entries():
                envelope = read(raw)
                # A damaged row may stand under another number than its own.
                for seq in {shown_as} if envelope is None else {shown_as, envelope.seq}:
                    if raw.startswith(b"{") and (everything or seq in wanted or seq > self.last):
                        self._found.execute(
                            KEEP_FOUND, (seq, entries.hash_of(raw), raw, int(sound and seq == shown_as))
                        )

    def _read_texts(self, pages: Pages, runs: list[tuple[int, int]]) -> None:
        if sum(last - first + 1 for first, last in runs) > TEXTS_MAX:
            return
        wanted = {seq for first, last in runs for seq in range(first, last + 1)}
        for text in pages.texts():
            seen = _ID.search(text[:200])
            if seen and int(seen[1]) in wanted:
                self._texts.setdefault(int(seen[1]), []).append(text)

    def _sound(self, seq: int, raw: bytes) -> bool:
        """Whether it was written as it is, as far as SQLite can tell."""
        if seq <= self.shown_last or not self.shown_last:
            return True
        query = "SELECT sound FROM found WHERE seq = ? AND hash = ?"
        return bool(next(iter(self._found.execute(query, (seq, entries.hash_of(raw)))), (0,))[0])

    def _bounds_of_found(self) -> None:
        """The longest run of seqs: what lies before it was removed long ago and only not overwritten yet."""
        best, run = (1, 0), (0, -1)
        for (seq,) in self._found.execute("SELECT DISTINCT seq FROM found ORDER BY seq"):
            run = (run[0], seq) if 0 < seq - run[1] <= PAGE_ROWS and run[1] > 0 else (seq, seq)
            if run[1] - run[0] >= best[1] - best[0]:
                best = run
        self.first, self.last = best

    def _candidates(self, seq: int) -> list[bytes]:
        rows = self._found.execute("SELECT raw FROM found WHERE seq = ?", (seq,)).fetchall()
        return sorted((bytes(row[0]) for row in rows), key=lambda raw: read(raw) is None)

    # -- which of it is true ---------------------------------------------------------------------------------------

    def _resolve(self, first: int, last: int) -> None:
        """From the end of a run, where the next entry vouches, back to its beginning."""
        after = self.entry(last + 1) if last < self.last else None
        vouched = self._prevhash(after) if after is not None else self._witnessed(last)
        hints: list[str] = []
        unsure: int | None = None
        for seq in range(last, first - 1, -1):
            shown = self._shown(seq, seq).get(seq)
            tries = ([] if shown is None else [shown]) + [
                raw for raw in self._candidates(seq) if raw != shown
            ]
            proved = None
            for wanted in [vouched] if vouched else hints:
                proved = proved or self._proved(seq, tries, wanted)
            raw = proved
            if raw is None and not vouched:
                raw = self._likely(seq, tries, inside=seq > first)
            if unsure is not None and proved is None and raw is not None:
                # One of the two is wrong: the chain holds up to the damage, so it is the later one.
                self._take(unsure, None)
            unsure = None
            self._take(seq, raw)
            if raw is not None and proved is None:
                unsure = seq
            # What a damaged entry says of the one before it may be whole: that one then has this hash.
            vouched = None if proved is None else self._prevhash(proved)
            named = [self._prevhash(one) for one in (tries if raw is None else [raw])]
            hints = [hint for hint in named if hint is not None]

    def _take(self, seq: int, raw: bytes | None) -> None:
        self._instead.pop(seq, None)
        self.holes.discard(seq)
        if raw is None:
            self.holes.add(seq)
        else:
            self._instead[seq] = raw

    def _prevhash(self, raw: bytes) -> str | None:
        if (envelope := read(raw)) is not None:
            return envelope.prevhash
        seen = _PREVHASH.search(raw)
        return seen[1].decode() if seen else None

    def _witnessed(self, seq: int) -> str | None:
        return self._mark.hash if self._mark is not None and self._mark.seq == seq else None

    def _proved(self, seq: int, tries: list[bytes], wanted: str) -> bytes | None:
        for raw in tries:
            if entries.hash_of(raw) == wanted:
                if seq <= self.shown_last and raw not in self._shown(seq, seq).values():
                    self.found.append(seq)
                return raw
        for raw in tries:
            if (right := corrected(raw, wanted)) is not None:
                self.corrected.append(seq)
                return right
        if (cut := cut_out(self._texts.get(seq, ()), wanted)) is not None:
            self.found.append(seq)
            return cut
        given = self._given(seq) if self._given is not None else None
        if given is not None and entries.hash_of(given) == wanted:
            self.given.append(seq)
            return given
        return None

    def _likely(self, seq: int, tries: list[bytes], *, inside: bool) -> bytes | None:
        """Nothing names its hash. It can be read; and it follows the one before it, where that one is known."""
        before = None if inside or seq <= self.first else self.entry(seq - 1)
        head = NO_HASH if seq == 1 else None if before is None else entries.hash_of(before)
        for raw in tries:
            envelope = read(raw)
            if envelope is None or envelope.seq != seq or head not in (None, envelope.prevhash):
                continue
            if self._sound(seq, raw):
                return raw
        return None
