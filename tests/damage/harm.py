"""Ways in which flash damages a closed hub's files, by a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

PAGE = 2048
Harm = Callable[[Path, random.Random], None]


def _flip(path: Path, chance: random.Random, *, first: int = 0, upto: int | None = None) -> None:
    content = bytearray(path.read_bytes())
    end = len(content) if upto is None else min(upto, len(content))
    if end <= first:
        return
    content[chance.randrange(first, end)] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def _zero(path: Path, chance: random.Random, *, bytes_: int = 4096) -> None:
    content = bytearray(path.read_bytes())
    if not content:
        return
    at = chance.randrange(max(1, len(content) // bytes_)) * bytes_
    content[at : at + bytes_] = bytes(len(content[at : at + bytes_]))
    path.write_bytes(content)


def _cut(path: Path, chance: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content) // 2, len(content))] if content else b"")


def _wal(data: Path) -> Path:
    return data / "journal.db-wal"


def _db(data: Path) -> Path:
    return data / "journal.db"


def _four(data: Path, chance: random.Random) -> None:
    for _ in range(4):
        _flip(_db(data), chance)


def _headless(data: Path, chance: random.Random) -> None:
    _db(data).write_bytes(bytes(PAGE) + _db(data).read_bytes()[PAGE:])


def _nobody(data: Path, chance: random.Random) -> None:
    for path in data.glob("identity*.json"):
        path.unlink()


HARMS: dict[str, Harm] = {
    "db-flip": lambda data, chance: _flip(_db(data), chance),
    "db-flip-4": _four,
    "db-zero": lambda data, chance: _zero(_db(data), chance),
    "db-cut": lambda data, chance: _cut(_db(data), chance),
    "db-head-flip": lambda data, chance: _flip(_db(data), chance, upto=100),
    "db-head-zero": _headless,
    "wal-flip": lambda data, chance: _flip(_wal(data), chance),
    "wal-head-flip": lambda data, chance: _flip(_wal(data), chance, upto=32),
    "wal-zero": lambda data, chance: _zero(_wal(data), chance),
    "wal-cut": lambda data, chance: _cut(_wal(data), chance),
    "wal-gone": lambda data, chance: _wal(data).unlink(),
    "mark-flip": lambda data, chance: _flip(data / "highwater.json", chance),
    "mark-gone": lambda data, chance: (data / "highwater.json").unlink(),
    "identity-flip": lambda data, chance: _flip(data / "identity.json", chance),
    "identity-gone": lambda data, chance: (data / "identity.json").unlink(),
    "identity-both": _nobody,
}
