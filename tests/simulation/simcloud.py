"""The cloud's own logic over a database in memory, without its HTTP server: one call in, one answer out."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from hashlib import sha256
from typing import Any, TypeVar
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import msgspec

from cloud import branches, entries, hubs, master, transfer
from cloud.api.problems import answer as problem
from cloud.chain import day_number, verify
from cloud.codec import decode_lines
from cloud.errors import CloudError, NotFound
from cloud.model import START, Cursor, Epoch, HexHash, HubId, StoreId
from cloud.store import queries
from cloud.store.sqlite import _SqliteSession
from tests.support.rig import HUB, STORE, menu_file

T = TypeVar("T")
Reply = tuple[int, dict[str, str], bytes]
_JSON = {"content-type": "application/json"}
_QUERIES = queries.load()
_EMPTY: list[bytes] = []


class Database:
    """A cloud.store Database, as far as use cases need one."""

    def __init__(self, image: bytes | None = None) -> None:
        self._db = sqlite3.connect(":memory:", isolation_level=None)
        if image is None:
            self._db.executescript(queries.read("schema.sqlite.sql") + queries.read("schema.2.sql"))
        else:
            self._db.deserialize(image)

    def image(self) -> bytes:
        return self._db.serialize()

    def write(self, job: Callable[[Any], T]) -> T:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            value = job(_SqliteSession(self._db, _QUERIES))
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        return value

    def read(self, job: Callable[[Any], T]) -> T:
        return job(_SqliteSession(self._db, _QUERIES))

    def close(self) -> None:
        self._db.close()


def _new_image() -> bytes:
    if not _EMPTY:
        database = Database()
        database.write(lambda session: hubs.add(session, HubId(HUB), StoreId(STORE), 0.0))
        # The cursor that this makes goes into entries: it must not be another one in each process.
        with mock.patch("cloud.master.secrets.token_hex", lambda n: "5a" * n):
            database.write(
                lambda session: master.import_menu(session, StoreId(STORE), menu_file(), 0.0, lambda *_: None)
            )
        _EMPTY.append(database.image())
        database.close()
    return _EMPTY[0]


class SimCloud:
    """`refused`: types that it refuses now. `gullible`: the mistake of a receiver that checks nothing."""

    def __init__(self, now: Callable[[], float], *, gullible: bool = False) -> None:
        self._now = now
        self._database = Database(_new_image())
        self._backups: list[bytes] = []
        self.refused: frozenset[str] = frozenset()
        self.restored = 0
        self._gullible: list[bytes] | None = [] if gullible else None

    def back_up(self) -> None:
        self._backups.append(self._database.image())

    def restore(self) -> None:
        """Go back to the newest backup: what came since is forgotten."""
        if self._backups:
            self._database.close()
            self._database = Database(self._backups[-1])
            self.restored += 1

    def close(self) -> None:
        self._database.close()

    def stored(self) -> list[bytes]:
        if self._gullible is not None:
            return self._gullible
        return list(transfer.export(self._database, HubId(HUB)))  # type: ignore[arg-type]

    def ask(self, method: str, target: str, headers: Any, body: bytes) -> Reply:
        try:
            return self._ask(method, target, headers, body)
        except CloudError as error:
            return _problem(error)

    def _ask(self, method: str, target: str, headers: Any, body: bytes) -> Reply:
        url = urlsplit(target)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        leaf, *rest = url.path.split("/")[4:]
        hub = HubId(HUB)
        database, now = self._database, self._now()
        match method, leaf:
            case "GET", "cursor":
                if self._gullible is not None:
                    return _cursor(self._last())
                return _cursor(database.read(lambda session: entries.cursor(session, hub)))
            case "POST", "epochs":
                said = json.loads(body)
                after = said["after"]
                at = Cursor(Epoch(after["epoch"]), after["seq"], HexHash(after["hash"]))
                if self._gullible is not None:
                    return _cursor(self._last())
                return _cursor(
                    database.write(
                        lambda session: branches.open_epoch(session, hub, Epoch(said["epoch"]), at, now)
                    )
                )
            case "POST", "entries":
                return self._take(headers, body)
            case "GET", "entries":
                epoch, _, seq = asked["after"].rpartition(":")
                page = database.read(
                    lambda session: transfer.page(
                        session,
                        hub,
                        (Epoch(epoch), int(seq)),
                        orphans=asked.get("orphans") == "1",
                        limit=2000,
                    )
                )
                return 200, {"content-type": "application/x-ndjson"}, page.body
            case "POST", "quarantine":
                said = json.loads(body)
                digest = bytes.fromhex(said["hash"])
                return _cursor(
                    database.write(
                        lambda session: entries.quarantine(
                            session, hub, Epoch(said["epoch"]), said["seq"], digest, said["reason"], now
                        )
                    )
                )
            case "PUT", "quarantine":
                sent = list(decode_lines(body, headers.get("content-encoding", "")))
                return _cursor(
                    database.write(
                        lambda session: entries.fill(
                            session, hub, Epoch(rest[0]), int(rest[1]), sent, self.refused, now
                        )
                    )
                )
            case "GET", "totals":
                epoch, _, seq = asked["upto"].rpartition(":")
                day = day_number(rest[0])
                assert day is not None
                totals = database.read(
                    lambda session: entries.totals(session, hub, day, (Epoch(epoch), int(seq)))
                )
                return 200, _JSON, msgspec.json.encode(totals.as_dict())
            case "GET", "master":
                changes = database.read(
                    lambda session: master.since(session, StoreId(STORE), asked.get("since", ""))
                )
                return 200, _JSON, changes.as_json()
        raise NotFound(url.path)

    def _take(self, headers: Any, body: bytes) -> Reply:
        epoch, first = Epoch(headers["storehub-epoch"]), int(headers["storehub-first-seq"])
        lines = list(decode_lines(body, headers["content-encoding"]))
        if self._gullible is not None:
            self._gullible += lines
            return _cursor(self._last())
        batch = verify(epoch, first, lines, refused_types=self.refused)
        result = self._database.write(lambda session: entries.append(session, HubId(HUB), batch, self._now()))
        return _problem(result) if isinstance(result, CloudError) else _cursor(result)

    def _last(self) -> Cursor:
        if not self._gullible:
            return START
        last = json.loads(self._gullible[-1])
        return Cursor(last["epoch"], last["seq"], HexHash(sha256(self._gullible[-1]).hexdigest()))


def _cursor(at: Cursor) -> Reply:
    return 200, _JSON, msgspec.json.encode(at.as_dict())


def _problem(error: CloudError) -> Reply:
    status, headers, body = problem(error)
    return status, {name.decode(): value.decode() for name, value in headers}, body
