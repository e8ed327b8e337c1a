"""A backup: one tar with the journal as of one moment, the hub's identity, and the store's secrets.

Those are its certificate authority, the key that customers' keys are wrapped with, and the recovery key of the mirror.
Of a box that took its store over, or follows another, also the settings that came with it, and where others may be.

Whoever has it can be this store's hub, so it is nobody else's to read. A list of its files with their SHA-256 comes
first.
"""

from __future__ import annotations

import io
import os
import secrets
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hub.cli.journal_file import JournalFile
from hub.datadir import DataDir, Identity
from hub.domain import entries
from hub.tls.files import sync_folder

FORMAT: Final = 1
CONTENTS: Final = "storehub-backup.json"
JOURNAL: Final = "journal.db"
IDENTITY: Final = "identity.json"
CUSTOMERS_KEY: Final = "customers.key"
RECOVERY_KEY: Final = "recovery.key"
STORE: Final = "store.json"
PEERS: Final = "peers.json"
PAGES_AT_ONCE: Final = 500
FILE_BYTES_MAX: Final = 1 << 40
Progress = Callable[[str, int, int | None], None]


class ArchiveError(Exception):
    """The backup cannot be made or used; the message says why."""


class Contents(Struct, frozen=True):
    """What is in a backup, and as of which entry."""

    format: int
    hub_id: str
    made_at: str
    last_seq: int
    head: str
    files: dict[str, str]


def name_for(hub_id: str, now: datetime) -> str:
    return f"storehub-{hub_id}-{now.strftime('%Y%m%d-%H%M%S')}.tar"


def write_backup(journal: JournalFile, folder: DataDir, target: Path, progress: Progress) -> Contents:
    """Complete and on disk when this returns; never over a file that is there.

    Raises ArchiveError, hub.datadir.DataDirError, OSError.
    """
    identity = folder.known_identity()
    if identity is None:
        raise ArchiveError(f"there is no hub in {folder.path}")
    if folder.role == "superseded":
        # It would push backups of the store out of the folder where the newest are kept.
        raise ArchiveError(f"box {folder.successor().box} has taken over this store: back up that one")
    if target.exists():
        raise ArchiveError(f"{target} is there already: a backup replaces nothing")
    with tempfile.TemporaryDirectory(prefix=".storehub-backup-", dir=target.parent) as work:
        copy = Path(work) / JOURNAL
        last_seq, head = _copy(journal, copy, progress)
        sources = {JOURNAL: copy, IDENTITY: Path(work) / IDENTITY}
        # As it is known here: of the two files that say it one may be damaged.
        sources[IDENTITY].write_bytes(msgspec.json.encode(identity))
        if values := folder.store_settings():
            sources[STORE] = Path(work) / STORE
            sources[STORE].write_bytes(msgspec.json.encode(values))
        # After the journal: the first of them is made before the first key that is wrapped with it.
        kept = (CUSTOMERS_KEY, RECOVERY_KEY, PEERS)
        sources.update({name: folder.path / name for name in kept if (folder.path / name).exists()})
        sources.update(
            {f"tls/{file.name}": file for file in sorted(folder.tls.glob("[!.]*")) if file.is_file()}
        )
        contents = Contents(
            format=FORMAT,
            hub_id=identity.hub_id,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            last_seq=last_seq,
            head=head,
            files={name: _digest(path) for name, path in sources.items()},
        )
        draft = Path(work) / "backup.tar"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            _pack(file, contents, sources)
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link and not a rename: it fails where a rename would replace.
            os.link(draft, target)
        except FileExistsError as error:
            raise ArchiveError(f"{target} is there already: a backup replaces nothing") from error
    sync_folder(target.parent)
    return contents


def _copy(journal: JournalFile, copy: Path, progress: Progress) -> tuple[int, str]:
    """SQLite's own backup, in one read transaction: without it every commit of a running hub would begin it anew."""
    with journal.snapshot():
        last = journal.last()
        with closing(sqlite3.connect(copy)) as db:
            journal.db.backup(
                db,
                pages=PAGES_AT_ONCE,
                progress=lambda status, left, total: progress("pages", total - left, total),
            )
    os.chmod(copy, 0o600)
    return (last[0], entries.hash_of(last[1])) if last else (0, entries.NO_HASH)


