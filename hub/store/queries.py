"""The statements of queries.sql, by name."""

from __future__ import annotations

from importlib.resources import files
from typing import Final


def _load() -> dict[str, str]:
    text = files("hub.store").joinpath("queries.sql").read_text(encoding="utf-8")
    parts = text.split("-- name: ")[1:]
    return {name.strip(): sql.strip() for name, _, sql in (part.partition("\n") for part in parts)}


SQL: Final = _load()
