"""Many who ask at once, over real sockets: some are decided while what the others asked is on its way to the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from hub.api.doors import Doors
from hub.domain.entries import Entry
from hub.ports import EpochStart
from tests.integration.conftest import serving, shop_in
from tests.integration.test_at_once import request

CROWD, TIMES = 48, 6


async def test_the_disk_works_while_others_are_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shop_in(tmp_path) as shop:
        core, token = shop.box.core, (await shop.device()).token
        decided_meanwhile: list[int] = []
        append = core.journal.append

        async def noted(group: Sequence[Entry], *, opens: EpochStart | None = None) -> None:
            before = core.writer.pending()
            await append(group, opens=opens)
            now = core.writer.pending()
            decided_meanwhile.append(len(now.entries) if now is not None and now is not before else 0)

        monkeypatch.setattr(core.journal, "append", noted)
        async with serving(shop, Doors()) as port:

            async def waiter(number: int) -> list[bytes]:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                said = []
                for time in range(TIMES):
                    writer.write(request(token, f"{number}-{time}"))
                    head = await reader.readuntil(b"\r\n\r\n")
                    size = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
                    await reader.readexactly(int(size.split(b":")[1]))
                    said.append(head.split(b"\r\n")[0])
                writer.close()
                await writer.wait_closed()
                return said

            answers = await asyncio.gather(*(waiter(number) for number in range(CROWD)))
    assert {line for said in answers for line in said} == {b"HTTP/1.1 201 Created"}
    assert sum(decided_meanwhile) > CROWD // 8, "the disk and the loop wait for each other"
