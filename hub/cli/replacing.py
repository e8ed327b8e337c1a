"""A new box for the same store: its journal filled from a backup, a mirror or the cloud, and checked end to end."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
from msgspec import Struct

from hub.cli.archive import restore_backup
from hub.cli.journal_file import open_journal
from hub.datadir import DataDir, Identity
from hub.domain import entries
from hub.domain.entries import NO_HASH, Entry
from hub.domain.facts import After
from hub.mirror import medium
from hub.mirror.bases import Base, bases, fetch
from hub.mirror.following import grouped
from hub.mirror.primary import PrimaryTrouble
from hub.mirror.secrets import NAME, unseal
from hub.store.base import begin_at
from hub.store.journal import Journal

AT_ONCE: Final = 500
CLOUD_S: Final = 60.0


class ReplaceError(Exception):
    """The directory cannot be filled; the message says why."""


class Report(Struct):
    """What the new box has, where it came from, and what it does not have."""

    hub_id: str
    entries: int
    epoch: str
    head: str
    sources: list[str] = []
    missing: list[str] = []


class Cloud(Struct, frozen=True):
    url: str
    token: str
    hub_id: str


async def replace_box(
    data: DataDir,
    *,
    backup: Path | None = None,
    mirror: Path | None = None,
    recovery_key: str | None = None,
    cloud: Cloud | None = None,
) -> Report:
    """Fill an empty directory, each source going on where the one before it ends; then read all of it back.

    The next start begins a new epoch with a new series of receipt numbers. What was written of a replacement that
    breaks off is taken away again. Raises ReplaceError, ArchiveError, MediumError, SealBroken, StoreError,
    DataDirError, OSError.
    """
    if data.path.exists() and any(data.path.iterdir()):
        raise ReplaceError(f"{data.path} is not empty: a new box begins with an empty or new directory")
    try:
        return await _filled(data, backup, mirror, recovery_key, cloud)
    except BaseException:
        shutil.rmtree(data.path, ignore_errors=True)
        raise


async def _filled(
    data: DataDir, backup: Path | None, mirror: Path | None, recovery_key: str | None, cloud: Cloud | None
) -> Report:
    report = Report("", 0, "", NO_HASH)
    identity: Identity | None = None
    if backup is not None:
        made = restore_backup(backup, data, lambda *_: None)
        identity = data.known_identity()
        report.sources.append(f"backup of {made.made_at}: entries up to {made.last_seq:,}")
    if not data.lock():
        raise ReplaceError(f"{data.path} is in use")
    try:
        estate = _estate(mirror, recovery_key) if mirror is not None else None
        if identity is None:
            identity = _identity(data, mirror, estate, cloud, report)
            if mirror is not None and (base := _begun(mirror, data.journal)) is not None:
                report.sources.append(f"mirror: the state as of entry {base.seq:,}")
        async with Journal(data.journal) as journal:
            if estate is not None and estate["keys"]:
                rows = [(one, bytes.fromhex(raw)) for one, raw in estate["keys"].items()]
                await journal.transact([("put_key", rows)])
            if mirror is not None:
                found = (entry.raw for entry in _on_from(mirror, journal.position))
                count = await _append(journal, found, "the mirror")
                report.sources.append(f"mirror: {count:,} entries, up to {journal.position.seq:,}")
                aside = sum(1 for file in medium.left(mirror) for _ in medium.entries_in(file))
                if aside:
                    report.missing.append(f"{aside} entries in left-*.ndjson of the mirror are in no journal")
            if cloud is not None:
                cloud = Cloud(cloud.url, cloud.token, identity.hub_id)
                count = await _append(journal, _pages(cloud, journal), "the cloud")
                report.sources.append(f"cloud: {count:,} entries, up to {journal.position.seq:,}")
        data.begin_restored(identity, "replace")
    finally:
        data.unlock()
    report.hub_id = identity.hub_id
    _read_back(data, report)
    return report


def _begun(mirror: Path, journal: Path) -> Base | None:
    """The mirror's newest base, as a journal that begins where its entries can go on; None when there is none.

    Raises MediumError, StoreError, OSError.
    """
    base = fetch(mirror, journal)
    if base is not None:
        first = next(medium.read_after(mirror), None)
        if first is not None:
            begin_at(journal, first.seq, first.raw)
    return base


def _on_from(mirror: Path, position: After) -> Iterator[Entry]:
    """Raises ReplaceError when what would come first is not on the mirror any more, MediumError, OSError."""
    first = next(medium.read_after(mirror), None)
    if first is not None and position.seq < first.seq - 1:
        way = (
            "leave the backup out: the mirror has the state before them"
            if bases(mirror)
            else "the state before them is in no source: add a newer backup"
        )
        raise ReplaceError(f"the mirror has entries from {first.seq} on, not from {position.seq + 1}: {way}")
    return medium.read_after(mirror, position)


def _estate(mirror: Path, recovery_key: str | None) -> dict[str, Any] | None:
    if recovery_key is None:
        return None
    return unseal(recovery_key, (mirror / NAME).read_bytes())


def _identity(
    data: DataDir, mirror: Path | None, estate: dict[str, Any] | None, cloud: Cloud | None, report: Report
) -> Identity:
    """Who this box is, as far as the sources know. Devices know the store by its authority, which only secrets hold."""
    box = secrets.token_hex(4)
    if estate is not None:
        identity = Identity(estate["hub_id"], box, estate["store_key"], estate["term"])
        data.adopt(identity, tls=estate["tls"], customers_key=estate["customers_key"])
        data.keep_store_settings(estate["store"])
        return identity
    mark = medium.mark_of(mirror) if mirror is not None else None
    hub_id = mark.hub_id if mark is not None else cloud.hub_id if cloud is not None else None
    if hub_id is None:
        raise ReplaceError("give a backup, a mirror or the cloud to fill it from")
    report.missing.append(
        "the store's secrets: devices must be paired again, staff get new PINs, customers' names stay unreadable"
    )
    identity = Identity(hub_id, box, secrets.token_hex(32))
    data.adopt(identity, tls={}, customers_key=None)
    return identity


async def _append(journal: Journal, found: Iterable[bytes], source: str) -> int:
    """Append what follows the journal's last entry. Raises ReplaceError when it does not."""
    lines, count = iter(found), 0
    while page := list(islice(lines, AT_ONCE)):
        try:
            for group, opens in grouped(page, journal.position):
                await journal.append(group, opens=opens)
                count += len(group)
        except PrimaryTrouble as error:
            raise ReplaceError(
                f"{source} does not go on from entry {journal.position.seq}: {error}"
            ) from error
    return count


