"""The queries of queries.sql by their names."""

from __future__ import annotations

import re
from importlib import resources
from typing import Final

_NAME: Final = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_VALUE: Final = re.compile(r"(?<![:\w]):(\w+)")


def load() -> dict[str, str]:
    """Return the queries with their values as `:name`, as SQLite takes them."""
    _, *parts = _NAME.split(read("queries.sql"))
    return {name: text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}


def load_pyformat() -> dict[str, str]:
    """Return the queries with their values as `%(name)s`, as psycopg takes them."""
    return {name: _VALUE.sub(r"%(\1)s", text) for name, text in load().items()}


def steps(first: str, *, after: int, upto: int) -> str:
    """What brings a database from one schema to another: after 0 the file `first` begins."""
    later = [f"schema.{number}.sql" for number in range(max(after, 1) + 1, upto + 1)]
    return "\n".join(read(name) for name in ([first] if after == 0 else []) + later)


def read(file_name: str) -> str:
    return resources.files("cloud.store").joinpath(file_name).read_text(encoding="utf-8")
