"""Where the cloud is: its URL, checked, and its network address, looked up without holding anything up."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from hub.upstream.outcomes import Signal, Trouble

LOOKUP_S_MAX: Final = 5.0
# A working connection keeps its address; new ones learn of a moved cloud at the latest after this.
REMEMBER_S: Final = 300.0

Lookup = Callable[[str, int], list[str]]


class CloudAddress(Struct, frozen=True):
    """https anywhere, or http on this machine. Raises ValueError for anything else."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> CloudAddress:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"the cloud's URL must begin with https:// and name a host: {url!r}")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("the cloud's URL holds no name, password, query or fragment")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise ValueError(
                f"plain http reaches the cloud on this machine only; use https for {parts.hostname}"
            )
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return cls(parts.scheme, parts.hostname, port, parts.path.rstrip("/"))

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def look_up(host: str, port: int) -> list[str]:
    """The system's answer, in its order of preference. Blocks; raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[4][0]) for place in found))


class Resolver:
    """Looks the name up in a thread of its own, one look-up at a time.

    A resolver that hangs for half a minute would otherwise fill the loop's few shared threads.
    """

    def __init__(
        self, host: str, port: int, *, monotonic: Callable[[], float], lookup: Lookup = look_up
    ) -> None:
        self._host = host
        self._port = port
        self._monotonic = monotonic
        self._lookup = lookup
        self._found: list[str] = []
        self._found_at = 0.0
        self._turn = 0
        self._asked: asyncio.Future[list[str]] | None = None
        if _is_number(host):
            self._found, self._found_at = [host], float("inf")

    async def address(self) -> str:
        """An address to call. Raises Trouble."""
        if not self._found or self._monotonic() - self._found_at > REMEMBER_S:
            self._found = await self._ask()
            self._found_at = self._monotonic()
        return self._found[self._turn % len(self._found)]

    def failed(self) -> None:
        """The address could not be connected to: take the next one, and after the last ask again."""
        self._turn += 1
        if self._turn >= len(self._found) and not _is_number(self._host):
            self._turn = 0
            self._found = []

    async def _ask(self) -> list[str]:
        if self._asked is None or self._asked.done():
            self._asked = asyncio.get_running_loop().create_future()
            # Nobody may be left to look at it when it comes.
            self._asked.add_done_callback(lambda future: future.cancelled() or future.exception())
            # A daemon: the end of the program does not wait for a name server.
            threading.Thread(
                target=self._ask_blocking, args=(asyncio.get_running_loop(), self._asked), daemon=True
            ).start()
        try:
            async with asyncio.timeout(LOOKUP_S_MAX):
                return await asyncio.shield(self._asked)
        except TimeoutError as error:
            reason = f"dns: no answer for {self._host} in {LOOKUP_S_MAX:.0f} s"
            raise Trouble(Signal.UNREACHABLE, reason) from error
        except OSError as error:
            words = error.strerror or str(error)
            raise Trouble(Signal.UNREACHABLE, f"dns: no address for {self._host} ({words})") from error

    def _ask_blocking(self, loop: asyncio.AbstractEventLoop, asked: asyncio.Future[list[str]]) -> None:
        found: list[str] = []
        failure: OSError | None = None
        try:
            found = self._lookup(self._host, self._port)
            if not found:
                failure = OSError("empty answer")
        except (OSError, UnicodeError) as error:
            failure = error if isinstance(error, OSError) else OSError(str(error))

        def tell() -> None:
            if asked.done():
                return
            if failure is not None:
                asked.set_exception(failure)
            else:
                asked.set_result(found)

        # The loop may have been closed meanwhile.
        try:
            loop.call_soon_threadsafe(tell)
        except RuntimeError:
            return


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
