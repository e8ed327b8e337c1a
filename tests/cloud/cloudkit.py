"""The service in this process, and a client that calls it as a hub does."""

from __future__ import annotations

import gzip
import json
from time import time
from typing import Any

import httpx
import zstandard
from cloudchains import Entry, Journal, lines

from cloud import hubs, master
from cloud.api.app import build
from cloud.desk import Desk
from cloud.store.ports import Database

OPERATOR = "op-secret"
REFUSED = "x.test.poison.v1"


class Cloud:
    """The service in this process."""

    def __init__(self, database: Database, desk: Desk) -> None:
        self.database = database
        self.desk = desk
        self.app = build(desk, operator_token=OPERATOR)

    def add_hub(self, store: str = "s1", hub: str | None = None) -> tuple[str, str]:
        return self.database.write(lambda session: hubs.add(session, hub, store, time()))  # type: ignore[arg-type]

    def hub(self, store: str = "s1") -> HubClient:
        return self.client(*self.add_hub(store))

    def client(self, hub_id: str, token: str) -> HubClient:
        return HubClient(httpx.ASGITransport(self.app), "http://cloud", hub_id, token)

    def import_menu(self, raw: bytes, store: str = "s1") -> int:
        return self.database.write(
            lambda session: master.import_menu(session, store, raw, time(), lambda *_: None)  # type: ignore[arg-type]
        )


class HubClient:
    """Calls the cloud as a hub does."""

    def __init__(
        self, transport: httpx.AsyncBaseTransport | None, base: str, hub_id: str, token: str
    ) -> None:
        self.hub_id = hub_id
        self.http = httpx.AsyncClient(
            transport=transport, base_url=f"{base}/v1/hubs/{hub_id}/", timeout=40,
            headers={"Authorization": f"Bearer {token}"},
        )  # fmt: skip

    async def __aenter__(self) -> HubClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def cursor(self) -> dict[str, Any]:
        answer = await self.http.get("cursor")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def open(self, epoch: str, after: dict[str, Any]) -> httpx.Response:
        return await self.http.post("epochs", json={"epoch": epoch, "after": after})

    async def post(self, entries: list[Entry], **more: Any) -> httpx.Response:
        return await self.post_raw(lines(entries), epoch=entries[0].epoch, first=entries[0].seq, **more)

    async def post_raw(
        self,
        body: bytes,
        *,
        epoch: str,
        first: int,
        encoding: str = "zstd",
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        encoded = {"zstd": zstandard.compress, "gzip": gzip.compress, "identity": bytes}[encoding](body)
        return await self.http.post(
            "entries", content=encoded,
            headers={
                "Content-Type": "application/x-ndjson", "Content-Encoding": encoding,
                "Storehub-Epoch": epoch, "Storehub-First-Seq": str(first), **(headers or {}),
            },
        )  # fmt: skip

    async def started(self, count: int, epoch: str = "e1", **more: Any) -> Journal:
        """Open the first epoch and have `count` entries taken."""
        journal = Journal()
        assert (await self.open(epoch, journal.end)).status_code == 200
        if count:
            answer = await self.post(journal.grow(epoch, count, **more))
            assert answer.json() == journal.end, answer.text
        return journal

    async def set_aside(self, entry: Entry, reason: str = "refused") -> httpx.Response:
        return await self.http.post("quarantine", json={**entry.position, "reason": reason})

    async def fill(self, entry: Entry, body: bytes | None = None) -> httpx.Response:
        return await self.http.put(
            f"quarantine/{entry.epoch}/{entry.seq}", content=entry.body if body is None else body
        )

    async def entries(self, after: str = "", *, orphans: bool = False, limit: int = 2000) -> list[bytes]:
        """All pages."""
        found: list[bytes] = []
        while True:
            answer = await self.http.get(
                "entries", params={"after": after, "orphans": int(orphans), "limit": limit}
            )
            assert answer.status_code == 200, answer.text
            page = answer.content.splitlines()
            found += page
            if answer.headers["Storehub-More"] == "0":
                return found
            last = json.loads(page[-1])
            after = f"{last['epoch']}:{last['seq']}"

    async def totals(self, day: str, upto: str = "") -> dict[str, Any]:
        answer = await self.http.get(f"totals/{day}", params={"upto": upto} if upto else {})
        assert answer.status_code == 200, answer.text
        return answer.json()
