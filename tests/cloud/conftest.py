from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pgcluster
import pytest
from cloudkit import REFUSED, Cloud, HubClient

from cloud.desk import Desk
from cloud.store.ports import Database
from cloud.store.urls import open_database


@pytest.fixture(scope="session")
def pg_cluster() -> Iterator[str]:
    if reason := pgcluster.missing():
        pytest.skip(reason)
    with pgcluster.cluster() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def db_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/cloud.db"
    return new_pg_database(request.getfixturevalue("pg_cluster"))


def new_pg_database(cluster: str) -> str:
    """A schema of its own stands for a database: it is made in a hundredth of the time."""
    import psycopg

    name, url = f"test_{secrets.token_hex(6)}", cluster.format("postgres")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{url}&options=-csearch_path%3D{name}"


@pytest.fixture
def database(db_url: str) -> Iterator[Database]:
    opened = open_database(db_url, service=True)
    yield opened
    opened.close()


@pytest.fixture
async def cloud(database: Database) -> AsyncIterator[Cloud]:
    async with Desk(database, refused_types=frozenset({REFUSED})) as desk:
        yield Cloud(database, desk)


@pytest.fixture
async def hub(cloud: Cloud) -> AsyncIterator[HubClient]:
    async with cloud.hub() as client:
        yield client
