"""What a repair left missing in the middle of the journal comes back from whoever has it, while the hub serves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from hub.domain.errors import HubError
from hub.domain.facts import After
from hub.mirror.copy import MirrorCopy
from hub.ports import StoreError
from hub.service.box import Box
from hub.settings import Settings
from hub.store.holes import PIECE, Hole, Holes
from hub.store.journal import Journal
from hub.store.mended import named

log = logging.getLogger(__name__)

# Between two rounds of questions: a source may be back any moment, and one that lacks the entries stays without them.
REST_S_MIN: Final = 2.0
REST_S_MAX: Final = 60.0
# Bytes that should be those of the missing entries first to last, as far as the source has them. before: the last
# entry there is before the hole. Raises HubError, OSError.
Source = Callable[[After, int, int], Awaitable[list[bytes]]]


async def begin(settings: Settings, journal: Journal, box: Box) -> Refilling | None:
    """None when nothing is missing after all. Raises StoreError."""
    holes = Holes(journal, box.core.requests.note)
    await holes.load()
    if not holes.known:
        return None
    log.error("missing in the middle of the journal: %s", named(holes.spans()))
    sources: dict[str, Source] = {}
    if settings.mirror_dir is not None:
        sources["mirror"] = _mirror(Path(settings.mirror_dir))
    if settings.cloud_url is not None:
        sources["cloud"] = box.upstream.entries
    return Refilling(holes, sources, now=lambda: box.clock.stamp().time)


class Refilling:
    """Implements ports.Refill. A standby is not asked: it asks this box, hears what is missing, and sends it."""

    def __init__(self, holes: Holes, sources: dict[str, Source], *, now: Callable[[], str]) -> None:
        self._holes = holes
        self._sources = sources
        self._now = now
        self._tried: dict[str, dict[str, str]] = {}

    async def run(self) -> None:
        """Ask every source, again and again, until nothing is missing."""
        rest_s = REST_S_MIN
        while self._holes.known:
            for name, source in self._sources.items():
                before = self._holes.returned
                try:
                    while await self._ask(name, source):
                        pass
                    said = "gave" if self._holes.returned > before else "lacks: it does not have them"
                except (HubError, StoreError, OSError) as error:
                    said = (
                        str(error.fields.get("reason", error.slug))
                        if isinstance(error, HubError)
                        else str(error)
                    )
                self._note(name, said)
            await asyncio.sleep(rest_s)
            rest_s = min(2 * rest_s, REST_S_MAX)

    async def _ask(self, name: str, source: Source) -> int:
        """Both ends of every hole, as much as is put back at once; how many entries came back."""
        count = 0
        for hole in list(self._holes.known):
            before = await self._holes.before(hole)
            ends = {
                Hole(max(hole.first, hole.last - PIECE + 1), hole.last),
                Hole(hole.first, min(hole.last, hole.first + PIECE - 1)),
            }
            for end in sorted(ends, key=lambda end: -end.last):
                count += await self.take(name, await source(before, end.first, end.last))
        return count

    def missing(self) -> list[tuple[int, int]]:
        return [(hole.first, hole.last) for hole in self._holes.known]

    async def take(self, source: str, given: list[bytes]) -> int:
        """Raises StoreError, and its kind Misfit for bytes that do not join what is here."""
        count = await self._holes.put_back(given)
        if count:
            left = named(self._holes.spans())
            log.warning(
                "%d missing entries are in their place again, from the %s; %s", count, source,
                f"still missing: {left}" if left else "nothing is missing now",
            )  # fmt: skip
            self._note(source, "gave")
        return count

    def _note(self, source: str, said: str) -> None:
        self._tried[source] = {"source": source, "at": self._now(), "said": said}

    def view(self) -> dict[str, Any]:
        return {
            "missing": msgspec.to_builtins(self._holes.spans()),
            "returned": self._holes.returned,
            "tried": list(self._tried.values()),
        }


def _mirror(folder: Path) -> Source:
    def read(first: int, last: int) -> list[bytes]:
        copy = MirrorCopy(folder)
        found = (copy.entry(seq) for seq in range(first, last + 1))
        return [raw for raw in found if raw is not None]

    async def source(before: After, first: int, last: int) -> list[bytes]:
        return await asyncio.to_thread(read, first, last)

    return source
