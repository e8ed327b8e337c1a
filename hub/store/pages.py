"""Entries as they lie in the pages of a damaged file, found without SQLite's help.

SQLite reads its WAL up to the first frame that does not check, and its trees from the root down: behind a damaged
byte much may be whole that it does not show. Here every page of the file, and every frame of the WAL, is looked at for
itself.
https://www.sqlite.org/fileformat2.html says how they are made. Nothing found here is believed: the chain judges it.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hub.store.look import FRAME_HEAD, WAL_HEAD

LEAF: Final = 0x0D
RESERVED: Final = 0
# An entry of a maker's own fact may have 32 KiB, and one that came back holds another.
ENTRY_BYTES_MAX: Final = 4 * 1024 * 1024
WAL_BIG: Final = bytes.fromhex("377f0683")
BEGINS: Final = b'{"specversion"'


class Pages:
    """Images of pages: those of the database, and those of the WAL, newest last."""

    def __init__(self, db: bytes | mmap.mmap, wal: bytes | mmap.mmap, page_bytes: int) -> None:
        self._db = db
        self._wal = wal
        self._size = page_bytes
        self._frames: dict[int, list[int]] = {}
        self._sound: set[int] = set()
        step = FRAME_HEAD + page_bytes
        before = bytes(wal[24:32])
        big = bytes(wal[:4]) == WAL_BIG
        for at in range(WAL_HEAD, len(wal) - step + 1, step):
            number = int.from_bytes(wal[at : at + 4], "big")
            self._frames.setdefault(number, []).append(at + FRAME_HEAD)
            said = bytes(wal[at + 16 : at + 24])
            if _checksum(before, bytes(wal[at : at + 8] + wal[at + FRAME_HEAD : at + step]), big=big) == said:
                self._sound.add(at + FRAME_HEAD)
            before = said

    def entries(self) -> Iterator[tuple[int, bytes, bool]]:
        """Seq and bytes of whatever looks like an entry, several times and in no order.

        True: it lies in one frame of the WAL whose checksum is right, given the one before it.
        """
        for number in range(1, len(self._db) // self._size + 1):
            for seq, raw in self._leaf(self._of_db(number), 100 if number == 1 else 0):
                yield seq, raw, False
        for frames in self._frames.values():
            for at in frames:
                for seq, raw in self._leaf(bytes(self._wal[at : at + self._size]), 0):
                    yield seq, raw, at in self._sound and len(raw) < self._size // 2

    def texts(self) -> Iterator[bytes]:
        """From where an entry's text begins to the end of its page: for cells whose heads are damaged."""
        images = [self._of_db(number) for number in range(1, len(self._db) // self._size + 1)]
        images += [bytes(self._wal[at : at + self._size]) for ats in self._frames.values() for at in ats]
        for image in images:
            at = image.find(BEGINS)
            while at >= 0:
                yield image[at:]
                at = image.find(BEGINS, at + 1)

    def _of_db(self, number: int) -> bytes:
        return bytes(self._db[(number - 1) * self._size : number * self._size])

    def _images(self, number: int) -> list[bytes]:
        """What the page is or was, likeliest first."""
        found = [bytes(self._wal[at : at + self._size]) for at in reversed(self._frames.get(number, []))]
        if 0 < number <= len(self._db) // self._size:
            found.append(self._of_db(number))
        return found

    def _leaf(self, page: bytes, head: int) -> Iterator[tuple[int, bytes]]:
        if page[head] != LEAF:
            return
        count = int.from_bytes(page[head + 3 : head + 5], "big")
        for index in range(min(count, self._size // 4)):
            slot = head + 8 + 2 * index
            at = int.from_bytes(page[slot : slot + 2], "big")
            try:
                yield from self._cell(page, at)
            except (IndexError, ValueError):
                continue

    def _cell(self, page: bytes, at: int) -> Iterator[tuple[int, bytes]]:
        """A row of `entries`: its record has two columns, the seq (which is the row's id) and the bytes."""
        size, at = _varint(page, at)
        seq, at = _varint(page, at)
        if not 0 < size <= ENTRY_BYTES_MAX or seq <= 0:
            return
        usable = self._size - RESERVED
        local, least = size, (usable - 12) * 32 // 255 - 23
        if size > usable - 35:
            local = least + (size - least) % (usable - 4)
            local = local if local <= usable - 35 else least
        payloads = [page[at : at + local]]
        if local < size:
            first = int.from_bytes(page[at + local : at + local + 4], "big")
            payloads = [payloads[0] + rest for rest in self._chained(first, size - local)]
        for payload in payloads:
            head, place = _varint(payload, 0)
            nothing, place = _varint(payload, place)
            kind, place = _varint(payload, place)
            raw = payload[head : head + (kind - 12) // 2]
            if nothing == 0 and place == head and kind >= 12 and kind % 2 == 0 and len(payload) == size:
                yield seq, raw

    def _chained(self, number: int, size: int) -> list[bytes]:
        """What lies on the overflow pages from this one on: as the WAL has them, and as the database has."""
        found = []
        for choice in (0, -1):
            parts, left, at = [], size, number
            while left > 0:
                images = self._images(at)
                if not images:
                    break
                page = images[choice]
                parts.append(page[4 : 4 + min(left, self._size - RESERVED - 4)])
                left -= len(parts[-1])
                at = int.from_bytes(page[:4], "big")
            whole = b"".join(parts)
            if left == 0 and whole not in found:
                found.append(whole)
        return found


def _checksum(before: bytes, content: bytes, *, big: bool) -> bytes:
    """That of a WAL: https://www.sqlite.org/fileformat2.html#checksum_algorithm."""
    one, two = struct.unpack(">II", before)
    words = struct.unpack(f"{'>' if big else '<'}{len(content) // 4}I", content)
    for index in range(0, len(words) - 1, 2):
        one = (one + words[index] + two) & 0xFFFFFFFF
        two = (two + words[index + 1] + one) & 0xFFFFFFFF
    return struct.pack(">II", one, two)


def _varint(page: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(8):
        byte = page[at + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + index + 1
    return value << 8 | page[at + 8], at + 9


@contextmanager
def pages_of(path: Path, page_bytes: int) -> Iterator[Pages]:
    """The pages of a database and its WAL, either of which may be missing. Raises OSError."""
    with _mapped(path) as db, _mapped(path.with_name(path.name + "-wal")) as wal:
        yield Pages(db, wal, page_bytes)


@contextmanager
def _mapped(path: Path) -> Iterator[bytes | mmap.mmap]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield b""
        return
    try:
        if os.fstat(handle).st_size == 0:
            yield b""
            return
        with mmap.mmap(handle, 0, access=mmap.ACCESS_READ) as mapped:
            yield mapped
    finally:
        os.close(handle)
