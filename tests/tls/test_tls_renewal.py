"""The hub's certificate is made anew while it serves: open connections go on, new ones get the new one, trust stays."""

from __future__ import annotations

import asyncio
import json
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.process import HubProcess, hub_process

READY = b"GET /readyz HTTP/1.1\r\nHost: hub\r\n\r\n"


async def connected(hub: HubProcess) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", hub.port, ssl=hub.tls, server_hostname="localhost"
    )
    tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
    return reader, writer, tls.getpeercert(binary_form=True) or b""


async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(READY)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(
        next(line for line in head.lower().split(b"\r\n") if b"content-length" in line).split(b":")[1]
    )
    await reader.readexactly(length)
    return head.startswith(b"HTTP/1.1 200")


async def test_renewed_without_dropping_anyone(tmp_path: Path) -> None:
    async with hub_process(tmp_path, tls=True, menu=False) as hub:
        reader, writer, first = await connected(hub)
        assert await answers(reader, writer)
        assert not (await hub.do("certificate", renew=True))["renewed"], "nothing asks for it yet"
        facts = hub.data / "tls/server.json"
        known = json.loads(facts.read_bytes())
        # The box has got another address since: this one is not in the certificate.
        known["names"].remove("127.0.0.1")
        facts.write_text(json.dumps(known))
        made = await hub.do("certificate", renew=True)
        assert made["renewed"]
        assert datetime.fromisoformat(made["not_after"]) > datetime.now(UTC) + timedelta(days=300)
        assert await answers(reader, writer), "the connection from before"
        # By the same authority, which hub.tls trusts and nothing else.
        other_reader, other_writer, second = await connected(hub)
        assert await answers(other_reader, other_writer)
        assert first != second
        for line in (writer, other_writer):
            line.close()
            await line.wait_closed()
