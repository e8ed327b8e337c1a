"""A damaged journal at a start: seen before anything writes to it, and made good as far as can be proved.

The damaged files are moved aside as they are, never changed and never deleted. Beside them grows a new journal from
what Scavenged proves; only when it is complete and on disk does it take the old one's place.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from importlib.resources import files
from pathlib import Path

import msgspec

from hub.domain.facts import After
from hub.store.connection import PAGE_BYTES, store_error
from hub.store.look import FOLDER, MENDED, MENDING, PAGE_SIZES, PATCHED, drop, finish, has_tables, swap, sync
from hub.store.mend_plan import Plan, write
from hub.store.mended import NOTE, REPORT, SALVAGED, Mended, repairs_of, with_repair
from hub.store.queries import SQL
from hub.store.salvage_tables import Tables
from hub.store.scavenge import Given, Scavenged


def mend(
    path: Path,
    mark: After | None,
    why: str,
    now: str,
    *,
    progress_note: str,
    given: Given | None = None,
    anew: bool = False,
    rebuild: bool = False,
    dry: bool = False,
) -> Mended | None:
    """Make the journal good; None when there is nothing wrong with it. now: RFC 3339.

    anew: also when entries and tables are whole, for what else may be damaged (indexes, the list of requests).
    dry: only say what would be done.
    rebuild: and the tables made again from the entries, if all of those are there.
    progress_note: under which name stands what the cloud has. Raises Unmendable, StoreError and OSError; the files
    are then as they were.
    """
    began = time.monotonic()
    finish(path)
    draft = path.with_name(MENDING)
    drop(draft)
    try:
        with (
            _readable(path) as source,
            closing(Scavenged(source, _page_bytes(path), mark=mark, given=given)) as found,
        ):
            found.judge()
            tables = Tables(found)
            tables.judge()
            plan = Plan(
                found, tables, mark, progress_note, cut_wal=why.startswith("the WAL is"), again=rebuild
            )
            report = plan.report(why, now)
            if dry:
                return report
            before = repairs_of(tables.note(NOTE))
            # A repair that did not help is not done again and again.
            anew = rebuild or (anew and not (before and before[-1].why == why))
            if plan.nothing_to_do and not anew:
                return report if report.lost or report.unsure else None
            folder = _folder(path, now)
            took = round(time.monotonic() - began, 2)
            report = msgspec.structs.replace(report, copy=f"{FOLDER}/{folder.name}", took_s=took)
            with closing(_new(draft)) as db:
                write(db, plan)
                db.execute(SQL["put_note"], (NOTE, with_repair(tables.note(NOTE), report)))
                db.execute("COMMIT")
            aside = b"".join(raw + b"\n" for _, raw in found.entries(plan.cut + 1, found.last))
    except sqlite3.Error as error:
        raise store_error(error) from error
    sync(draft)
    _write(folder / SALVAGED, aside)
    _write(folder / REPORT, msgspec.json.format(msgspec.json.encode(report)))
    os.replace(draft, path.with_name(MENDED))
    sync(path.parent)
    swap(path, folder)
    return report


# -- the files -------------------------------------------------------------------------------------------------------


def _new(draft: Path) -> sqlite3.Connection:
    """An empty journal, within a transaction. Nothing of it counts before it is whole, so nothing is synced before."""
    db = sqlite3.connect(draft, isolation_level=None)
    db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    db.execute("PRAGMA journal_mode = OFF")
    db.execute("PRAGMA synchronous = OFF")
    steps = sorted(
        (step for step in files("hub.store").joinpath("migrations").iterdir() if step.name.endswith(".sql")),
        key=lambda step: step.name,
    )
    for number, step in enumerate(steps, 1):
        db.executescript(f"{step.read_text(encoding='utf-8')}\nPRAGMA user_version = {number};")
    db.execute("BEGIN")
    return db


def _folder(path: Path, now: str) -> Path:
    """A new one for the damaged files."""
    stamp = "".join(letter for letter in now[:19] if letter.isdigit())
    for number in range(1000):
        folder = path.parent / FOLDER / (f"{stamp}-{number}" if number else stamp)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700, parents=True)
            return folder
    raise OSError(f"{path.parent / FOLDER} is full of copies of damaged journals")


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


# -- what SQLite cannot say ------------------------------------------------------------------------------------------


@contextmanager
def _readable(path: Path) -> Iterator[Path]:
    """The journal; or where its first page is gone, a copy with a new one, which goes again."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            if has_tables(db):
                yield path
                return
    except sqlite3.Error:
        pass
    copy = path.with_name(PATCHED)
    drop(copy)
    try:
        for suffix in ("", "-wal"):
            with suppress(FileNotFoundError):
                shutil.copyfile(path.with_name(path.name + suffix), copy.with_name(copy.name + suffix))
        if copy.exists() and copy.stat().st_size >= PAGE_BYTES:
            # All journals begin alike: the same tables were made in the same order.
            template = copy.with_name("journal.template.db")
            drop(template)
            with closing(_new(template)) as db:
                db.execute("COMMIT")
            first = bytearray(template.read_bytes()[:PAGE_BYTES])
            drop(template)
            # The versions of WAL mode. A size of 0 is read off the file.
            first[18:20] = b"\2\2"
            first[24:40] = bytes(16)
            with copy.open("r+b") as file:
                file.write(first)
        yield copy
    finally:
        drop(copy)


def _page_bytes(path: Path) -> int:
    """As the file says, if that can be true."""
    with suppress(OSError), path.open("rb") as file:
        size = int.from_bytes(file.read(18)[16:18], "big")
        if size in PAGE_SIZES:
            return size
    return PAGE_BYTES
