"""How a device finds its store's hub again: where it was, by mDNS, by what a person scans; whichever proves it first.

A handheld maker can copy this file: it works where multicast does not, and after the router has given the box another
address. Nothing that is found is believed before it has shown, over a connection that the store's own authority vouches
for, that it is this store's hub.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx

# A hub on the LAN answers in milliseconds; an address that nobody has any more costs the whole of this.
ANSWER_S_MAX: Final = 2.0
# Everybody else is asked this much later than the likeliest address: where the hub is there, nobody need hear of it.
HEAD_START_S: Final = 0.25
MDNS_S_MAX: Final = 4.0
REMEMBERED_MAX: Final = 5


class HubNotFound(Exception):
    """Nobody answers as this store's hub: a person must scan the QR code, or look at the network."""


@dataclass(slots=True)
class Remembered:
    """What a device keeps of its store, over its own restarts. urls: where the hub was, the last one first."""

    hub_id: str
    verify: ssl.SSLContext | bool
    urls: list[str] = field(default_factory=list)

    def was_at(self, url: str) -> None:
        self.urls = [url, *(known for known in self.urls if known != url)][:REMEMBERED_MAX]


Browse = Callable[[float, Remembered], Awaitable[Iterable[str]]]


async def by_mdns(timeout_s: float, known: Remembered) -> list[str]:
    """The addresses under which this hub announces itself; none where multicast does not pass.

    Whoever claims its id may answer first: the search goes on until one has shown who it is.
    """
    from hub.discovery.browse import FoundHub, find_hubs

    async def ours(hub: FoundHub) -> bool:
        return bool(await _proven(hub.base_urls, known))

    try:
        hubs = await find_hubs(timeout_s, known.hub_id, wanted=ours)
    except OSError:
        return []
    return [url for hub in hubs if hub.role == "primary" for url in hub.base_urls]


async def find_again(known: Remembered, *, scanned: str = "", browse: Browse = by_mdns) -> str:
    """The hub's address now, which is remembered. scanned: `u` of a QR code that a person has just shown.

    Raises HubNotFound.
    """
    # What a person has just shown is newer than what the device remembers.
    first, then = ([scanned], known.urls) if scanned else (known.urls, [])
    begun = asyncio.create_task(_proven(first, known))

    async def behind(search: Callable[[], Awaitable[str]]) -> str:
        await asyncio.wait([begun], timeout=HEAD_START_S)
        if begun.done() and (url := begun.result()):
            return url
        return await search()

    async def remembered() -> str:
        return await _proven(then, known)

    async def announced() -> str:
        return await _proven(await browse(MDNS_S_MAX, known), known)

    url = await _first([begun, *(asyncio.create_task(behind(search)) for search in (remembered, announced))])
    if not url:
        raise HubNotFound(
            f"hub {known.hub_id} answers nowhere: {', '.join(known.urls) or 'no address is known'}"
        )
    known.was_at(url)
    return url


async def _proven(urls: Iterable[str], known: Remembered) -> str:
    """The first of the addresses to show that this store's hub is there; empty if none does.

    All at once: an address that nobody has any more says nothing, for seconds.
    """

    async def at(url: str) -> str:
        return url if await is_our_hub(url, known) else ""

    return await _first([asyncio.create_task(at(url)) for url in dict.fromkeys(urls)])


async def _first(searches: Sequence[asyncio.Task[str]]) -> str:
    """What the first one to find anything has found; the others are given up."""
    try:
        for search in asyncio.as_completed(searches):
            if found := await search:
                return found
        return ""
    finally:
        for search in searches:
            search.cancel()
        await asyncio.gather(*searches, return_exceptions=True)


async def is_our_hub(url: str, known: Remembered) -> bool:
    """Whether this store's serving hub answers there; never raises."""
    try:
        async with httpx.AsyncClient(
            base_url=url, verify=known.verify, trust_env=False, timeout=ANSWER_S_MAX
        ) as http:
            said = (await http.get("/.well-known/storehub")).json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError):
        return False
    return (
        isinstance(said, dict) and said.get("id") == known.hub_id and said.get("role", "primary") == "primary"
    )
