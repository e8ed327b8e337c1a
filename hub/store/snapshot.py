"""A copy of the database as of one moment, while the hub goes on writing."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

PAGES_AT_ONCE: Final = 500


def snapshot(source: Path, target: Path) -> None:
    """Copy in one read transaction: without it every commit would begin the copy anew. Blocks: call it in a thread.

    Raises sqlite3.Error, OSError.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    with (
        closing(
            sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
        ) as db,
        closing(sqlite3.connect(target)) as copy,
    ):
        db.execute("BEGIN")
        db.execute("SELECT count(*) FROM saved").fetchone()
        db.backup(copy, pages=PAGES_AT_ONCE)
        db.execute("COMMIT")
