"""GET /v1/events: the live feed as Server-Sent Events (CONTRACT section 6), bare ASGI."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec
from msgspec import Struct

from hub.api.asgi import Receive, Scope, Send, header, hung_up
from hub.api.caller import allow, caller
from hub.api.writes import send_problem
from hub.domain.device import Device
from hub.domain.entries import Entry
from hub.domain.errors import HubError, InvalidRequest
from hub.domain.seats import shown
from hub.service.box import Box

# The contract says 15 at most; a busy moment may make it a little later.
COMMENT_EVERY_S: Final = 10.0
# A busy evening's entries reach a device in a few chunks a second, not one by one.
CHUNK_EVERY_S: Final = 0.025
CHUNK_ENTRIES: Final = 256
CHUNK_BYTES: Final = 64 * 1024
# What a technician may see go by: no sales.
TECHNICAL: Final = ("storehub.device.", "storehub.hub.", "storehub.clock.", "storehub.entry.corrected")

# No device needs to see what a PIN was made into.
UNSHOWN: Final = "storehub.staff.pin_set.v1"


class _About(Struct):
    subject: str


_about = msgspec.json.Decoder(_About)


class Events:
    def __init__(self, box: Box, *, comment_every_s: float = COMMENT_EVERY_S) -> None:
        self._box = box
        self._comment_every_s = comment_every_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        box = self._box
        try:
            device = caller(scope, box)
            allow(device, "feed", "box")
            query = _query(scope)
            wanted = frozenset(filter(None, query.get("types", "").split(",")))
            # A browser that reconnects repeats the `after` it began with: where it has come to since counts.
            come_to = (header(scope, b"last-event-id") or b"").decode("latin-1")
            cursor, known = self._start(come_to or query.get("after", ""))
        except HubError as error:
            await send_problem(scope, send, box, error)
            return
        position = box.positions.current()
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", b"text/event-stream; charset=utf-8"),
                    (b"cache-control", b"no-store"),
                    (b"storehub-position", position),
                ],
            }
        )
        gone = asyncio.ensure_future(hung_up(receive))
        online = box.doorman.online
        online[device.device_id] = online.get(device.device_id, 0) + 1
        try:
            first = b": storehub\n\n" if known else self._reset()
            await self._follow(_Subscriber(device, wanted, cursor), first + box.feed.standing(), gone, send)
        finally:
            online[device.device_id] -= 1
            gone.cancel()
        await send({"type": "http.response.body", "body": b""})

    def _start(self, after: str) -> tuple[int, bool]:
        """The seq to follow from, and whether `after` is a place in this journal. Raises InvalidRequest."""
        journal = self._box.core.journal
        if not after:
            return journal.position.seq, True
        epoch, colon, number = after.partition(":")
        number = number.partition(":")[0]
        if not colon or not (number.isascii() and number.isdigit() and len(number) < 16):
            raise InvalidRequest.at("after", "must be <epoch>:<seq>")
        seq = int(number)
        if journal.first_seq - 1 <= seq <= self._box.core.last_of(epoch):
            return seq, True
        return journal.position.seq, False

    def _reset(self) -> bytes:
        position = self._box.core.journal.position
        data = msgspec.json.encode({"epoch": position.epoch, "seq": position.seq})
        return b"id: %b:%d\nevent: reset\ndata: %b\n\n" % (position.epoch.encode(), position.seq, data)

    async def _follow(
        self, subscriber: _Subscriber, first: bytes, gone: asyncio.Future[object], send: Send
    ) -> None:
        """Send what is new until the device hangs up or is locked out."""
        feed = self._box.feed
        announced = feed.announced
        chunk, said_at = first, 0.0
        loop = asyncio.get_running_loop()
        while not gone.done():
            if chunk:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                said_at = loop.time()
            chunk = b""
            news = feed.news
            if feed.closed or self._locked_out(subscriber.device):
                return
            found = await feed.journal.after(
                subscriber.cursor, count_max=CHUNK_ENTRIES, bytes_max=CHUNK_BYTES
            )
            if found:
                chunk = self._frames(subscriber, found)
            announced, said = feed.announcements(announced)
            chunk += b"".join(said)
            if not chunk and not found:
                silence = self._comment_every_s - (loop.time() - said_at)
                if silence <= 0:
                    chunk = self._still_here(subscriber)
                    continue
                await _either(news, gone, within_s=silence)
                pause = CHUNK_EVERY_S - (loop.time() - said_at)
                if pause > 0:
                    await asyncio.sleep(pause)

    @staticmethod
    def _still_here(subscriber: _Subscriber) -> bytes:
        """A comment; for one that is shown little, with how far it has come.

        An id without data is no event, but the place from which a browser asks again: else a kitchen display that
        sees one entry a day would be sent through the whole day, or be reset once that entry is no longer kept.
        """
        if subscriber.told == subscriber.cursor:
            return b": \n\n"
        subscriber.told = subscriber.cursor
        return b": \nid: %b:%d\n\n" % (subscriber.epoch.encode(), subscriber.cursor)

    def _locked_out(self, device: Device) -> bool:
        """Also when it was paired again since: its new token may come with less to see."""
        now = self._box.core.state.devices.committed.get(device.device_id)
        return now is None or now.revoked_at is not None or now.token_hash != device.token_hash

    def _frames(self, subscriber: _Subscriber, found: list[Entry]) -> bytes:
        subscriber.cursor, subscriber.epoch = found[-1].seq, found[-1].epoch
        frames = []
        for entry in found:
            kind, frame = self._box.feed.frame(entry)
            if (not subscriber.wanted or kind in subscriber.wanted) and self._may_see(
                subscriber, kind, entry
            ):
                frames.append(frame)
                subscriber.told = entry.seq
        return b"".join(frames)

    def _may_see(self, subscriber: _Subscriber, kind: str, entry: Entry) -> bool:
        role = subscriber.device.role
        if kind == UNSHOWN:
            return False
        if role == "technician":
            return kind.startswith(TECHNICAL)
        if role == "table":
            return kind == "storehub.product.changed.v1" or self._own(subscriber, kind, entry)
        return True

    def _own(self, subscriber: _Subscriber, kind: str, entry: Entry) -> bool:
        """Whether the entry is about the check that is at the tablet's table, or was until this entry."""
        state = self._box.core.state
        there = shown(state, subscriber.device.table_id or "")
        # Of strangers who share the table, a tablet shows nobody's.
        now = there[0] if len(there) == 1 else None
        subject = _about.decode(entry.raw).subject
        mine = subject in (f"checks/{now}", f"checks/{subscriber.check_id}")
        if now is not None:
            subscriber.check_id = now
        return mine


class _Subscriber:
    """cursor, of epoch: how far it was looked for; told: how far its device knows that."""

    __slots__ = ("check_id", "cursor", "device", "epoch", "told", "wanted")

    def __init__(self, device: Device, wanted: frozenset[str], cursor: int) -> None:
        self.device = device
        self.wanted = wanted
        self.cursor = self.told = cursor
        self.epoch = self.check_id = ""


async def _either(news: asyncio.Event, gone: asyncio.Future[Any], *, within_s: float) -> None:
    """Return at news, when the device is gone, or when the time is over."""
    waiting: asyncio.Future[Any] = asyncio.ensure_future(news.wait())
    await asyncio.wait([waiting, gone], timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


def _query(scope: Scope) -> dict[str, str]:
    from urllib.parse import parse_qsl

    return dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
