"""The copy that a rehearsed box is made from: a backup, the mirror, or both; and what of this store it lacks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from hub.datadir import DataDir, DataDirError
from hub.doctor.findings import Finding
from hub.mirror.medium import MediumError
from hub.ports import StoreError


class Copy(Struct, frozen=True):
    """Where the new box comes from; neither: a backup is made first. recovery_key: from paper, None: this box's own."""

    backup: Path | None = None
    mirror: Path | None = None
    recovery_key: str | None = None


def fill(folder: DataDir, new: DataDir, copy: Copy, work: Path) -> Iterator[Finding]:
    """Fill the empty directory. The last finding fails when that was not possible."""
    from hub.cli.archive import ArchiveError
    from hub.cli.replacing import ReplaceError
    from hub.mirror.secrets import SealBroken

    try:
        if copy.mirror is not None:
            yield from _from_mirror(folder, new, copy, copy.mirror)
        else:
            yield from _from_backup(folder, new, copy.backup, work / "backup.tar")
    except (ArchiveError, DataDirError, MediumError, ReplaceError, SealBroken, StoreError) as error:
        yield Finding("copy", "fail", "failed", {"error": str(error)})
    except (OSError, click.ClickException) as error:
        yield Finding("copy", "fail", "failed", {"error": str(error)})


def _from_backup(folder: DataDir, new: DataDir, backup: Path | None, own: Path) -> Iterator[Finding]:
    from hub.cli.archive import restore_backup, write_backup
    from hub.cli.common import reading

    if backup is None:
        began = time.monotonic()
        with reading(folder.path) as journal:
            made = write_backup(journal, folder, own, lambda *_: None)
        seconds = round(time.monotonic() - began, 1)
        words = {"mb": round(own.stat().st_size / 1e6, 1), "seq": made.last_seq, "seconds": seconds}
        yield Finding("copy", "ok", "made", words)
    made = restore_backup(backup or own, new, lambda *_: None)
    if backup is not None:
        yield _age(folder, made.last_seq, ("given", "old"), {"made_at": made.made_at}, without="")


def _from_mirror(folder: DataDir, new: DataDir, copy: Copy, mirror: Path) -> Iterator[Finding]:
    from hub.cli.journal_file import open_journal
    from hub.cli.replacing import replace_box

    key = copy.recovery_key or folder.recovery_key(make=False)
    asyncio.run(replace_box(new, backup=copy.backup, mirror=mirror, recovery_key=key))
    with open_journal(new.journal) as journal:
        last = journal.last()
    yield _age(
        folder, last[0] if last else 0, ("mirror", "mirror_old"), {"path": str(mirror)}, without="mirror"
    )
    if key is None:
        yield Finding("key", "warn", "none")
    elif copy.recovery_key is None:
        yield Finding("key", "skip", "own")
    else:
        yield Finding("key", "ok", "paper")


def _age(
    folder: DataDir, seq: int, names: tuple[str, str], words: dict[str, Any], *, without: str
) -> Finding:
    """How far a copy is behind this box, and what of that nobody else has. without: the kind of copy that it is."""
    from hub.cli.common import look

    now = look(folder.path)
    others = [one["seq"] for one in now.get("mirror", {}).get("copies", ()) if one["kind"] != without]
    behind = max(0, now["last_seq"] - seq)
    lost = max(0, now["last_seq"] - max(seq, now["acked_seq"], *others))
    words = {**words, "seq": seq, "behind": behind}
    if lost:
        return Finding("copy", "warn", names[1], {**words, "lost": lost})
    return Finding("copy", "ok", names[0], words)
