"""A small cloud end, and a server before it (or before the real one) that misbehaves as a test asks.

`StandIn` keeps entries as the contract says and can lie, forget and refuse. `BadCloud` is the HTTP server: every
request takes the next fault of `faults`, else `fault`, and is recorded in `requests`. The backend is a StandIn or
Forward(port).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import zstandard

from tests.support.line import PORTAL, reset

NO_HASH = "0" * 64


@dataclass
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    at: float
    fault: str = "ok"

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def leaf(self) -> str:
        """entries, cursor, epochs, …"""
        return self.path.rpartition("/")[2] if self.path.count("/") < 4 else self.path.split("/")[4]

    @property
    def stream(self) -> str:
        """The replay, the master data and the keys of customers have a connection each."""
        return {"master": "downlink", "keys": "keys"}.get(self.leaf, "up")

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}


@dataclass
class Reply:
    status: int
    body: bytes
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, status: int, value: Any, **headers: str) -> Reply:
        return cls(
            status, json.dumps(value).encode(), headers={k.replace("_", "-"): v for k, v in headers.items()}
        )

    def wire(self) -> bytes:
        lines = [
            f"HTTP/1.1 {self.status} X",
            f"Content-Type: {self.kind}",
            f"Content-Length: {len(self.body)}",
        ]
        lines += [f"Date: {formatdate(usegmt=True)}", *(f"{k}: {v}" for k, v in self.headers.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


class StandIn:
    """The chain of one hub, orphans and holes, and a shelf of master data."""

    def __init__(self, *, token: str = "t") -> None:
        self.token = token
        self.chain: list[tuple[str, int, str, bytes | None]] = []
        self.epochs: dict[str, dict[str, Any]] = {}
        self.orphans: list[tuple[str, int, str, bytes]] = []
        self.holes: dict[tuple[str, int], dict[str, Any]] = {}
        self.applied: list[tuple[str, int]] = []
        self.poison: Callable[[dict[str, Any]], str | None] = lambda entry: None
        self.entry_bytes_max = 10**9
        self.body_bytes_max = 10**9
        self.master: list[dict[str, Any]] = []
        self.master_changed = asyncio.Event()
        # Said instead of the truth by the next answers with a cursor.
        self.lie: dict[str, Any] | None = None

    @property
    def cursor(self) -> dict[str, Any]:
        if not self.chain:
            return {"epoch": "", "seq": 0, "hash": NO_HASH}
        epoch, seq, digest, _ = self.chain[-1]
        return {"epoch": epoch, "seq": seq, "hash": digest}

    @property
    def said(self) -> dict[str, Any]:
        return self.lie or self.cursor

    @property
    def stored(self) -> list[bytes]:
        return [raw for *_, raw in self.chain if raw is not None]

    def forget_after(self, seq: int) -> None:
        """As a cloud restored from an older backup."""
        self.chain = [link for link in self.chain if link[1] <= seq]
        self.holes = {key: hole for key, hole in self.holes.items() if key[1] <= seq}
        self.epochs = {name: at for name, at in self.epochs.items() if at["seq"] <= seq}

    async def __call__(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Reply.json(401, {"title": "Unauthenticated", "detail": "this token is not known"})
        match request.method, request.leaf:
            case "GET", "cursor":
                return Reply.json(200, self.said)
            case "POST", "epochs":
                return self._open(json.loads(request.body))
            case "POST", "entries":
                return self._append(request)
            case "GET", "entries":
                return self._back(request)
            case "POST", "quarantine":
                return self._hole(json.loads(request.body))
            case "PUT", "quarantine":
                return self._fill(request)
            case "GET", "totals":
                return self._totals(request)
            case "GET", "master":
                return await self._master(request)
        return Reply.json(404, {"title": "Not found"})

    def _open(self, asked: dict[str, Any]) -> Reply:
        after = asked["after"]
        if asked["epoch"] in self.epochs:
            return Reply.json(200, self.said)
        if after["seq"] <= len(self.chain):
            if after["seq"] and self.chain[after["seq"] - 1][:3] != (
                after["epoch"],
                after["seq"],
                after["hash"],
            ):
                return Reply.json(409, {"cursor": self.said, "detail": "announce your epochs oldest first"})
            beyond = self.chain[after["seq"] :]
            del self.chain[after["seq"] :]
            self.orphans += [link for link in beyond if link[3] is not None]  # type: ignore[misc]
        self.epochs[asked["epoch"]] = after
        return Reply.json(200, self.said)

    def _append(self, request: Request) -> Reply:
        if len(request.body) > self.body_bytes_max:
            return Reply(413, b"<html>too large</html>", "text/html")
        lines = zstandard.ZstdDecompressor().decompressobj().decompress(request.body).split(b"\n")
        if lines[-1] == b"":
            lines.pop()
        epoch, first = request.headers["storehub-epoch"], int(request.headers["storehub-first-seq"])
        if epoch not in self.epochs or first > len(self.chain) + 1:
            return Reply.json(409, {**self.said, "detail": "gap, or an epoch that was not opened"})
        for seq, raw in enumerate(lines, first):
            if seq <= len(self.chain):
                if self.chain[seq - 1][:3] != (epoch, seq, sha256(raw).hexdigest()):
                    return Reply.json(409, {**self.said, "detail": "had as another entry"})
                continue
            entry = json.loads(raw)
            assert (entry["epoch"], entry["seq"]) == (epoch, seq)
            if entry["prevhash"] != self.cursor["hash"]:
                return Reply.json(409, {**self.said, "detail": "prevhash"})
            if len(raw) > self.entry_bytes_max:
                return Reply(413, b"", "text/html")
            if reason := self.poison(entry):
                return Reply.json(422, {"seq": seq, "reason": reason})
            self.chain.append((epoch, seq, sha256(raw).hexdigest(), raw))
            self.applied.append((epoch, seq))
        return Reply.json(200, self.said)

    def _back(self, request: Request) -> Reply:
        seq = request.query["after"].split(":")[1]
        found = [raw for _, at, _, raw in self.orphans if at > int(seq)][:3]
        return Reply(200, b"".join(raw + b"\n" for raw in found), "application/x-ndjson")

    def _hole(self, asked: dict[str, Any]) -> Reply:
        key = (asked["epoch"], asked["seq"])
        if key not in self.holes:
            if asked["seq"] != len(self.chain) + 1:
                return Reply.json(409, {"cursor": self.said})
            self.holes[key] = asked
            self.chain.append((*key, asked["hash"], None))
        return Reply.json(200, self.said)

    def _fill(self, request: Request) -> Reply:
        epoch, seq = request.path.split("/")[5:7]
        hole = self.holes.get((epoch, int(seq)))
        if hole is None:
            return Reply.json(404, {"title": "no such hole"})
        if reason := self.poison(json.loads(request.body)):
            return Reply.json(422, {"seq": int(seq), "reason": reason})
        assert sha256(request.body).hexdigest() == hole["hash"]
        del self.holes[epoch, int(seq)]
        self.chain[int(seq) - 1] = (epoch, int(seq), hole["hash"], request.body)
        return Reply.json(200, self.said)

    def _totals(self, request: Request) -> Reply:
        upto = int(request.query["upto"].split(":")[1])
        day = {"entries": 0, "sales": 0, "total": 0, "last_seq": 0, "hash": NO_HASH}
        for _, seq, digest, raw in self.chain[:upto]:
            if raw is None or (entry := json.loads(raw))["businessdate"] != request.path.split("/")[5]:
                continue
            day["entries"] += 1
            day["last_seq"], day["hash"] = seq, digest
            sign = {"completed": 1, "voided": -1, "refunded": -1}
            kind = entry["type"].removeprefix("storehub.sale.").removesuffix(".v1")
            if kind in sign:
                day["sales"] += int(kind == "completed")
                day["total"] += sign[kind] * entry["data"]["total"]
        return Reply.json(200, day)

    def publish(self, *changes: dict[str, Any]) -> None:
        self.master.extend(changes)
        changed, self.master_changed = self.master_changed, asyncio.Event()
        changed.set()

    async def _master(self, request: Request) -> Reply:
        since = int(request.query.get("since", 0))
        if since >= len(self.master):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(float(request.query.get("wait", 0))):
                    await self.master_changed.wait()
        return Reply.json(
            200, {"cursor": str(len(self.master)), "full": since == 0, "changes": self.master[since:]}
        )


class Forward:
    """The backend is a real cloud at a loopback port; one connection a request."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __call__(self, request: Request) -> Reply:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            head = [f"{request.method} {request.target} HTTP/1.1"]
            head += [
                f"{k}: {v}" for k, v in request.headers.items() if k not in ("connection", "content-length")
            ]
            head += [f"content-length: {len(request.body)}", "connection: close"]
            writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + request.body)
            await writer.drain()
            raw = await reader.read(-1)
        finally:
            writer.close()
        if not raw:
            raise ConnectionResetError("the cloud is gone")
        top, _, body = raw.partition(b"\r\n\r\n")
        lines = top.decode("latin1").split("\r\n")
        headers = {k.strip().lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
        kind = headers.get("content-type", "")
        kept = {k: v for k, v in headers.items() if k == "retry-after"}
        return Reply(int(lines[0].split(" ")[1]), body, kind, kept)


Backend = Callable[[Request], Awaitable[Reply]]


class BadCloud:
    """Faults: ok · rst · close (before answering) · acklost (stored, then reset) · acklost-hang · half (stored, answer
    cut) · hang · drip (a byte a second) · drip:N (N bytes a second) · garbage · html200 · json200 · 302 · 401 · 403 ·
    404 · 413 · 500 · 429[:s] · 503[:s] · delay:s · flood (an answer without end) · noread (accept and never read)
    """

    def __init__(self, backend: Backend, *, tls: ssl.SSLContext | None = None) -> None:
        self.backend = backend
        self.requests: list[Request] = []
        self.faults: deque[str] = deque()
        self.fault = "ok"
        # Only requests to these leaves are hurt; None: all. The others go through.
        self.only: set[str] | None = None
        # By stream.
        self.in_flight_max: dict[str, int] = {}
        self._serving: dict[str, set[asyncio.StreamReader]] = {}
        self.connections = 0
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._readers: dict[asyncio.StreamWriter, asyncio.StreamReader] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> BadCloud:
        await self.listen()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.vanish()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{'localhost' if self._tls else '127.0.0.1'}:{self.port}"

    async def listen(self) -> None:
        self._server = await asyncio.start_server(
            self._connected, "127.0.0.1", self.port, ssl=self._tls, limit=1 << 20
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def vanish(self) -> None:
        """Close the port and all connections."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._readers):
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def of(self, leaf: str) -> list[Request]:
        return [request for request in self.requests if request.leaf == leaf]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._readers[writer] = reader
        self.connections += 1
        try:
            while self.fault != "noread":
                request = await self._read(reader)
                if request is None:
                    return
                await self._serve(request, writer)
            await asyncio.sleep(3600)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            self._tasks.discard(task)
            self._readers.pop(writer)
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Request | None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {k.strip().lower(): v.strip() for k, v in (line.split(":", 1) for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return Request(method, target, headers, body, time.monotonic())

    async def _serve(self, request: Request, writer: asyncio.StreamWriter) -> None:
        hurt = self.only is None or request.leaf in self.only
        fault = (self.faults.popleft() if self.faults else self.fault) if hurt else "ok"
        request.fault = fault
        self.requests.append(request)
        # Whoever has hung up waits no more, even while we still drip or hang.
        serving = self._serving.setdefault(request.stream, set())
        await asyncio.sleep(0)
        serving -= {reader for reader in serving if reader.at_eof()}
        serving.add(reader := self._readers[writer])
        self.in_flight_max[request.stream] = max(self.in_flight_max.get(request.stream, 0), len(serving))
        try:
            await self._misbehave(fault, request, writer)
            await writer.drain()
        finally:
            serving.discard(reader)

    async def _misbehave(self, fault: str, request: Request, writer: asyncio.StreamWriter) -> None:
        name, _, arg = fault.partition(":")
        if name in ("ok", "delay", "acklost", "acklost-hang", "half", "drip"):
            reply = await self.backend(request)
        elif name in ("401", "403", "404", "413", "500", "502", "429", "503"):
            later = {"Retry_After": arg} if arg else {}
            reply = Reply.json(int(name), {"title": f"bad cloud {name}"}, **later)
        elif name == "302":
            reply = Reply(302, b"", "text/html", {"Location": "http://portal.invalid/login"})
        elif name == "json200":
            reply = Reply.json(200, {"status": "ok", "login": "required"})
        else:
            reply = Reply(200, PORTAL, "text/html")
        match name:
            case "delay":
                await asyncio.sleep(float(arg))
                writer.write(reply.wire())
            case "rst" | "acklost":
                reset(writer)
            case "close":
                writer.close()
            case "hang" | "acklost-hang":
                # Until the peer gives up.
                await self._readers[writer].read(1)
                raise ConnectionResetError
            case "half":
                writer.write(reply.wire()[:-8])
                await writer.drain()
                writer.close()
            case "drip":
                for byte in reply.wire():
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(1 / float(arg or 1))
            case "garbage":
                writer.write(b"\x00\xff\x16SSH-2.0-nope\r\n\r\n")
                await writer.drain()
                writer.close()
            case "flood":
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                )
                while True:
                    writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
                    await writer.drain()
            case _:
                writer.write(reply.wire())
