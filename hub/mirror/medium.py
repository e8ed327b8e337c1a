"""The journal on a second medium: a folder of plain files that anything can read and only grow.

`entries-<first seq>.ndjson` hold the entries' exact bytes, one a line, in order; the next file goes on where the one
before it ends, so the names are the index. `left-<first seq>-<epoch>.ndjson` hold what the journal no longer had when
it came back shorter. `mirror.json` says whose it is: without it nothing is written, because the folder of a stick
that was pulled out may well be an empty one on the box's own card.

Nothing here is asynchronous: a stick may stall for seconds, so call it in a thread of its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import IO, Final

import msgspec
from msgspec import Struct

from hub.domain import entries
from hub.domain.entries import NO_HASH, Entry
from hub.domain.facts import After

FORMAT: Final = 1
MARK: Final = "mirror.json"
# A file of this size is ended and the next one begun: what an opening reads again is bounded by it.
SEGMENT_BYTES_MAX: Final = 8 * 1024 * 1024
START: Final = After("", 0, NO_HASH)


class MediumError(Exception):
    """The folder cannot be used as it is; the message says why."""


class MediumDamaged(MediumError):
    """What is there is not what was written: the chain does not hold, or bytes are no entry."""


class Mark(Struct, frozen=True):
    """Whose copy this is."""

    format: int
    hub_id: str
    store_id: str


def prepare(folder: Path, mark: Mark) -> None:
    """Make the folder this hub's. A person's act; safe to do twice. Raises MediumError, OSError."""
    known = mark_of(folder)
    if known is not None:
        if known.hub_id != mark.hub_id:
            raise MediumError(f"{folder} holds the copy of hub {known.hub_id}")
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_synced(folder / MARK, msgspec.json.encode(mark))


def mark_of(folder: Path) -> Mark | None:
    """Whose copy is in the folder; None when there is none. Raises MediumError, OSError."""
    try:
        mark = msgspec.json.decode((folder / MARK).read_bytes(), type=Mark)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise MediumError(f"{folder / MARK} cannot be read: {error}") from error
    if mark.format != FORMAT:
        raise MediumError(f"{folder} was written by another version (format {mark.format})")
    return mark


class Medium:
    """The writing end. One at a time; every method but open() is for an open one."""

    def __init__(self, folder: Path, hub_id: str, *, segment_bytes_max: int = SEGMENT_BYTES_MAX) -> None:
        self.folder = folder
        self._hub_id = hub_id
        self._segment_bytes_max = segment_bytes_max
        self._file: IO[bytes] | None = None
        self._size = 0
        self.position = START

    def open(self) -> After:
        """Find the last whole entry and cut off what an interrupted write left behind it.

        Raises MediumError (not prepared, another hub's), OSError.
        """
        self.close()
        mark = mark_of(self.folder)
        if mark is None:
            raise MediumError(f"{self.folder} holds no copy of this hub: pulled out, or not prepared")
        if mark.hub_id != self._hub_id:
            raise MediumError(f"{self.folder} holds the copy of hub {mark.hub_id}")
        self.position = START
        for segment in reversed(segments(self.folder)):
            self._file = segment.open("r+b")
            last, size, whole = _end_of(self._file)
            if not whole:
                # A power cut may leave anything in what was not synced. The journal has it: keep this to look at.
                shutil.copyfile(segment, segment.with_name(f"damaged-{segment.name}"))
            if last is None:
                # Begun and never filled: the one before it tells where the copy ends.
                self.close()
                segment.unlink()
                continue
            self._file.truncate(size)
            self._file.seek(size)
            os.fsync(self._file.fileno())
            self._size, self.position = size, last
            break
        return self.position

    def begin_after(self, position: After) -> None:
        """The first entry will follow this one: a journal that no longer keeps its beginning. For an empty medium."""
        if self._file is not None:
            raise ValueError("there are entries already")
        self.position = position

    def start_over(self) -> None:
        """Remove every entry: they end before all that the journal keeps, so it cannot go on from them."""
        self.close()
        for segment in segments(self.folder):
            segment.unlink()
        sync_folder(self.folder)
        self.position = START

    def forget_before(self, seq: int) -> None:
        """Remove files of nothing but older entries, and what was kept aside of that time. Raises OSError."""
        found = segments(self.folder)
        old = [one for one, following in pairwise(found) if first_seq_of(following) <= seq]
        aside = [*left(self.folder), *self.folder.glob("damaged-entries-*.ndjson")]
        old += [one for one in aside if first_seq_of(one) < seq]
        for one in old:
            one.unlink()
        sync_folder(self.folder)

    def append(self, group: Sequence[Entry]) -> After:
        """Entries that follow the last one; on the medium when this returns.

        Raises MediumError for an entry that does not follow, OSError: then open() finds out what is there.
        """
        for entry in group:
            prevhash = entries.read(entry.raw).prevhash
            if entry.seq != self.position.seq + 1 or prevhash != self.position.hash:
                raise MediumError(f"entry {entry.seq} does not follow {self.position.seq}")
            if self._file is None or self._size >= self._segment_bytes_max:
                self._begin(entry.seq)
            assert self._file is not None  # noqa: S101  Begun above.
            self._size += self._file.write(entry.raw + b"\n")
            self.position = After(entry.epoch, entry.seq, entry.hash)
        if self._file is not None:
            self._sync(self._file)
        return self.position

    def leave(self, after: After) -> int:
        """The journal goes on differently after this entry: keep what follows it here aside. Returns how many entries.

        They are evidence of what was lost, and the source to get it back from (left()).
        """
        found = list(read_after(self.folder, after))
        self.close()
        if found:
            aside = self.folder / f"left-{found[0].seq:012}-{found[-1].epoch}.ndjson"
            write_synced(aside, b"".join(entry.raw + b"\n" for entry in found))
        for segment in reversed(segments(self.folder)):
            if first_seq_of(segment) > after.seq:
                segment.unlink()
                continue
            with segment.open("r+b") as file:
                file.truncate(_size_upto(file, after.seq))
                os.fsync(file.fileno())
            break
        sync_folder(self.folder)
        self.open()
        return len(found)

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()

    def _begin(self, seq: int) -> None:
        if self._file is not None:
            self._sync(self._file)
        self.close()
        self._file = (self.folder / f"entries-{seq:012}.ndjson").open("xb")
        self._size = 0
        sync_folder(self.folder)

    @staticmethod
    def _sync(file: IO[bytes]) -> None:
        file.flush()
        os.fsync(file.fileno())


# -- reading, also by others (repair, replace) ----------------------------------------------------------------------


def read_after(folder: Path, after: After | None = None) -> Iterator[Entry]:
    """The copy's entries that follow `after` (None: from the first one kept), the chain checked from there on.

    A last line that is cut off was never acknowledged to anyone and is passed over. Raises MediumDamaged at the
    first entry that does not follow the one before it, or when `after` is not on the medium; OSError.
    """
    previous = after if after is not None and after.seq else None
    for segment in _from(segments(folder), 0 if after is None else after.seq):
        for entry in _lines(segment, last=segment == segments(folder)[-1]):
            if after is not None and entry.seq <= after.seq:
                if entry.seq == after.seq and entry.hash != after.hash:
                    raise MediumDamaged(f"entry {after.seq} is another one on the medium")
                continue
            prevhash = entries.read(entry.raw).prevhash
            if previous is not None and (entry.seq != previous.seq + 1 or prevhash != previous.hash):
                raise MediumDamaged(f"{segment.name}: entry {entry.seq} does not follow {previous.seq}")
            if previous is None and after is not None and prevhash != NO_HASH:
                raise MediumDamaged(f"{segment.name}: the copy begins with entry {entry.seq}")
            previous = After(entry.epoch, entry.seq, entry.hash)
            yield entry


def position_of(folder: Path) -> After:
    """The last whole entry of the copy; seq 0 when there is none. Changes nothing. Raises OSError."""
    for segment in reversed(segments(folder)):
        with segment.open("rb") as file:
            last, _, _ = _end_of(file)
        if last is not None:
            return last
    return START


def left(folder: Path) -> list[Path]:
    """Files with entries that the journal no longer had, oldest first: each is a run of whole lines."""
    return sorted(folder.glob("left-*.ndjson"))


def entries_in(file: Path) -> Iterator[Entry]:
    """The entries of one file of the copy, without a look at the chain. Raises MediumDamaged, OSError."""
    return _lines(file, last=True)


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("entries-*.ndjson"))


def first_seq_of(file: Path) -> int:
    """Which entry a file of the copy begins with: its name says so."""
    return int(file.stem.removeprefix("damaged-").split("-")[1])


def _from(found: list[Path], seq: int) -> list[Path]:
    """The segments that may hold `seq` or what follows it."""
    start = max((i for i, one in enumerate(found) if first_seq_of(one) <= max(seq, 1)), default=0)
    return found[start:]


def _lines(segment: Path, *, last: bool) -> Iterator[Entry]:
    with segment.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                if last:
                    return
                raise MediumDamaged(f"{segment.name} ends in the middle of an entry")
            yield _entry(line[:-1], segment)


def _entry(raw: bytes, segment: Path) -> Entry:
    try:
        envelope = entries.read(raw)
    except msgspec.MsgspecError as error:
        raise MediumDamaged(f"{segment.name}: a line is no entry: {error}") from error
    return Entry(envelope.seq, envelope.epoch, raw, entries.hash_of(raw))


def _end_of(file: IO[bytes]) -> tuple[After | None, int, bool]:
    """The last entry up to which a segment's chain holds, where it ends, and whether only a cut line follows."""
    previous: After | None = None
    size = 0
    file.seek(0)
    for line in file:
        if not line.endswith(b"\n"):
            break
        try:
            envelope = entries.read(line[:-1])
        except msgspec.MsgspecError:
            return previous, size, False
        if previous is not None and (envelope.prevhash, envelope.seq) != (previous.hash, previous.seq + 1):
            return previous, size, False
        previous = After(envelope.epoch, envelope.seq, entries.hash_of(line[:-1]))
        size += len(line)
    return previous, size, True


def _size_upto(file: IO[bytes], seq: int) -> int:
    size = 0
    for line in file:
        if entries.read(line[:-1]).seq > seq:
            break
        size += len(line)
    return size


def write_synced(path: Path, content: bytes) -> None:
    """All of it or what was there before. Raises OSError."""
    draft = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """What was made, renamed or removed in it stays so. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