def _pages(cloud: Cloud, journal: Journal) -> Iterator[bytes]:
    """What the cloud has after the journal's end, asked for page by page."""
    after: After = journal.position
    with httpx.Client(
        base_url=cloud.url,
        headers={"Authorization": f"Bearer {cloud.token}"},
        timeout=CLOUD_S,
        trust_env=False,
    ) as http:
        while True:
            try:
                answer = http.get(
                    f"/v1/hubs/{cloud.hub_id}/entries",
                    params={"after": f"{after.epoch}:{after.seq}" if after.seq else "", "orphans": "0"},
                )
            except httpx.HTTPError as error:
                raise ReplaceError(f"the cloud does not answer: {error!r}") from error
            if answer.status_code != 200:
                raise ReplaceError(f"the cloud answers {answer.status_code}: {answer.text[:200]}")
            lines = [line for line in answer.content.split(b"\n") if line]
            if not lines:
                return
            yield from lines
            last = entries.read(lines[-1])
            after = After(last.epoch, last.seq, entries.hash_of(lines[-1]))


def _read_back(data: DataDir, report: Report) -> None:
    """The chain from the first entry to the last, from the disk. Raises ReplaceError."""
    previous, epoch = After("", 0, NO_HASH), ""
    with open_journal(data.journal) as journal:
        first, saved = journal.first_seq(), journal.saved()
        for seq, raw in journal.entries():
            try:
                envelope = entries.read(raw)
            except msgspec.MsgspecError as error:
                raise ReplaceError(f"entry {seq} cannot be read: {error}") from error
            if seq != first and (envelope.prevhash, seq) != (previous.hash, previous.seq + 1):
                raise ReplaceError(f"entry {seq} does not follow the one before it")
            if saved.seq == seq - 1 and saved.hash != envelope.prevhash:
                raise ReplaceError(f"the state before entry {seq} is that of another journal")
            previous, epoch = After(envelope.epoch, seq, entries.hash_of(raw)), envelope.epoch
            report.entries += 1
    if not first - 1 <= saved.seq <= previous.seq:
        raise ReplaceError(
            f"there are entries {first} to {previous.seq}, and the state as of entry {saved.seq}: what would join them"
            " is in no source; add one (a backup, the cloud)"
        )
    if saved.seq == previous.seq and saved.hash != previous.hash:
        raise ReplaceError(f"the state after entry {saved.seq} is that of another journal")
    report.epoch, report.head = epoch, previous.hash
    if not report.entries:
        raise ReplaceError("the sources hold no entries")
