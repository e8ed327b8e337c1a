"""What hostile and clumsy clients do: `python -m tests.hostile.attacks NAME PORT SECONDS TOKEN SEED` does one.

It counts what it sees. A program of its own, so that its work does not slow the honest clients' clock. Every attack
ends by itself.
"""

from __future__ import annotations

import asyncio
import json
import random
import select
import socket
import ssl
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.hostile.malformed import evil_json, evil_paths, garbage, headers, smuggling

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
HUGE_BYTES = 200 * 2**20
BLOCK = b"x" * 65536
LEAST = 1750


@dataclass
class Score:
    """answers: by status. cut: connections that the hub ended; sent_mb_max: what one request could get rid of."""

    opened: int = 0
    sent: int = 0
    cut: int = 0
    refused: int = 0
    first_cut_s: float = 0.0
    left_open: int = 0
    sent_mb_max: float = 0.0
    answers: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)


class Attack:
    def __init__(self, port: int, seconds: float, token: str, *, tls: bool, seed: int) -> None:
        self.port = port
        self.until = time.monotonic() + seconds
        self.token = token
        self.score = Score()
        self.random = random.Random(seed)
        self.tls: ssl.SSLContext | None = None
        if tls:
            self.tls = ssl.create_default_context()
            self.tls.check_hostname = False
            self.tls.verify_mode = ssl.CERT_NONE

    @property
    def over(self) -> bool:
        return time.monotonic() >= self.until

    def address(self, number: int = 0) -> str:
        return f"127.0.2.{number % 250 + 1}"

    async def open(self, number: int = 0, *, receive_bytes: int = 0, plain: bool = False) -> Line | None:
        """A connection from attacker number N, or None when it is refused."""
        sock = socket.socket()
        sock.setblocking(False)
        if receive_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        sock.bind((self.address(number), 0))
        try:
            async with asyncio.timeout(5):
                await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
                line = await asyncio.open_connection(
                    sock=sock,
                    ssl=None if plain else self.tls,
                    server_hostname="hub" if self.tls and not plain else None,
                )
        except OSError:
            sock.close()
            self.score.refused += 1
            return None
        self.score.opened += 1
        return line

    async def say(self, request: bytes, number: int = 0, *, answer_s: float = 0.25) -> str:
        """Send it on a connection of its own and count the answer."""
        line = await self.open(number)
        if line is None:
            return "refused"
        reader, writer = line
        self.score.sent += 1
        try:
            async with asyncio.timeout(answer_s):
                with suppress(OSError):
                    writer.write(request)
                    await writer.drain()
                head = await reader.read(4096)
        except TimeoutError:
            head = b"HTTP/1.1 silent"
        except OSError:
            head = b""
        finally:
            writer.transport.abort()
        status = head[9:15].decode("latin-1").split(" ")[0] if head.startswith(b"HTTP/1.") else "cut"
        self.score.answers[status] += 1
        if status.startswith("5"):
            self.score.bad.append(f"{request[:300]!r} -> {head[:300]!r}")
        return status

    async def many(self, requests: Iterator[bytes], *, at_once: int = 16, addresses: int = 1) -> None:
        """As many as fit in the time, and on a slow machine LEAST of them all the same."""
        last = self.until + 15

        async def one(number: int) -> None:
            for request in requests:
                if self.over and (self.score.sent >= LEAST or time.monotonic() > last):
                    return
                await self.say(request, number % addresses)

        await asyncio.gather(*(one(number) for number in range(at_once)))

    async def hold(
        self,
        count: int,
        first: bytes,
        drip: bytes,
        *,
        addresses: int = 1,
        receive_bytes: int = 0,
        plain: bool = False,
    ) -> None:
        """Keep that many connections open, dripping into each once a second, and see when the hub ends them."""
        began = time.monotonic()
        made = await asyncio.gather(
            *(self.open(n % addresses, receive_bytes=receive_bytes, plain=plain) for n in range(count))
        )
        lines = [line for line in made if line is not None]
        for reader, writer in lines:
            if receive_bytes:
                # Reading stops when this much waits in our own memory: the hub's answers stay where they are.
                reader._transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(first)
        while lines and not self.over:
            await asyncio.sleep(0.5)
            for line in list(lines):
                reader, writer = line
                if writer.transport.is_closing() or reader.at_eof() or _hung_up(writer):
                    lines.remove(line)
                    writer.transport.abort()
                    self.score.cut += 1
                    self.score.first_cut_s = self.score.first_cut_s or round(time.monotonic() - began, 1)
                elif drip:
                    writer.write(drip)
        self.score.left_open = len(lines)
        for _, writer in lines:
            writer.transport.abort()

    async def pour(self, head: bytes, blocks: Iterator[bytes], number: int = 0) -> None:
        """One enormous request: how much of it goes away before the hub has had enough, and what does it say?

        A bare socket: it still reads the answer after the hub has hung up, as a program of a maker would.
        """
        loop = asyncio.get_running_loop()
        gone, answer = 0, b""
        with socket.socket() as sock:
            sock.setblocking(False)
            # What waits in this machine's own memory was not taken by the hub.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
            sock.bind((self.address(number), 0))
            self.score.opened += 1
            self.score.sent += 1
            with suppress(OSError):
                async with asyncio.timeout(10):
                    await loop.sock_connect(sock, ("127.0.0.1", self.port))
                    await loop.sock_sendall(sock, head)
                    for block in blocks:
                        for start in range(0, len(block), 8192):
                            await loop.sock_sendall(sock, block[start : start + 8192])
                            gone += min(8192, len(block) - start)
            with suppress(OSError):
                async with asyncio.timeout(3):
                    answer = await loop.sock_recv(sock, 200)
        self.score.sent_mb_max = max(self.score.sent_mb_max, round(gone / 2**20, 2))
        self.score.answers[answer[9:12].decode("latin-1") or "cut"] += 1

    def post(self, path: str, *more: str, token: bool = True) -> bytes:
        lines = [
            f"POST {path} HTTP/1.1",
            "Host: hub",
            f"Idempotency-Key: {self.random.getrandbits(64):x}",
            *more,
        ]
        if token:
            lines.append(f"Authorization: Bearer {self.token}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n"


async def idle(attack: Attack) -> None:
    await attack.hold(300, b"", b"")


async def slowloris(attack: Attack) -> None:
    await attack.hold(300, b"GET / HTTP/1.1\r\nHost: hub\r\nX-a: ", b"a")


async def slowbody(attack: Attack) -> None:
    """Half of them with a token that is good."""
    half = Attack(attack.port, 0, attack.token, tls=attack.tls is not None, seed=0)
    half.until, half.score = attack.until, attack.score
    length = "Content-Length: 100000"
    await asyncio.gather(
        attack.hold(150, attack.post("/v1/orders", length) + b"{", b" "),
        half.hold(150, attack.post("/v1/pairings", length, token=False) + b"{", b" "),
    )


async def crowd(attack: Attack) -> None:
    """More connections than the hub has room for, from many addresses."""
    await attack.hold(2600, b"", b"", addresses=60)


async def noread(attack: Attack) -> None:
    """Ask for much, and never take it."""
    ask = b"GET /openapi.json HTTP/1.1\r\nHost: hub\r\n\r\n" * 8
    await attack.hold(200, ask, b"", receive_bytes=4096)


async def hugebody(attack: Attack) -> None:
    while not attack.over:
        for path in ("/v1/orders", "/v1/pairings", "/healthz", "/v1/checks/x/void", "/nowhere"):
            await attack.pour(attack.post(path, f"Content-Length: {HUGE_BYTES}"), _blocks())


async def hugechunks(attack: Attack) -> None:
    while not attack.over:
        for path in ("/v1/orders", "/v1/pairings", "/healthz", "/v1/checks/x/void", "/nowhere"):
            blocks = (b"10000\r\n" + block + b"\r\n" for block in _blocks())
            await attack.pour(attack.post(path, "Transfer-Encoding: chunked"), blocks)


async def hugehead(attack: Attack) -> None:
    while not attack.over:
        await attack.pour(b"GET / HTTP/1.1\r\nHost: hub\r\nX-a: ", (BLOCK for _ in range(16)))
        many = b"".join(b"X-%d: %b\r\n" % (n, b"y" * 100) for n in range(10_000))
        await attack.pour(b"GET / HTTP/1.1\r\nHost: hub\r\n", iter([many]))
        await attack.pour(b"GET /" + b"a" * 2**20, iter([b" HTTP/1.1\r\n\r\n"]))


async def malformed(attack: Attack) -> None:
    """Requests that are none."""
    await attack.many(garbage(attack.random), addresses=4)


async def smuggled(attack: Attack) -> None:
    await attack.many(smuggling(attack.random), addresses=4)


async def strange_json(attack: Attack) -> None:
    """From a device that is paired: what the parsers and the core must stand."""
    await attack.many(evil_json(attack.random, attack.token), addresses=4)


async def strange_paths(attack: Attack) -> None:
    await attack.many(evil_paths(attack.random, attack.token), addresses=4)


async def strange_headers(attack: Attack) -> None:
    await attack.many(headers(attack.random, attack.token), addresses=4)


async def guesses(attack: Attack) -> None:
    """Pairing codes, one after the other."""

    def tries() -> Iterator[bytes]:
        while True:
            body = json.dumps({"code": f"{attack.random.getrandbits(40):010X}", "name": "x"}).encode()
            yield attack.post("/v1/pairings", f"Content-Length: {len(body)}", token=False) + body

    await attack.many(tries(), at_once=4)


async def burst(attack: Attack) -> None:
    ask = b"GET /healthz HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n"
    while not attack.over:
        await asyncio.gather(*(attack.say(ask) for _ in range(200)))
        await asyncio.sleep(0.2)


async def churn(attack: Attack) -> None:
    """Connect and go, as fast as it can."""

    async def one() -> None:
        while not attack.over:
            line = await attack.open()
            if line is not None:
                line[1].transport.abort()
                await asyncio.sleep(0)

    await asyncio.gather(*(one() for _ in range(8)))


async def handshakes(attack: Attack) -> None:
    """To a hub with TLS, and more than it has room for: say half of a hello."""
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    await attack.hold(900, hello + b"\x00" * 40, b"", plain=True)


async def no_tls(attack: Attack) -> None:
    def words() -> Iterator[bytes]:
        while True:
            yield attack.random.choice(
                (b"GET / HTTP/1.1\r\n\r\n", attack.random.randbytes(300), b"\x16\x03\x01\xff\xff")
            )

    plain, attack.tls = attack.tls, None
    await attack.many(words())
    attack.tls = plain


def _hung_up(writer: asyncio.StreamWriter) -> bool:
    """Whether the hub has ended the connection, also when we do not read it."""
    watch = select.poll()
    watch.register(writer.get_extra_info("socket").fileno(), select.POLLRDHUP)
    return bool(watch.poll(0))


def _blocks() -> Iterator[bytes]:
    return (BLOCK for _ in range(HUGE_BYTES // len(BLOCK)))


ATTACKS: dict[str, Callable[[Attack], Awaitable[None]]] = {
    one.__name__: one
    for one in (
        idle, slowloris, slowbody, crowd, noread, hugebody, hugechunks, hugehead, malformed, smuggled, strange_json,
        strange_paths, strange_headers, guesses, burst, churn, handshakes, no_tls,
    )
}  # fmt: skip


async def run(name: str, port: int, seconds: float, token: str, *, tls: bool, seed: int) -> dict[str, Any]:
    attack = Attack(port, seconds, token, tls=tls, seed=seed)
    await ATTACKS[name](attack)
    attack.score.bad = attack.score.bad[:5]
    return vars(attack.score)


if __name__ == "__main__":
    name, port, seconds, token, seed, *rest = sys.argv[1:]
    score = run(name, int(port), float(seconds), token, tls="tls" in rest, seed=int(seed))
    print(json.dumps(asyncio.run(score)))
