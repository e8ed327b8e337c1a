"""What a standby box asks of the primary: entries as they are made, and once everything else that the store is.

Between boxes of one store only, and told in docs/second-copy.md; no part of what handheld makers rely on.
"""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from hub.api.reply import allowed, box_of, reply
from hub.domain import entries
from hub.domain.device import Device
from hub.domain.entries import NO_HASH
from hub.domain.errors import NotFound
from hub.domain.facts import After
from hub.ports import JournalReader
from hub.service.box import Box

router = APIRouter(tags=["box"])
Standby = Annotated[Device, Depends(allowed("copy"))]
POSITION: Final = r"^[0-9a-f]{0,16}:[0-9]{1,15}:[0-9a-f]{64}$"
URL: Final = re.compile(r"https?://[0-9A-Za-z.:\[\]-]{1,120}")
COUNT_MAX: Final = 2000
BYTES_MAX: Final = 4 * 1024 * 1024
IDS_MAX: Final = 5000
HOLES_MAX: Final = 20


@router.get("/v1/copy/entries", include_in_schema=False)
async def copied_entries(
    request: Request,
    _: Standby,
    after: Annotated[str, Query(pattern=POSITION)],
    wait: Annotated[float, Query(ge=0, le=10)] = 0,
) -> Response:
    """The entries' bytes after a position, one a line. `after` says that the standby has all up to it on its disk.

    storehub-kept-from: the standby may forget what is before this entry, as this box did.
    """
    box = box_of(request)
    box.core.writer.check_open()
    epoch, seq, digest = after.split(":")
    position = After(epoch, int(seq), digest)
    journal = box.core.journal
    if not await _ours(journal, position):
        raise NotFound(kind="position", id=f"{epoch}:{seq}")
    url = request.headers.get("storehub-url", "")
    if URL.fullmatch(url) and url not in box.peers:
        box.peers.add(url)
        box.estate.note_peer(url)
    box.copies.visit("standby", position.seq)
    try:
        if journal.position.seq <= position.seq and wait:
            await _first_of(journal, position.seq, request, wait)
        found = await journal.after(position.seq, count_max=COUNT_MAX, bytes_max=BYTES_MAX)
    finally:
        box.copies.leave("standby")
    content = b"".join(entry.raw + b"\n" for entry in found)
    # Damage may have taken the first entries from this box, too: that is no reason to forget them there.
    kept_from = min(journal.first_seq, box.upstream.acked_seq + 1)
    headers = {
        "storehub-term": str(box.term),
        "storehub-kept-from": str(kept_from),
        "storehub-last": str(journal.position.seq),
    }
    if missing := _missing(box):
        headers["storehub-missing"] = missing
    return Response(content, media_type="application/x-ndjson", headers=headers)


def _missing(box: Box) -> str:
    """The holes of this journal, the newest last: what a standby that has the entries is to send back."""
    holes = [] if box.refill is None else box.refill.missing()
    return ",".join(f"{first}-{last}" for first, last in holes[-HOLES_MAX:])


@router.post("/v1/copy/missing", include_in_schema=False)
async def given_back(request: Request, _: Standby) -> Response:
    """Bytes of entries that this box has lost, one a line; those that the chain proves are put in their place."""
    box = box_of(request)
    box.core.writer.check_open()
    count = 0
    if box.refill is not None:
        count = await box.refill.take("standby", (await request.body()).splitlines())
    return reply({"taken": count, "missing": _missing(box)})


async def _ours(journal: JournalReader, position: After) -> bool:
    """Whether the journal has this entry, and still keeps what follows it."""
    if position == journal.position:
        return True
    if position.seq == journal.first_seq - 1:
        first = await journal.at(journal.first_seq)
        return position.hash == (NO_HASH if first is None else entries.read(first.raw).prevhash)
    entry = await journal.at(position.seq)
    return entry is not None and (entry.epoch, entry.hash) == (position.epoch, position.hash)


async def _first_of(journal: JournalReader, seq: int, request: Request, wait_s: float) -> None:
    """Until there is more, nobody listens any more, or time is up."""

    async def hung_up() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    tasks = [asyncio.ensure_future(journal.wait_beyond(seq)), asyncio.ensure_future(hung_up())]
    try:
        await asyncio.wait(tasks, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@router.get("/v1/copy/keys", include_in_schema=False)
async def copied_keys(request: Request, _: Standby, ids: str) -> Response:
    """The wrapped keys of these customers; those who have none any more are left out."""
    return _private(await box_of(request).estate.keys(ids.split(",")[:IDS_MAX]))


@router.get("/v1/copy/secrets", include_in_schema=False)
async def copied_secrets(request: Request, _: Standby) -> Response:
    """Identity, certificate authority, the customers' key, the store's settings: what makes a box this store's."""
    box = box_of(request)
    box.core.writer.check_open()
    return _private(box.estate.secrets())


@router.get("/v1/copy/base", include_in_schema=False)
async def copied_base(request: Request, _: Standby) -> Response:
    """The journal's file as of now, with its tables: a standby need not count from the first entry."""
    box: Box = box_of(request)
    box.core.writer.check_open()
    path = await box.estate.base()
    return FileResponse(
        path, media_type="application/vnd.sqlite3", background=BackgroundTask(path.unlink, True)
    )


def _private(content: object) -> Response:
    return reply(content, headers={"cache-control": "no-store"})
