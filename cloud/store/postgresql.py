"""The store for many: PostgreSQL, with any number of replicas of the service over it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import psycopg
from psycopg import Connection, IsolationLevel
from psycopg_pool import ConnectionPool, PoolTimeout

from cloud.errors import SetupError, StoreUnavailable
from cloud.model import EntryRow, Hub, HubId
from cloud.store import keys, queries
from cloud.store.ports import Row, Session, to_hub

T = TypeVar("T")
log = logging.getLogger(__name__)

_SCHEMA_VERSION: Final = 3
# Any number that all replicas share: the first one of them makes the tables, the others wait.
_MIGRATION_LOCK: Final = 0x53544F5245485542
_CONNECT_S_MAX: Final = 10
# A replica that died in a transaction keeps its hub locked no longer than this.
_SETTINGS: Final = {
    "idle_in_transaction_session_timeout": "20s",
    "lock_timeout": "10s",
    "client_encoding": "UTF8",
}


class PostgresqlDatabase:
    """A transaction that moves a hub's chain holds the hub's row: replicas take turns per hub, not in all."""

    def __init__(self, url: str, *, pool_size: int) -> None:
        """Connect, and make the tables when they are not there."""
        self._queries = queries.load_pyformat()
        self._queries["lock_hub"] = f"{self._queries['hub']} FOR UPDATE"
        self.writers = max(1, pool_size // 2)
        self.readers = max(1, pool_size // 2)
        self._pool = ConnectionPool(
            url,
            min_size=1,
            max_size=pool_size,
            open=False,
            timeout=_CONNECT_S_MAX,
            configure=_configure,
            # A connection that died while idle is replaced here, instead of failing somebody's request.
            check=ConnectionPool.check_connection,
            kwargs={"application_name": "storehub-cloud", "connect_timeout": _CONNECT_S_MAX},
        )
        # The pool tells every failed attempt; one clear sentence is enough.
        logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
        try:
            # Tells at once what is wrong; the pool would try again and only say that it took too long.
            psycopg.connect(url, connect_timeout=_CONNECT_S_MAX).close()
            self._pool.open(wait=True, timeout=_CONNECT_S_MAX)
            with self._pool.connection() as connection:
                _migrate(connection)
        except (psycopg.Error, PoolTimeout) as error:
            self._pool.close()
            raise SetupError(f"cannot use the PostgreSQL database: {error}") from error

    def write(self, job: Callable[[Session], T]) -> T:
        # READ COMMITTED: what is read after the hub's row was locked is what the replica before us left.
        with _database_errors(), self._pool.connection() as connection, connection.transaction():
            return job(_PostgresqlSession(connection, self._queries))

    def read(self, job: Callable[[Session], T]) -> T:
        with _database_errors(), self._pool.connection() as connection:
            connection.isolation_level = IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            try:
                with connection.transaction():
                    return job(_PostgresqlSession(connection, self._queries))
            finally:
                if not connection.closed:
                    connection.isolation_level = None
                    connection.read_only = None

    def tidy(self) -> bool:
        return False  # autovacuum does.

    def close(self) -> None:
        self._pool.close()


class _PostgresqlSession:
    def __init__(self, connection: Connection[Row], queries: dict[str, str]) -> None:
        self._connection = connection
        self._queries = queries

    def rows(self, name: str, /, **values: object) -> list[Row]:
        return self._execute(name, values).fetchall()

    def one(self, name: str, /, **values: object) -> Row | None:
        return self._execute(name, values).fetchone()

    def run(self, name: str, /, **values: object) -> int:
        return self._execute(name, values).rowcount

    def lock_hub(self, hub_id: HubId) -> Hub | None:
        row = self.one("lock_hub", hub_id=hub_id)
        return to_hub(row) if row else None

    def add_entries(self, hub: Hub, epoch_num: int, rows: Sequence[EntryRow]) -> None:
        base = keys.key(hub, 0)
        with (
            self._connection.cursor() as cursor,
            cursor.copy(
                "COPY entries (key, epoch, hash, day, sale, amount, body) FROM STDIN (FORMAT BINARY)"
            ) as copy,
        ):
            copy.set_types(("int8", "int4", "bytea", "int4", "int4", "int8", "bytea"))
            for seq, digest, day, sale, amount, body in rows:
                copy.write_row((base | seq, epoch_num, digest, day, sale, amount, body))

    def add_items(self, items: Sequence[tuple[str, str, str, int, str | None]]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO items (store_id, kind, id, version, value) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT (store_id, kind, id)"
                " DO UPDATE SET version = excluded.version, value = excluded.value",
                items,
            )

    def _execute(self, name: str, values: dict[str, object]) -> psycopg.Cursor[Row]:
        return self._connection.execute(self._queries[name], values)


def _configure(connection: Connection[Any]) -> None:
    for name, value in _SETTINGS.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    # An operator may ask for more than "on" (remote_apply), never for less: answers promise stable storage.
    connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false)"
        " WHERE current_setting('synchronous_commit') = 'off'"
    )
    connection.commit()


def _migrate(connection: Connection[Any]) -> None:
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
        connection.execute("CREATE TABLE IF NOT EXISTS storehub_cloud (schema_version INTEGER NOT NULL)")
        row = connection.execute("SELECT schema_version FROM storehub_cloud").fetchone()
        if row is None:
            connection.execute(queries.steps("schema.postgresql.sql", after=0, upto=_SCHEMA_VERSION))
            connection.execute("INSERT INTO storehub_cloud VALUES (%s)", (_SCHEMA_VERSION,))
        elif 0 < row[0] < _SCHEMA_VERSION:
            connection.execute(queries.steps("", after=row[0], upto=_SCHEMA_VERSION))
            connection.execute("UPDATE storehub_cloud SET schema_version = %s", (_SCHEMA_VERSION,))
        elif row[0] != _SCHEMA_VERSION:
            raise SetupError(f"the database has schema {row[0]}; this program knows {_SCHEMA_VERSION}")


@contextmanager
def _database_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.IntegrityError:
        # Not the server's fault but a broken promise of ours: let it be seen as a bug.
        raise
    except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError, PoolTimeout) as error:
        raise StoreUnavailable(f"PostgreSQL: {error}") from error