def _pack(file: IO[bytes], contents: Contents, sources: dict[str, Path]) -> None:
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        listed = msgspec.json.encode(contents)
        tar.addfile(_member(CONTENTS, len(listed)), io.BytesIO(listed))
        for name, path in sources.items():
            with path.open("rb") as source:
                tar.addfile(_member(name, path.stat().st_size), source)


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def restore_backup(source: Path, folder: DataDir, progress: Progress) -> Contents:
    """Fill an empty directory. The next start begins a new epoch and a new series of receipt numbers.

    Raises ArchiveError, hub.datadir.DataDirError, OSError. What was unpacked of a damaged backup is taken away again.
    """
    if folder.path.exists() and any(folder.path.iterdir()):
        raise ArchiveError(f"{folder.path} is not empty: restore into an empty or new directory")
    if not folder.lock():
        raise ArchiveError(f"{folder.path} is in use")
    try:
        written: list[Path] = []
        try:
            contents = _unpack(source, folder, written, progress)
            # The box is this machine, not the one that the backup was made on.
            known = msgspec.json.decode((folder.path / IDENTITY).read_bytes(), type=Identity)
            folder.begin_restored(replace(known, box=secrets.token_hex(4)))
        except BaseException:
            for path in written:
                path.unlink(missing_ok=True)
            raise
        sync_folder(folder.path)
        return contents
    finally:
        folder.unlock()


def _unpack(source: Path, folder: DataDir, written: list[Path], progress: Progress) -> Contents:
    try:
        with tarfile.open(source, mode="r:") as tar:
            members = iter(tar)
            contents = _contents(tar, next(members, None))
            for member in members:
                wanted = contents.files.get(member.name)
                file = tar.extractfile(member)
                if wanted is None or file is None or member.size > FILE_BYTES_MAX:
                    raise ArchiveError(f"{source}: {member.name} is not in its list of contents")
                path = folder.path / member.name
                path.parent.mkdir(mode=0o700, exist_ok=True)
                written.append(path)
                if _write(path, _chunks(file, member, progress)) != wanted:
                    raise ArchiveError(f"{source}: {member.name} is damaged")
    except (tarfile.TarError, EOFError) as error:
        raise ArchiveError(f"{source} is no backup, or is damaged: {error}") from error
    if missing := contents.files.keys() - {str(path.relative_to(folder.path)) for path in written}:
        raise ArchiveError(f"{source} is cut off: {', '.join(sorted(missing))} is missing")
    return contents


def _contents(tar: tarfile.TarFile, member: tarfile.TarInfo | None) -> Contents:
    file = tar.extractfile(member) if member is not None and member.name == CONTENTS else None
    if file is None:
        raise ArchiveError("this is no backup of storehub")
    try:
        contents = msgspec.json.decode(file.read(1 << 20), type=Contents)
    except msgspec.MsgspecError as error:
        raise ArchiveError(f"its list of contents cannot be read: {error}") from error
    if contents.format != FORMAT:
        raise ArchiveError(f"it was made by another version (format {contents.format})")
    plain = {JOURNAL, IDENTITY}
    for name in contents.files:
        folder, slash, leaf = name.rpartition("/")
        # Nothing lands anywhere else, whatever the list says.
        if name not in {*plain, CUSTOMERS_KEY, RECOVERY_KEY, STORE, PEERS} and not (
            folder == "tls" and slash and leaf and not leaf.startswith(".")
        ):
            raise ArchiveError(f"it holds a file that belongs to no hub: {name}")
    if not plain <= contents.files.keys():
        raise ArchiveError("it holds no journal or no identity")
    return contents


def _chunks(file: IO[bytes], member: tarfile.TarInfo, progress: Progress) -> Iterator[bytes]:
    done = 0
    while chunk := file.read(1 << 20):
        yield chunk
        done += len(chunk)
        progress(member.name, done, member.size)


def _write(path: Path, chunks: Iterator[bytes]) -> str:
    """Write and sync; the SHA-256 of what was written."""
    digest = sha256()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for chunk in chunks:
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()
