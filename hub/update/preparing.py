"""Everything before the switch: the new release is made beside the running one and must pass every check.

Nothing that a running hub uses is touched here; what an interruption leaves is cleared away by the next update.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hub.released import Update, write_marker
from hub.update.layout import SERVICE, Layout, Tell, UpdateError
from hub.update.source import Source

IMPORTS: Final = (
    "hub.serve", "hub.app", "hub.api.app", "hub.upstream.service", "hub.discovery", "hub.tls.issue",
)  # fmt: skip
# What a release takes beyond its wheels, and what must stay free while there is an update.
RELEASE_BYTES: Final = 200 << 20
SPARE_BYTES: Final = 64 << 20
REHEARSAL: Final = "update-rehearsal"
CHECK_S: Final = 120.0
REHEARSE_S: Final = 1800.0


def prepare(layout: Layout, source: Source, tell: Tell) -> Update | None:
    """Make the release, check it, keep what going back needs, and write down that the switch may come.

    None: it runs already. Raises UpdateError when anything is not as it must be; the running hub is untouched then.
    """
    current = layout.current()
    _space(layout, source)
    tell(f"installing {source.version} beside the running version")
    release = make_release(layout, source)
    if release == current:
        return None
    version = layout.run(current, "-m", "hub", "--version", timeout_s=CHECK_S).split()[-1]
    tell("checking that it runs on this machine")
    check_release(layout, release, source.version)
    if (layout.data / "journal.db").exists():
        tell("rehearsing its start on a copy of the journal")
        rehearse(layout, release)
        layout.run(
            current, "-m", "hub.update.tables", "keep", str(layout.data), str(layout.kept_tables),
            timeout_s=REHEARSE_S,
        )  # fmt: skip
    now = datetime.now(UTC).isoformat(timespec="seconds")
    update = Update("prepared", current, release, version, source.version, now)
    write_marker(layout.marker, update)
    # The old release's code, since it is known to run: it carries the switch through, and back if need be.
    layout.hand_to(current)
    return update


def _space(layout: Layout, source: Source) -> None:
    """Raises UpdateError. The journal is copied whole once, and its tables a second time."""
    journal = sum(file.stat().st_size for file in layout.data.glob("journal.db*"))
    needs = {
        layout.prefix: 3 * source.bytes + RELEASE_BYTES + SPARE_BYTES,
        layout.data: 2 * journal + SPARE_BYTES,
    }
    if not layout.data.exists():
        del needs[layout.data]
    elif layout.prefix.stat().st_dev == layout.data.stat().st_dev:
        needs = {layout.prefix: sum(needs.values())}
    for folder, wanted in needs.items():
        free = shutil.disk_usage(folder).free
        if free < wanted:
            raise UpdateError(
                f"{folder} has {free >> 20} MB free and the update needs {wanted >> 20} MB: nothing was changed"
            )


def make_release(layout: Layout, source: Source) -> str:
    """The release's name; its folder is complete and on disk when this returns. Raises UpdateError."""
    wheels = ["--wheels", str(source.wheels)] if source.wheels is not None else []
    made = layout.release_sh(source.release_sh, "make", "--wheel", str(source.wheel), *wheels).split()
    if not made or not layout.complete(made[-1]):
        raise UpdateError("the release was not made")
    return made[-1]


def check_release(layout: Layout, release: str, version: str) -> None:
    """Its program runs here and says the right version; all that the hub needs can be imported. Raises UpdateError."""
    said = layout.run(release, "-m", "hub", "--version", timeout_s=CHECK_S)
    if said.split()[-1:] != [version]:
        raise UpdateError(f"the new program says {said.strip()!r}, and should be version {version}")
    layout.run(release, "-c", f"import {', '.join(IMPORTS)}", timeout_s=CHECK_S)
    # Every command is imported for its line of help.
    layout.run(release, "-m", "hub", "--help", timeout_s=CHECK_S)
    if not (layout.release(release) / "share/storehub/systemd" / SERVICE).exists():
        raise UpdateError("it brings no unit for systemd")


def rehearse(layout: Layout, release: str) -> None:
    """The new release opens a copy of the journal, brings its tables along and starts on it. Raises UpdateError."""
    with _copied(layout) as copy:
        said = json.loads(layout.run(release, "-m", "hub.update.rehearse", str(copy), timeout_s=REHEARSE_S))
        if said["last_seq"] < 1:
            raise UpdateError("the rehearsal on a copy of the journal made no entry")
        layout.run(release, "-m", "hub", "verify", "--quick", "--data", str(copy), timeout_s=REHEARSE_S)


@contextmanager
def _copied(layout: Layout) -> Iterator[Path]:
    """The data directory as of one moment, but for the authority's key. The service's own, as the rest is."""
    copy = layout.data / REHEARSAL
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(mode=0o700)
    try:
        journal = (layout.data / "journal.db").resolve()
        try:
            with (
                closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)) as source,
                closing(sqlite3.connect(copy / "journal.db")) as target,
            ):
                # In one read transaction: a running hub's next commit would begin the copy anew.
                source.execute("BEGIN")
                source.execute("SELECT 1 FROM saved").fetchone()
                source.backup(target, pages=2000)
        except sqlite3.Error as error:
            raise UpdateError(f"the journal cannot be copied: {error}") from error
        for name in ("identity.json", "customers.key"):
            with suppress(FileNotFoundError):
                shutil.copy2(layout.data / name, copy / name)
        owner = layout.data.stat()
        if os.geteuid() == 0:
            for path in (copy, *copy.iterdir()):
                os.chown(path, owner.st_uid, owner.st_gid)
        yield copy
    finally:
        shutil.rmtree(copy, ignore_errors=True)
