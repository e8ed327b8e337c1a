"""The line between hub and cloud, under httpx's client: what is lost, late, doubled or answered by somebody else."""

from __future__ import annotations

import asyncio
import random
from email.utils import formatdate
from enum import Enum
from typing import Any

import httpx

from tests.simulation.simcloud import Reply, SimCloud


class Weather(Enum):
    FINE = "fine"
    # Everything may happen to a call.
    ROUGH = "rough"
    REFUSED = "refused"
    SILENT = "silent"
    PORTAL = "portal"
    BUSY = "busy"


class Wire:
    """One line for all of a hub's connections, over all its lives."""

    def __init__(self, cloud: SimCloud, random_: random.Random, *, unix_s: Any) -> None:
        self.cloud = cloud
        self.weather = Weather.FINE
        self.calls = 0
        self.faults = 0
        self.stray: set[asyncio.Task[None]] = set()
        self._random = random_
        self._unix_s = unix_s

    async def carry(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        random_ = self._random
        body = await request.aread()
        timeout = request.extensions["timeout"]
        await asyncio.sleep(random_.uniform(0.005, 0.08))
        fault = self._fault()
        self.faults += fault != ""
        match fault:
            case "refused":
                raise httpx.ConnectError("refused")
            case "silent":
                await asyncio.sleep(timeout["connect"])
                raise httpx.ConnectTimeout("silence")
            case "portal":
                return _response(request, (200, {"content-type": "text/html"}, b"<html>Welcome</html>"))
            case "redirect":
                return _response(request, (302, {"location": "http://login"}, b""))
            case "busy":
                wait = {"retry-after": str(random_.randint(1, 4))} if random_.random() < 0.5 else {}
                status = random_.choice([429, 500, 503])
                return _response(request, (status, {"content-type": "application/json", **wait}, b"{}"))
            case "lost":
                raise httpx.ReadError("reset")
            case "lost in silence":
                await asyncio.sleep(timeout["read"])
                raise httpx.ReadTimeout("silence")
        if fault == "late":
            await asyncio.sleep(random_.uniform(0.5, 12))
        if fault == "doubled":
            # A stray twin, that arrives when much has happened since.
            twin = asyncio.ensure_future(self._stray(request, body, random_.uniform(0.01, 20)))
            self.stray.add(twin)
            twin.add_done_callback(self.stray.discard)
        reply = await self._asked(request, body)
        await asyncio.sleep(random_.uniform(0.005, 0.08))
        match fault:
            case "answer lost":
                raise httpx.ReadError("reset")
            case "answer lost in silence":
                await asyncio.sleep(timeout["read"])
                raise httpx.ReadTimeout("silence")
            case "answer cut":
                reply = (reply[0], reply[1], reply[2][: len(reply[2]) // 2])
        return _response(request, reply, self._unix_s())

    def _fault(self) -> str:
        match self.weather:
            case Weather.FINE:
                return ""
            case Weather.REFUSED:
                return "refused"
            case Weather.SILENT:
                return "silent"
            case Weather.PORTAL:
                return self._random.choice(["portal", "redirect"])
            case Weather.BUSY:
                return "busy"
        if self._random.random() < 0.45:
            return ""
        return self._random.choice(
            [
                "lost", "lost in silence", "late", "doubled", "doubled", "answer lost", "answer lost",
                "answer lost in silence", "answer cut", "busy", "portal",
            ]
        )  # fmt: skip

    async def _stray(self, request: httpx.Request, body: bytes, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        if request.method != "GET":
            await self._asked(request, body)

    async def _asked(self, request: httpx.Request, body: bytes) -> Reply:
        target = request.url.raw_path.decode()
        reply = self.cloud.ask(request.method, target, request.headers, body)
        if request.url.path.endswith("/master") and b'"changes":[]' in reply[2] and b"false" in reply[2]:
            # Held until something changes, or the hub has waited long enough.
            await asyncio.sleep(float(request.url.params["wait"]))
            reply = self.cloud.ask(request.method, target, request.headers, body)
        return reply


def _response(request: httpx.Request, reply: Reply, unix_s: float | None = None) -> httpx.Response:
    status, headers, body = reply
    if unix_s is not None:
        headers = {**headers, "date": formatdate(unix_s, usegmt=True)}
    # Not read yet, as an answer off a line is.
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body), request=request)


class Transport(httpx.AsyncBaseTransport):
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._wire.carry(request)
