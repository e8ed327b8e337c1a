"""The modelled file system (powerfs.py), and `arm N KIND`: trouble that begins at the Nth change from now on.

Changes are what a card can refuse: writes, syncs, files that are made, cut, renamed or removed. Those that come when
the disk has time (the reserve, the index of the WAL) are not counted: they would make the numbers another run's.
`struck` says which change it was, and how many there were since.
"""

from __future__ import annotations

import sys
import time
from functools import wraps
from pathlib import Path
from typing import Any

STALL_S = 2.0
EVER = 1 << 40
UNCOUNTED = ("", "reserve.bin", "journal.db-shm")
CHANGES = ("write", "truncate", "create", "fsync", "fsyncdir", "unlink", "rename")
# What becomes of the model at the moment it strikes. "one …": of that one change, and the next is well again.
KINDS: dict[str, dict[str, Any]] = {
    "full": {"limit": 1},
    "read-only": {"ro": True},
    "failing writes": {"eiow": EVER},
    "failing syncs": {"eiof": EVER},
    "one failing write": {"eiow": 1},
    "one failing sync": {"eiof": 1},
    "stall": {},
}


def points(folder: Path, data: Path) -> Any:
    """Such a file system, holding a copy of `data`."""
    from tests.powercut.disks import POWERFS, tool

    module = tool(POWERFS)
    # What it mounts is started as a program, from the file it takes for its own.
    module.__file__ = __file__
    return module.PowerFS(folder / "fs", load=data)


def _pointed(make_ops: Any) -> Any:
    def make(load: Any, strict: bool) -> Any:
        fuse, plain = make_ops(load, strict)

        class Pointed(type(plain)):  # type: ignore[misc]
            count = at = 0
            kind = struck = ""

            def heal(self) -> None:
                super().heal()
                self.at = 0

            def change(self, name: str, path: str | None) -> None:
                # A file without a name any more has none here; the WAL's index is written by the kernel when it likes.
                file = (path or "").rpartition("/")[2]
                if file in UNCOUNTED:
                    return
                self.count += 1
                if self.count != self.at:
                    return
                self.struck = f"{name} {file}"
                if self.kind == "stall":
                    time.sleep(STALL_S)
                for field, value in KINDS[self.kind].items():
                    setattr(self, field, value)

            def command(self, line: str) -> Any:
                word, _, rest = line.strip().partition(" ")
                if word == "arm":
                    at, _, kind = rest.partition(" ")
                    with self.mu:
                        self.count, self.at, self.kind, self.struck = 0, int(at), kind, ""
                    return {"ok": True}
                # Without the lock: during a stall it is held.
                return (
                    {"struck": self.struck, "count": self.count}
                    if word == "struck"
                    else super().command(line)
                )

        def counted(name: str) -> Any:
            real = getattr(type(plain), name)

            @wraps(real)
            def change(self: Any, path: str | None, *rest: Any) -> Any:
                with self.mu:
                    self.change(name, path)
                    return real(self, path, *rest)

            return change

        for name in CHANGES:
            setattr(Pointed, name, counted(name))
        return fuse, Pointed()

    return make


def main() -> None:
    """Run powerfs.py's own command line with the counted operations."""
    from tests.powercut.disks import POWERFS, tool

    module = tool(POWERFS)
    words = sys.argv[1:]
    mnt, socket = words[1], words[words.index("--ctl") + 1]
    load = words[words.index("--load") + 1] if "--load" in words else None
    module.make_ops = _pointed(module.make_ops)
    module.serve_mount(mnt, socket, load, "--strict-dirs" in words)


if __name__ == "__main__":
    # Started by its path, as powerfs.py starts itself.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main()
