"""The database fails, the caller misbehaves: what was answered stays true."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cloudkit import Cloud, HubClient
from test_cloud_processes import add_hub, serving

from cloud import codec
from cloud.desk import Desk
from cloud.errors import SetupError
from cloud.store.sqlite import SqliteDatabase
from cloud.store.urls import open_database


@contextlib.asynccontextmanager
async def on_sqlite(path: Path) -> AsyncIterator[tuple[SqliteDatabase, HubClient]]:
    database = SqliteDatabase(path, checkpoints=True)
    async with Desk(database) as desk, Cloud(database, desk).hub() as hub:
        yield database, hub
    database.close()


async def test_a_full_disk_is_told_and_passes(tmp_path: Path) -> None:
    async with on_sqlite(tmp_path / "cloud.db") as (database, hub):
        journal = await hub.started(5)
        end = journal.end
        (pages,) = database._writer.execute("PRAGMA page_count").fetchone()
        database._writer.execute(f"PRAGMA max_page_count = {pages + 4}")
        journal.grow("e1", 50, pad="x" * 2000)
        answer = await hub.post(journal.entries)
        assert (answer.status_code, answer.json()["slug"]) == (503, "not-ready")
        assert answer.headers["Retry-After"] == "1"
        assert await hub.cursor() == end
        assert len(await hub.entries()) == 5
        database._writer.execute("PRAGMA max_page_count = 1000000")
        assert (await hub.post(journal.entries)).json() == journal.end


async def test_the_wal_is_copied_back_between_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloud.store.sqlite._CHECKPOINT_BYTES", 200_000)
    async with on_sqlite(tmp_path / "cloud.db") as (_, hub):
        journal = await hub.started(0)
        for _ in range(20):
            assert (await hub.post(journal.grow("e1", 20, pad="x" * 2000))).status_code == 200
        # 800 KB of entries went through a WAL that begins again every 200 KB.
        assert (tmp_path / "cloud.db-wal").stat().st_size < 700_000
        assert await hub.entries() == [entry.body for entry in journal.entries]


async def test_pragmas_hold_on_every_connection(tmp_path: Path) -> None:
    async with on_sqlite(tmp_path / "cloud.db") as (database, hub):
        await hub.cursor()
        for connection in (database._writer, *database._all_readers):
            names = ("journal_mode", "synchronous", "wal_autocheckpoint", "foreign_keys")
            found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
            assert found == ["wal", 2, 0, 1]


def test_a_database_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "cloud.db", checkpoints=False)
    database._writer.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(SetupError, match="schema 99"):
        open_database(f"sqlite:///{tmp_path}/cloud.db", service=True)


async def test_connections_that_postgresql_cut_are_replaced(
    pg_cluster: str, request: pytest.FixtureRequest
) -> None:
    import psycopg

    from tests.cloud.conftest import new_pg_database

    database = open_database(new_pg_database(pg_cluster), service=True)
    async with Desk(database) as desk, Cloud(database, desk).hub() as hub:
        journal = await hub.started(3)
        with psycopg.connect(pg_cluster.format("postgres"), autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'storehub-cloud' AND pid <> pg_backend_pid()"
            )
        assert (await hub.post(journal.grow("e1", 2))).json() == journal.end
    database.close()


async def test_a_large_or_unfinished_body_harms_nobody(tmp_path: Path) -> None:
    """A stranger's body is not read, a hub's only up to the bound, and others are served meanwhile."""
    db = f"sqlite:///{tmp_path}/cloud.db"
    hub_id, token = await asyncio.to_thread(add_hub, db)
    async with serving(db) as base, HubClient(None, base, hub_id, token) as hub:
        journal = await hub.started(2)
        host, port = base.removeprefix("http://").split(":")

        async def send(authorization: str, *, chunks: int) -> bytes:
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                writer.write(
                    f"POST /v1/hubs/{hub_id}/entries HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n"
                    "Storehub-Epoch: e1\r\nStorehub-First-Seq: 3\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
                )
                with contextlib.suppress(ConnectionError):
                    for _ in range(chunks):
                        writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                        await writer.drain()
                return await reader.readline()
            finally:
                writer.close()

        enough = codec.ENCODED_BYTES_MAX // 0x10000 + 2
        assert b" 401 " in await send("Bearer nonsense", chunks=1)
        assert b" 413 " in await send(f"Bearer {token}", chunks=enough)
        unfinished = [asyncio.create_task(send(f"Bearer {token}", chunks=1)) for _ in range(30)]
        assert (await hub.post(journal.grow("e1", 5))).json() == journal.end
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        assert json.loads((await hub.http.get("cursor")).content) == journal.end
