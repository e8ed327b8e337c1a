"""A start over a damaged journal: repair it before anything writes to it, say so, take back what lay behind a gap."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from hub.datadir import DataDir, DataDirError
from hub.domain import entries
from hub.domain.commands import RecoverEntry
from hub.domain.errors import HubError, NotReady, OutcomeUnknown, StorageFull
from hub.mirror.copy import MirrorCopy
from hub.ports import StoreError
from hub.service.hub import Behind, Core
from hub.store.highwater import HighWater
from hub.store.journal import Journal
from hub.store.look import look
from hub.store.mended import NOTE, SALVAGED, Mended, repairs_of, still_lost, with_repair
from hub.store.queries import SQL
from hub.upstream.records import PROGRESS

log = logging.getLogger(__name__)

SOURCE: Final = re.compile(rb'"source":"/stores/[^"/]+/hubs/([A-Za-z0-9._-]{1,64})"')
ASIDE_NOTE: Final = "repair.aside"
RETRY_S: Final = 2.0
SHOWN_MAX: Final = 5


def mended_before(data: DataDir, mirror: Path | None = None) -> Mended | None:
    """Look at a journal that nobody has open, and repair it if need be. Raises StoreError, OSError."""
    mark = HighWater(data.highwater).read()
    if why := look(data.journal, mark):
        return mended(data, why, mirror)
    return None


def mended(
    data: DataDir,
    why: str,
    mirror: Path | None = None,
    *,
    anew: bool = False,
    rebuild: bool = False,
    dry: bool = False,
) -> Mended | None:
    """None when nothing is wrong with it after all. anew: written again in any case; rebuild: its tables too.

    Raises StoreError, OSError."""
    # Here and not above: hardly any start needs it.
    from hub.store.mend import mend

    log.error("the journal is damaged: %s", why)
    mark = HighWater(data.highwater).read()
    copy = MirrorCopy(mirror) if mirror is not None else None
    report = mend(
        data.journal,
        mark,
        why,
        datetime.now(UTC).isoformat(timespec="seconds"),
        progress_note=PROGRESS,
        given=copy.entry if copy is not None else None,
        anew=anew,
        rebuild=rebuild,
        dry=dry,
    )
    if report is not None and not dry:
        log.error("%s", report.sentence())
    return report


def lost_identity(data: DataDir) -> str | None:
    """The hub's id as the journal knows it, when the files that say it are gone or cannot be read; else None.

    Raises DataDirError, OSError.
    """
    try:
        if data.known_identity() is not None or not data.journal.exists():
            return None
    except DataDirError as error:
        log.error("%s", error)
    with suppress(sqlite3.Error):
        with closing(sqlite3.connect(f"{data.journal.resolve().as_uri()}?mode=ro", uri=True)) as db:
            row = db.execute(SQL["last"]).fetchone()
        seen = SOURCE.search(bytes(row[1])) if row else None
        if seen is not None:
            log.error(
                "identity.json is lost; this is hub %s, by its journal. Staff PINs must be set anew", seen[1]
            )
            data.set_identity_aside()
            return seen[1].decode()
    return None


def behind_of(report: Mended) -> Behind | None:
    """What devices are asked to send again after, when the repair lost something."""
    if not report.lost:
        return None
    last = report.lost[-1]
    return Behind("repair", last.epoch, last.last)


def view_of(report: Mended) -> dict[str, Any]:
    """For people and programs, in the shape of `repairs` in GET /v1/sync."""
    said: dict[str, Any] = {name: getattr(report, name) for name in ("at", "why", "first", "last", "aside")}
    said |= {name: len(getattr(report, name)) for name in ("corrected", "found", "given")}
    said |= {name: msgspec.to_builtins(getattr(report, name)) for name in ("holes", "lost")}
    said |= {name: getattr(report, name) for name in ("unsure", "tables", "copy")}
    return {**said, "rows_lost": list(report.rows_lost)}


NO_HOLES: Final[dict[str, Any]] = {"missing": [], "returned": 0, "tried": []}


def repairs_view(
    repairs: list[Mended], back: Callable[[str], object], holes: dict[str, Any] = NO_HOLES
) -> dict[str, Any]:
    """The newest repairs, and what is not here, its holes among it. back(name): whether this counter says so."""
    return {
        "repairs": [view_of(one) for one in repairs[-SHOWN_MAX:]],
        "lost": [*msgspec.to_builtins(still_lost(repairs, back)), *holes["missing"]],
        "holes": holes,
    }


async def noted(journal: Journal, report: Mended) -> None:
    """Remember a repair that changed no file; the others stand in the new journal already. Raises StoreError."""
    if not report.copy:
        await journal.put(NOTE, with_repair(await journal.get(NOTE), report))


async def anything_aside(journal: Journal) -> bool:
    """Whether entries lay behind a gap that are not appended again yet."""
    done = (await journal.get(ASIDE_NOTE) or b"").decode()
    return any(one.aside and one.copy > done for one in repairs_of(await journal.get(NOTE)))


async def keep_taking_back(data: DataDir, core: Core, journal: Journal) -> None:
    """take_back(), again after a while when the disk is in the way."""
    while True:
        try:
            await take_back(data, core, journal)
            return
        except (HubError, StoreError) as error:
            log.warning("what lay behind the damage is not back yet, trying again: %s", error)
            await asyncio.sleep(RETRY_S)


async def take_back(data: DataDir, core: Core, journal: Journal) -> int:
    """Append again what lay behind a gap; how many came back. Doing it twice has one effect.

    Raises HubError and StoreError while nothing can be written.
    """
    done = (await journal.get(ASIDE_NOTE) or b"").decode()
    count = 0
    for report in repairs_of(await journal.get(NOTE)):
        if not report.aside or report.copy <= done:
            continue
        for raw in _lines(data.path / report.copy / SALVAGED):
            seen = entries.read(raw)
            command = RecoverEntry(seen.epoch, seen.seq, entries.hash_of(raw), raw.decode(), source="disk")
            try:
                count += 1 if await core.desk.order(command) else 0
            except (OutcomeUnknown, NotReady, StorageFull):
                raise
            except HubError as error:
                log.error("entry %s:%d could not be taken back: %s", seen.epoch, seen.seq, error)
        await journal.put(ASIDE_NOTE, report.copy.encode())
    log.warning("%d entries that lay behind the damage are in the journal again", count)
    return count


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        log.error("%s cannot be read: %s", path, os.strerror(error.errno or 0))
        return []
