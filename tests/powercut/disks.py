"""Disks whose power can be cut: a model that keeps what was synced and nothing else for sure, and a real ext4."""

from __future__ import annotations

import glob
import importlib.util
import os
import random
import shutil
from pathlib import Path
from typing import Any, Protocol

from tests.support.rig import ROOT

TOOLS = ROOT.parent / "shared" / "tools"
POWERFS, EXT4CUT = TOOLS / "powerfs.py", TOOLS / "ext4cut.py"
# What is gone: all that was not synced, or random pieces of it; with ext4's directories, or bare POSIX ones.
MODES = ("lose", "random")
EXT4_MB = 192


def why_not() -> str:
    """Why the power of a file system cannot be cut on this machine; '' when it can."""
    if not POWERFS.is_file():
        return f"{POWERFS} is not here"
    if importlib.util.find_spec("mfusepy") is None:
        return "mfusepy is not installed"
    if not os.path.exists("/dev/fuse"):
        return "there is no /dev/fuse"
    return "" if os.geteuid() == 0 else "mounting for others needs root"


def why_no_ext4() -> str:
    """Why no real ext4 can be cut off here; '' when it can."""
    if not EXT4CUT.is_file():
        return f"{EXT4CUT} is not here"
    if missing := [name for name in ("mkfs.ext4", "e2fsck", "unshare") if shutil.which(name) is None]:
        return f"not installed: {', '.join(missing)}"
    if os.geteuid() != 0:
        return "mounting needs root"
    return "" if glob.glob("/dev/loop[0-9]*") else "there are no loop devices"


def tool(path: Path) -> Any:
    """One of the tools beside the project, as a module of its own."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def faulty(folder: Path, data: Path) -> Any:
    """The modelled file system with all its faults (`ctl`), holding a copy of `data`."""
    return tool(POWERFS).PowerFS(folder / "fs", load=data)


class Disk(Protocol):
    """mnt: the data directory on it."""

    mnt: str

    def __enter__(self) -> Disk: ...
    def __exit__(self, *error: object) -> None: ...

    def cut(self, number: int, chance: random.Random) -> int:
        """End it in an instant; the bytes that are known to be gone. Whoever uses it must be killed then."""

    def on(self) -> list[str]:
        """Give it power again; what is wrong with the file system itself."""


class Modelled:
    """Loses all that was not synced, or random pieces of it, in turns."""

    def __init__(self, folder: Path, data: Path, *, strict: bool) -> None:
        self._fs = tool(POWERFS).PowerFS(folder / "fs", strict_dirs=strict, load=data)
        self.mnt = self._fs.mnt

    def __enter__(self) -> Modelled:
        self._fs.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._fs.__exit__(*error)

    def cut(self, number: int, chance: random.Random) -> int:
        cut = self._fs.power_cut(MODES[number % len(MODES)], chance.randrange(1 << 30))
        return int(cut["lost_bytes"])

    def on(self) -> list[str]:
        self._fs.power_on()
        return []


class Ext4:
    """Loses what the kernel had not written; each mount replays the journal of the file system, and fsck looks."""

    def __init__(self, folder: Path, data: Path) -> None:
        self._fs = tool(EXT4CUT).Ext4(str(folder / "ext4"), size_mb=EXT4_MB)
        self._data = data
        self.mnt = f"{self._fs.mnt}/data"

    def __enter__(self) -> Ext4:
        self._fs.__enter__()
        shutil.copytree(self._data, self.mnt)
        # What a store has when it begins was written long ago.
        os.sync()
        return self

    def __exit__(self, *error: object) -> None:
        self._fs.__exit__(*error)

    def cut(self, number: int, chance: random.Random) -> int:
        self._fs.cut()
        return 0

    def on(self) -> list[str]:
        # The first mount replays its journal; fsck must find nothing after that.
        self._fs.on()
        return [] if self._fs.check() else [f"fsck: {self._fs.fsck}"]
