"""The downlink: master data from the cloud as changes since a cursor, on a connection of its own."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from hub.domain.commands import ApplyMaster
from hub.domain.errors import HubError, InvalidRequest
from hub.domain.facts import MasterChange
from hub.ports import Clock, Office, StoreError
from hub.upstream.answers import MasterAnswer
from hub.upstream.client import CloudClient
from hub.upstream.link import LinkMonitor
from hub.upstream.outcomes import Trouble
from hub.upstream.records import MASTER, MasterNote, Records
from hub.upstream.timing import Timing

log = logging.getLogger(__name__)

SET_ASIDE_MAX: Final = 100
_INDEX: Final = re.compile(r"changes\[(\d+)\]")


class Downlink:
    """`doubt` is called when the poll breaks: the replicator then looks at the line."""

    def __init__(
        self,
        *,
        client: CloudClient,
        office: Office,
        records: Records,
        monitor: LinkMonitor,
        clock: Clock,
        doubt: Callable[[], None],
        timing: Timing,
    ) -> None:
        self._client = client
        self._office = office
        self._records = records
        self._monitor = monitor
        self._clock = clock
        self._doubt = doubt
        self._timing = timing
        self.note = MasterNote()
        self.problem = ""

    async def load(self) -> None:
        self.note = await self._records.load(MASTER, MasterNote) or MasterNote()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        timing = self._timing
        while True:
            await self._monitor.wait_open()
            began = loop.time()
            try:
                answer, facts = await self._client.master(self.note.cursor, timing.poll_s)
                self._client.trust(facts)
                applied = await self._apply(answer)
                self.problem = ""
            except Trouble as trouble:
                self.problem = trouble.reason
                self._doubt()
                await asyncio.sleep(max(timing.poll_failed_rest_s, trouble.retry_after_s or 0.0))
                continue
            except (HubError, StoreError) as error:
                # Not the cloud's fault: the box cannot write now.
                self.problem = f"not applied: {error}"
                log.warning("master data could not be applied, asking again: %s", error)
                await asyncio.sleep(timing.poll_failed_rest_s)
                continue
            if not applied and loop.time() - began < timing.poll_s / 2:
                # A cloud that does not hold the question must not be asked in a loop.
                await asyncio.sleep(timing.poll_rest_s)

    async def _apply(self, answer: MasterAnswer) -> bool:
        """Order the changes; those that cannot be used are set aside one by one. False when there was nothing."""
        if not answer.changes and not answer.full and answer.cursor == self.note.cursor:
            return False
        good: list[MasterChange] = []
        bad: list[dict[str, str]] = []
        for raw in answer.changes:
            try:
                good.append(msgspec.convert(_worded(raw), MasterChange))
            except msgspec.ValidationError as error:
                bad.append(self._bad(str(raw.get("kind", "?")), str(raw.get("id", "?")), str(error)))
        while not await self._ordered(answer, good, bad):
            pass
        self._set_aside(answer, good, bad)
        self.note.cursor = answer.cursor
        self.note.at = self._clock.stamp().time
        await self._records.save(MASTER, self.note)
        return True

    async def _ordered(
        self, answer: MasterAnswer, good: list[MasterChange], bad: list[dict[str, str]]
    ) -> bool:
        """Order what is good. False when one of it proved bad and was moved there."""
        # With something set aside, what is missing from a full list is not known to be gone.
        command = ApplyMaster(
            source="cloud", changes=tuple(good), full=answer.full and not bad, cursor=answer.cursor
        )
        try:
            await self._office.order(command)
        except InvalidRequest as error:
            index = _index(error)
            if index is not None and index < len(good):
                change = good.pop(index)
                bad.append(self._bad(change.kind, change.id, str(error.fields["errors"][0]["message"])))
                return False
            bad += [self._bad(change.kind, change.id, str(error)) for change in good]
            good.clear()
        return True

    def _set_aside(self, answer: MasterAnswer, good: list[MasterChange], bad: list[dict[str, str]]) -> None:
        """Remember what could not be used, until it comes again in better shape."""
        for one in bad:
            log.error("master data set aside: %s %s: %s", one["kind"], one["id"], one["reason"])
        newer = {(str(change.kind), change.id) for change in good} | {(one["kind"], one["id"]) for one in bad}
        before = [] if answer.full else self.note.set_aside
        kept = [one for one in before if (one["kind"], one["id"]) not in newer]
        self.note.set_aside = [*kept, *bad][-SET_ASIDE_MAX:]

    def _bad(self, kind: str, thing: str, reason: str) -> dict[str, str]:
        return {"kind": kind, "id": thing, "reason": reason[:300], "at": self._clock.stamp().time}

    def report(self) -> dict[str, Any]:
        return {
            "cursor": self.note.cursor,
            "last_at": self.note.at,
            "set_aside": self.note.set_aside,
            "problem": self.problem,
        }


def _worded(raw: dict[str, Any]) -> dict[str, Any]:
    """A version may be a number or a word; we only keep it."""
    return {**raw, "version": str(raw.get("version", "")), "value": raw.get("value")}


def _index(error: InvalidRequest) -> int | None:
    for one in error.fields.get("errors", ()):
        found = _INDEX.match(str(one.get("path", "")))
        if found:
            return int(found.group(1))
    return None
