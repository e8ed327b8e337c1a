"""The hub's calls to the cloud: a connection that is kept, one attempt a call, bounded in time and size."""

from __future__ import annotations

import asyncio
import socket
import ssl
import zlib
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any, Final, Literal, TypeVar
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Struct

from hub.domain.facts import After
from hub.ports import Clock
from hub.upstream.address import CloudAddress, Resolver
from hub.upstream.answers import (
    Conflict,
    KeptKeys,
    KeyPage,
    MasterAnswer,
    Position,
    Refusal,
    TooLarge,
    Totals,
)
from hub.upstream.classify import CLOCK_KEY, from_answer, from_exception, http_date, words_of
from hub.upstream.dated_tls import Window, asking, by_clock
from hub.upstream.lines import Lines
from hub.upstream.outcomes import Signal, Trouble
from hub.upstream.timing import Timing

ACK_BYTES_MAX: Final = 64 * 1024
ENTRIES_BYTES_MAX: Final = 16 * 1024 * 1024
ENTRIES_MAX: Final = 2000
MASTER_BYTES_MAX: Final = 16 * 1024 * 1024
# The body goes out in pieces: each must move before it counts as silence, whatever the whole takes.
PIECE_BYTES: Final = 32 * 1024
# A Date that travelled longer is no use for setting a clock.
DATE_TRAVEL_S_MAX: Final = 2.0

T = TypeVar("T")


class Answer(Struct, frozen=True):
    status: int
    body: bytes
    took_s: float
    sent_bytes: int
    date: float | None


