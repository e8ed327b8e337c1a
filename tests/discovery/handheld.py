"""A handheld on another host: `handheld.py URL FINGERPRINT TOKEN HUB_ID [believes-anybody]`.

Commands on stdin, one line of JSON for each. TOKEN may be `code=…`: it pairs itself then. `order`: take one. `write
KEY METHOD PATH BODY`: any write. `find [URL]`: look for the hub again, with what was scanned. `browse`: who announces
the store's hub. `feed`: the seqs heard so far.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from hub.demo import finding
from hub.demo.client import Device, Refused, trust
from hub.demo.finding import HubNotFound, Remembered, find_again
from hub.discovery.browse import find_hubs


async def main(url: str, fingerprint: str, token: str, hub_id: str) -> None:
    verify = await trust(url, fingerprint)
    known = Remembered(hub_id, verify, [url])
    heard: list[int] = []
    if token.startswith("code="):
        device = await Device.pair(url, code=token[5:], name="h", verify=verify, give_up_s=60)
        device.known = known
    else:
        device = Device(url, token, verify=verify, known=known, give_up_s=60)
    async with device:

        async def follow() -> None:
            async for event in device.events():
                heard.extend(
                    int(event.id.rpartition(":")[2]) for _ in range(event.kind.startswith("storehub."))
                )

        feed = asyncio.create_task(follow())
        loop = asyncio.get_running_loop()
        while words := (await loop.run_in_executor(None, sys.stdin.readline)).split(maxsplit=4):
            began = time.monotonic()
            said: dict[str, Any] = {}
            try:
                if words[0] == "order":
                    line = {"product_id": "p-1", "quantity": 1}
                    said["seq"] = (await device.order(table_id="t-1", lines=[line])).seq
                elif words[0] == "write":
                    answer = await device.write(words[2], words[3], json.loads(words[4]), key=words[1])
                    said |= {"body": answer.body, "seq": answer.seq, "replayed": answer.replayed}
                elif words[0] == "find":
                    said["url"] = await find_again(known, scanned=(words[1:] or [""])[0])
                elif words[0] == "browse":
                    hubs = [one for one in await find_hubs(3.0) if one.hub_id == hub_id]
                    said["hubs"] = sorted([one.role, url] for one in hubs for url in one.base_urls)
            except (HubNotFound, Refused) as error:
                said["error"] = str(error)
            said |= {"urls": known.urls, "heard": heard, "took_s": round(time.monotonic() - began, 2)}
            print(json.dumps(said), flush=True)
        feed.cancel()
        await asyncio.gather(feed, return_exceptions=True)


if sys.argv[5:] == ["believes-anybody"]:
    # A defect, to see that a wrong hub is noticed.
    async def ours(url: str, known: Remembered) -> bool:
        return True

    finding.is_our_hub = ours

asyncio.run(main(*sys.argv[1:5]))
