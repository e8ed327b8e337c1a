"""A handheld on another host: `handheld.py URL FINGERPRINT TOKEN HUB_ID`. Commands on stdin, one line of JSON for each.

`order`: take one. `find [URL]`: look for the hub again, with what was scanned. `feed`: the seqs heard so far.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from hub.demo.client import Device, trust
from hub.demo.finding import HubNotFound, Remembered, find_again


async def main(url: str, fingerprint: str, token: str, hub_id: str) -> None:
    verify = await trust(url, fingerprint)
    known = Remembered(hub_id, verify, [url])
    heard: list[int] = []
    async with Device(url, token, verify=verify, known=known, give_up_s=60) as device:

        async def follow() -> None:
            async for event in device.events():
                heard.extend(
                    int(event.id.rpartition(":")[2]) for _ in range(event.kind.startswith("storehub."))
                )

        feed = asyncio.create_task(follow())
        loop = asyncio.get_running_loop()
        while words := (await loop.run_in_executor(None, sys.stdin.readline)).split():
            began = time.monotonic()
            said: dict[str, Any] = {}
            if words[0] == "order":
                line = {"product_id": "p-1", "quantity": 1}
                said["seq"] = (await device.order(table_id="t-1", lines=[line])).seq
            elif words[0] == "find":
                try:
                    said["url"] = await find_again(known, scanned=(words[1:] or [""])[0])
                except HubNotFound as error:
                    said["error"] = str(error)
            said |= {"urls": known.urls, "heard": heard, "took_s": round(time.monotonic() - began, 2)}
            print(json.dumps(said), flush=True)
        feed.cancel()
        await asyncio.gather(feed, return_exceptions=True)


asyncio.run(main(*sys.argv[1:]))
