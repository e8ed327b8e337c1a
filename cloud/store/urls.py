"""A database by its URL."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from cloud.errors import SetupError
from cloud.store.ports import Database


def open_database(url: str, *, service: bool) -> Database:
    """Open sqlite:///relative, sqlite:////absolute or postgresql://…, making the tables when it is new.

    `service`: this process does the database's upkeep; the command line leaves it to the service.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        from cloud.store.sqlite import SqliteDatabase

        return SqliteDatabase(Path(unquote(rest[1:])), checkpoints=service)
    if scheme in ("postgresql", "postgres") and rest:
        try:
            from cloud.store.postgresql import PostgresqlDatabase
        except ImportError as error:
            raise SetupError(
                f"PostgreSQL needs the extra: pip install 'storehub[postgresql]' ({error})"
            ) from error

        return PostgresqlDatabase(url, pool_size=8 if service else 1)
    raise SetupError(f"the database is sqlite:///PATH or postgresql://…, not {url!r}")
