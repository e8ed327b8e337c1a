"""Files that hold keys: complete or absent after a crash, and nobody else's to read."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Final

_UNFINISHED: Final = ".unfinished"


def make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Put the content at path, mode 0600. After a crash at any point it is the old or the new one, whole."""
    # mkstemp: 0600 from the first byte on, whatever the umask, and never through somebody's symbolic link.
    handle, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_UNFINISHED, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(unfinished)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in it last."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Delete what a crash left unfinished: it may hold a key."""
    for left in folder.glob(f".*{_UNFINISHED}"):
        with contextlib.suppress(FileNotFoundError):
            left.unlink()


def read_if_there(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def keep_private(path: Path) -> None:
    """Take away what others may do with it, for instance after a careless copy."""
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