class CloudClient:
    """Raises Trouble for all that is no answer of the cloud; what an answer claims is for the caller to check."""

    def __init__(
        self,
        address: CloudAddress,
        *,
        token: str,
        hub_id: str,
        clock: Clock,
        resolver: Resolver,
        status: Callable[[], str],
        timing: Timing,
        waiting: Callable[[str], None] = lambda reason: None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._address = address
        self._token = token
        self._root = f"{address.path}/v1/hubs/{quote(hub_id, safe='')}"
        self._clock = clock
        self._resolver = resolver
        self._status = status
        self._waiting = waiting
        self._timing = timing
        secure = address.scheme == "https"
        self._tls = (
            by_clock(tls or ssl.create_default_context(), lambda: clock.stamp().unix_s) if secure else None
        )
        self._lines = Lines(self._line)

    def _line(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(
                verify=self._tls or False,
                http2=self._tls is not None,
                # A second one only while two large batches are under way, and not with HTTP/2.
                limits=httpx.Limits(max_connections=2, max_keepalive_connections=2, keepalive_expiry=55),
                socket_options=_socket_options(self._timing.silence_s_max),
            ),
            # A proxy named in the environment of a service is an accident.
            trust_env=False,
            follow_redirects=False,
        )

    async def close(self) -> None:
        await self._lines.close()

    async def cursor(self) -> tuple[Position, Answer]:
        answer = self._good(await self._call("GET", "/cursor"))
        return self._read(answer, Position), answer

    async def open_epoch(self, epoch: str, after: After) -> tuple[Position | Conflict, Answer]:
        """Say after which entry the epoch begins."""
        content = msgspec.json.encode({"epoch": epoch, "after": after})
        answer = await self._call("POST", "/epochs", content=content)
        if answer.status == 409:
            return self._conflict(answer), answer
        return self._read(self._good(answer), Position), answer

    async def send(
        self, epoch: str, first_seq: int, packed: bytes
    ) -> tuple[Position | Conflict | Refusal | TooLarge, Answer]:
        """Send a batch, packed with zstd."""
        headers = {
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "zstd",
            "Storehub-Epoch": epoch,
            "Storehub-First-Seq": str(first_seq),
        }
        answer = await self._call(
            "POST", "/entries", content=packed, headers=headers, attempt_s=self._timing.upload_s_max
        )
        match answer.status:
            case 413:
                return TooLarge(), answer
            case 409:
                return self._conflict(answer), answer
            case 422:
                return self._read(answer, Refusal), answer
        return self._read(self._good(answer), Position), answer

    async def orphans(self, after: After) -> tuple[list[bytes], Answer]:
        """The entries' bytes that the cloud keeps as orphans, beyond `after`."""
        answer = self._good(await self._entries(after, orphans="1"))
        return [line for line in answer.body.split(b"\n") if line], answer

    async def entries_after(self, after: After, *, limit: int) -> list[bytes]:
        """The bytes of entries of the chain beyond `after`; none when that is not on the cloud's chain."""
        answer = await self._entries(after, orphans="0", limit=str(min(limit, ENTRIES_MAX)))
        if answer.status == 409:
            return []
        return [line for line in self._good(answer).body.split(b"\n") if line]

    async def _entries(self, after: After, **params: str) -> Answer:
        return await self._call(
            "GET", "/entries", params={"after": f"{after.epoch}:{after.seq}", **params},
            bytes_max=ENTRIES_BYTES_MAX, kinds=("application/x-ndjson",), attempt_s=self._timing.upload_s_max,
        )  # fmt: skip

    async def quarantine(
        self, epoch: str, seq: int, digest: str, reason: str
    ) -> tuple[Position | Conflict, Answer]:
        content = msgspec.json.encode({"epoch": epoch, "seq": seq, "hash": digest, "reason": reason})
        answer = await self._call("POST", "/quarantine", content=content)
        if answer.status == 409:
            return self._conflict(answer), answer
        return self._read(self._good(answer), Position), answer

    async def fill(self, epoch: str, seq: int, raw: bytes) -> tuple[Literal["there", "refused"], str, Answer]:
        """Put an entry's bytes into its hole. There too when the cloud knows of no hole."""
        answer = await self._call(
            "PUT",
            f"/quarantine/{quote(epoch, safe='')}/{seq}",
            content=raw,
            attempt_s=self._timing.upload_s_max,
        )
        if answer.status in (200, 201):
            self._read(answer, dict)
            return "there", "", answer
        if answer.status == 404:
            return "there", "", answer
        words = "too large for the cloud" if answer.status == 413 else words_of(answer.body)
        return "refused", words or f"the cloud answers {answer.status}", answer

    async def totals(self, business_date: str, upto: After) -> tuple[Totals | None, Answer]:
        """None when the cloud cannot say."""
        answer = await self._call(
            "GET", f"/totals/{quote(business_date, safe='')}", params={"upto": f"{upto.epoch}:{upto.seq}"}
        )
        return (self._read(answer, Totals) if answer.status == 200 else None), answer

    async def master(self, since: str, wait_s: float) -> tuple[MasterAnswer, Answer]:
        silence_s = self._timing.silence_s_max
        answer = await self._call(
            "GET",
            "/master",
            params={"since": since, "wait": f"{wait_s:g}"},
            bytes_max=MASTER_BYTES_MAX,
            silence_s=wait_s + silence_s,
            attempt_s=wait_s + 4 * silence_s,
        )
        return self._read(self._good(answer), MasterAnswer), answer

    async def put_keys(self, keys: list[tuple[str, bytes]], destroyed: list[str]) -> KeptKeys | None:
        """Hand on wrapped keys, and say which were destroyed. None: an older cloud, which keeps none."""
        said = [{"id": one, "wrapped": b64encode(wrapped).decode()} for one, wrapped in keys]
        content = msgspec.json.encode({"keys": said, "destroyed": destroyed})
        answer = await self._call("PUT", "/keys", content=content, attempt_s=self._timing.upload_s_max)
        if answer.status == 404:
            return None
        return self._read(self._good(answer), KeptKeys)

    async def keys(self, after: str) -> tuple[list[tuple[str, bytes]], str | None]:
        """The next wrapped keys that the cloud has, and after which to ask for more."""
        answer = await self._call(
            "GET", "/keys", params={"after": after}, bytes_max=MASTER_BYTES_MAX, attempt_s=self._timing.upload_s_max
        )  # fmt: skip
        page = self._read(self._good(answer), KeyPage)
        try:
            found = [(one.id, b64decode(one.wrapped, validate=True)) for one in page.keys]
        except ValueError as error:
            raise Trouble(Signal.INTERCEPTED, "wrong-answer: what should be a key is none") from error
        return found, page.next

    def trust(self, answer: Answer) -> None:
        """The answer was found to be the cloud's: its Date tells the time."""
        if answer.date is not None and answer.took_s <= DATE_TRAVEL_S_MAX:
            # The header counts whole seconds: half of one is the best guess for the rest.
            self._clock.heard(answer.date + 0.5, "cloud")

    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
        bytes_max: int = ACK_BYTES_MAX,
        kinds: tuple[str, ...] = (),
        silence_s: float | None = None,
        attempt_s: float | None = None,
    ) -> Answer:
        host = self._address.host
        timing = self._timing
        silence_s = silence_s or timing.silence_s_max
        attempt_s = attempt_s or timing.attempt_s_max
        loop = asyncio.get_running_loop()
        began = loop.time()
        late = loop.call_later(
            timing.waiting_s, self._waiting, f"slow: {host} has not answered for {timing.waiting_s:.0f} s"
        )
        number = ""
        try:
            number = await self._resolver.address()
            request = self._request(method, path, number, params, content, headers, silence_s)
            async with asyncio.timeout(attempt_s):
                async with self._lines.call() as line:
                    response = await line.send(request, stream=True)
                    try:
                        body = await _bounded(response, bytes_max)
                    finally:
                        await response.aclose()
        except TimeoutError as error:
            reason = f"silence: the answer of {host} was not complete after {attempt_s:.0f} s"
            raise Trouble(Signal.UNREACHABLE, reason, timed_out=True) from error
        except httpx.TransportError as error:
            if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
                self._resolver.failed()
            broken = from_exception(error, host=host, clock_says=self._clock_says())
            if broken.reason.startswith(CLOCK_KEY):
                await self._ask_time(number)
            raise broken from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise from_exception(error, host=host, clock_says=self._clock_says()) from error
        finally:
            late.cancel()
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not (response.status_code == 200 and kind in kinds):
            now = datetime.fromisoformat(self._clock.stamp().time)
            trouble = from_answer(response.status_code, response.headers, body, host=host, now=now)
            if trouble is not None:
                raise trouble
        return Answer(
            status=response.status_code,
            body=body,
            took_s=loop.time() - began,
            sent_bytes=len(content or b""),
            date=http_date(response.headers.get("date")),
        )

    def _request(
        self,
        method: str,
        path: str,
        number: str,
        params: dict[str, str] | None,
        content: bytes | None,
        headers: dict[str, str] | None,
        silence_s: float,
    ) -> httpx.Request:
        place = f"[{number}]" if ":" in number else number
        all_headers = {
            "Host": self._address.authority,
            "Authorization": f"Bearer {self._token}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": "storehub",
            "Storehub-Status": self._status(),
        }
        if content is not None:
            all_headers["Content-Type"] = "application/json"
            all_headers["Content-Length"] = str(len(content))
        all_headers.update(headers or {})
        # The name is looked up by us (see Resolver), so the certificate is checked against the name we hand over.
        extensions: dict[str, Any] = {
            "timeout": httpx.Timeout(
                self._timing.silence_s_max, connect=self._timing.connect_s_max, read=silence_s
            ).as_dict(),
        }
        if self._address.scheme == "https":
            extensions["sni_hostname"] = self._address.host
        return httpx.Request(
            method,
            f"{self._address.scheme}://{place}:{self._address.port}{self._root}{path}",
            params=params,
            content=None if content is None else _pieces(content),
            headers=all_headers,
            extensions=extensions,
        )

    async def _ask_time(self, number: str) -> None:
        """A hint from whoever has a certificate of the cloud's name, of any date. It gets no token and no entry."""
        place = f"[{number}]" if ":" in number else number
        noted: list[Window] = []
        restored = asking.set(noted)
        try:
            async with (
                asyncio.timeout(self._timing.attempt_s_max),
                httpx.AsyncClient(verify=self._tls or True, trust_env=False) as http,
            ):
                answer = await http.get(
                    f"https://{place}:{self._address.port}{self._address.path}/healthz",
                    headers={"Host": self._address.authority, "User-Agent": "storehub"},
                    extensions={"sni_hostname": self._address.host},
                )
                said = http_date(answer.headers.get("date"))
        except (httpx.HTTPError, OSError, TimeoutError):
            return
        finally:
            asking.reset(restored)
        if said is not None and noted and noted[-1].not_before <= said <= noted[-1].not_after:
            self._clock.supposed(said + 0.5)

    def _clock_says(self) -> str | None:
        stamp = self._clock.stamp()
        return None if stamp.trusted else stamp.time

    def _good(self, answer: Answer) -> Answer:
        if answer.status in (200, 201):
            return answer
        words = words_of(answer.body)
        if answer.status == 404:
            raise Trouble(
                Signal.DENIED, f"unknown-hub: the cloud does not know this box{': ' * bool(words)}{words}"
            )
        raise Trouble(Signal.BUSY, f"error: the cloud answers {answer.status}{': ' * bool(words)}{words}")

    def _read(self, answer: Answer, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except msgspec.MsgspecError as error:
            reason = f"wrong-answer: {self._address.host} answers {answer.status}, but not what was asked"
            raise Trouble(Signal.INTERCEPTED, reason) from error

    def _conflict(self, answer: Answer) -> Conflict:
        """The cursor stands in the answer itself or, in a problem document, under `cursor`."""
        words = words_of(answer.body)
        try:
            at = msgspec.json.decode(answer.body, type=Position)
        except msgspec.MsgspecError:
            at = self._read(answer, _Wrapped).cursor
        return Conflict(at.as_after(), words)


class _Wrapped(Struct, frozen=True):
    cursor: Position


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]


