"""Backups on a second medium: sealed where there is a passphrase, and as many of them as the store keeps."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hub.cli.archive import ArchiveError, Contents, Progress, name_for, write_backup
from hub.cli.journal_file import JournalFile
from hub.cli.sealed import passphrase_of, private_file, seal
from hub.datadir import DataDir
from hub.released import sync_folder

CREDENTIAL: Final = "storehub.backup_passphrase"
SEALED: Final = ".sealed"


def passphrase_file(given: Path | None) -> Path | None:
    """The file of the passphrase: named, or handed over by systemd (LoadCredential); None: backups are not sealed."""
    if given is not None:
        return given
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    credential = Path(folder, CREDENTIAL) if folder else None
    return credential if credential is not None and credential.is_file() else None


def back_up(
    journal: JournalFile, folder: DataDir, target: Path, progress: Progress, *, passphrase: Path | None
) -> tuple[Path, Contents]:
    """A backup at target, or in it when it is a folder; where it is. Raises ArchiveError, SealError, OSError."""
    identity = folder.known_identity()
    if target.is_dir() and identity is not None:
        target = target / f"{name_for(identity.hub_id, datetime.now(UTC))}{SEALED if passphrase else ''}"
    target = target.absolute()
    if passphrase is None:
        return target, write_backup(journal, folder, target, progress)
    words = passphrase_of(passphrase)
    if target.exists():
        raise ArchiveError(f"{target} is there already: a backup replaces nothing")
    # In the clear beside the journal alone, which is so too: never on the medium that is carried away.
    with tempfile.TemporaryDirectory(prefix=".storehub-backup-", dir=folder.path) as work:
        plain = Path(work) / "plain.tar"
        made = write_backup(journal, folder, plain, progress)
        draft = target.with_name(f".{target.name}.unfinished")
        draft.unlink(missing_ok=True)
        try:
            with private_file(draft) as file:
                seal(plain, file, words)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, target)
        finally:
            draft.unlink(missing_ok=True)
    sync_folder(target.parent)
    return target, made


def second_medium(folder: DataDir, backup_dir: str) -> Path:
    """The folder for backups. Raises ArchiveError when it is not there, or is the journal's own medium."""
    path = Path(backup_dir)
    if not path.is_dir():
        raise ArchiveError(f"{path} (backup_dir) is not there: is the medium plugged in?")
    if path.stat().st_dev == folder.path.stat().st_dev:
        raise ArchiveError(
            f"{path} (backup_dir) is on the journal's own medium: is the other one mounted there?"
        )
    return path


def drop_oldest(place: Path, hub_id: str, keep: int) -> list[str]:
    """Remove all but the newest backups of this hub; the names of those that are gone."""
    found = sorted(
        path
        for path in place.glob(f"storehub-{hub_id}-*.tar*")
        if path.name.endswith((".tar", f".tar{SEALED}"))
    )
    gone = found[: max(len(found) - keep, 0)]
    for path in gone:
        path.unlink()
    return [path.name for path in gone]
