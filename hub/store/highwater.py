"""A witness beside the journal: how far it had come, in a file of its own.

SQLite drops all commits after a damaged byte of its WAL without a word. A journal that ends before this
mark has lost entries.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from hub.domain.facts import After


class HighWater:
    """Written about once a second at most, without a sync: it costs no order anything, and need not be exact."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: After | None = None

    def read(self) -> After | None:
        """The mark; None when there is none, or it cannot be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=After)
        except (OSError, msgspec.DecodeError):
            return None

    def write(self, position: After) -> None:
        """Raises OSError."""
        if position == self._written:
            return
        draft = self._path.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(position))
        os.replace(draft, self._path)
        self._written = position
