"""The bases on a second medium (hub/store/base.py): with one, its entries need no beginning, and old ones may go.

`base-<seq>-<sha256>.db` is the store's tables as of that entry; the name vouches for the content. Two are kept: a stick
that spoiled one still has everything.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import IO, Final

from msgspec import Struct

from hub.mirror.medium import MediumDamaged, sync_folder

KEPT: Final = 2
DRAFT: Final = ".base.new"
# What a stick that is written with entries takes in between without holding them up.
PIECE_BYTES: Final = 1 << 20


class Base(Struct, frozen=True):
    """The tables as of entry `seq`."""

    path: Path
    seq: int
    digest: str


def bases(folder: Path) -> list[Base]:
    """Newest first. Raises OSError."""
    found = []
    for path in folder.glob("base-*.db"):
        _, _, rest = path.stem.partition("-")
        seq, _, digest = rest.partition("-")
        if seq.isdecimal():
            found.append(Base(path, int(seq), digest))
    return sorted(found, key=lambda one: -one.seq)


def fetch(folder: Path, target: Path) -> Base | None:
    """Copy the newest base that is as it was written; None when there is none at all.

    Raises MediumDamaged when none of them is whole, OSError.
    """
    known = bases(folder)
    for base in known:
        if _copied(base.path, target) == base.digest:
            return base
    target.unlink(missing_ok=True)
    if known:
        raise MediumDamaged(f"{known[0].path.name} is damaged, and there is no other")
    return None


def _copied(source: Path, target: Path) -> str:
    shutil.copyfile(source, target)
    os.chmod(target, 0o600)
    with target.open("rb") as file:
        digest = sha256()
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
        os.fsync(file.fileno())
    return digest.hexdigest()


def drop_after(folder: Path, seq: int) -> None:
    """Remove bases of entries after this one: the journal goes on differently there. Raises OSError."""
    for base in bases(folder):
        if base.seq > seq:
            base.path.unlink()
    sync_folder(folder)


def drop_old(folder: Path) -> list[Base]:
    """Remove all but the newest; those that stay, newest first. Raises OSError."""
    known = bases(folder)
    for base in known[KEPT:]:
        base.path.unlink()
    return known[:KEPT]


class Shipment:
    """A base on its way to the medium, a piece at a time. Every method may block: call them in the medium's thread."""

    def __init__(self, source: Path, folder: Path, seq: int) -> None:
        self._source = source
        self._folder = folder
        self.seq = seq
        self._from: IO[bytes] | None = None
        self._to: IO[bytes] | None = None
        self._digest = sha256()

    def begin_again(self) -> None:
        """With the first piece."""
        for file in (self._from, self._to):
            if file is not None:
                with suppress(OSError):
                    file.close()
        self._from = self._to = None
        self._digest = sha256()

    def step(self) -> bool:
        """Write and sync the next piece; False when the base is in its place. Raises OSError, then give_up()."""
        if self._from is None or self._to is None:
            self._from = self._source.open("rb")
            (self._folder / DRAFT).unlink(missing_ok=True)
            self._to = (self._folder / DRAFT).open("xb")
        piece = self._from.read(PIECE_BYTES)
        self._digest.update(piece)
        self._to.write(piece)
        self._to.flush()
        os.fsync(self._to.fileno())
        if piece:
            return True
        os.replace(self._folder / DRAFT, self._folder / f"base-{self.seq:012}-{self._digest.hexdigest()}.db")
        sync_folder(self._folder)
        self.give_up()
        return False

    def give_up(self) -> None:
        """Remove what was made for it: the medium may need the room for entries, and the box does."""
        self.begin_again()
        for path in (self._folder / DRAFT, self._source):
            with suppress(OSError):
                path.unlink(missing_ok=True)