async def _bounded(response: httpx.Response, bytes_max: int) -> bytes:
    """The body, unpacked no further than an answer may be long: 64 KiB off the line may hold 64 MB. Raises Trouble."""
    packing = response.headers.get("content-encoding", "identity").lower()
    if packing not in ("gzip", "identity"):
        raise Trouble(Signal.INTERCEPTED, f"wrong-answer: packed as {packing[:20]!r}, which nobody asked for")
    unpack = zlib.decompressobj(wbits=31) if packing == "gzip" else None
    body = bytearray()
    async for chunk in response.aiter_raw():
        try:
            body += chunk if unpack is None else unpack.decompress(chunk, bytes_max + 1 - len(body))
        except zlib.error as error:
            raise Trouble(Signal.INTERCEPTED, f"wrong-answer: {error}") from error
        if len(body) > bytes_max:
            raise Trouble(Signal.INTERCEPTED, f"wrong-answer: an answer of more than {bytes_max} bytes")
    return bytes(body)


def _socket_options(silence_s_max: float) -> list[tuple[int, int, int]]:
    """Make the kernel give up on a dead peer as soon as we do, and not hide megabytes that have not left."""
    options = [
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    ]
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        options += [
            (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10),
            (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
            (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2),
            (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(silence_s_max * 1000)),
            (socket.IPPROTO_TCP, getattr(socket, "TCP_NOTSENT_LOWAT", 25), 128 * 1024),
        ]
    return options
