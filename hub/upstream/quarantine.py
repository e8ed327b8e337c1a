"""Entries the cloud refused: set aside in plain sight, and tried again when a person asks."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import msgspec

from hub.domain import entries
from hub.domain.entries import Entry
from hub.domain.errors import NotFound
from hub.ports import StoreError
from hub.upstream.ledger import effect_of
from hub.upstream.outcomes import Signal, Trouble
from hub.upstream.records import ASIDE, Records, SetAside

log = logging.getLogger(__name__)


class Quarantine:
    def __init__(self, records: Records) -> None:
        self._records = records
        self._aside: dict[tuple[str, int], SetAside] = {}
        # Those a person wants tried again.
        self._wanted: list[tuple[str, int]] = []

    async def load(self) -> None:
        for one in await self._records.load(ASIDE, list[SetAside]) or []:
            self._aside[one.epoch, one.seq] = one

    def __len__(self) -> int:
        return len(self._aside)

    def __iter__(self) -> Iterator[SetAside]:
        return iter(sorted(self._aside.values(), key=lambda one: one.seq))

    def is_hole(self, epoch: str, seq: int) -> bool:
        return (epoch, seq) in self._aside

    @property
    def amount(self) -> int:
        return sum(one.amount for one in self._aside.values())

    async def set_aside(self, entry: Entry, reason: str, at: str) -> SetAside:
        """Remember the entry before the cloud is told of the hole: a hole nobody remembers would never be filled.

        Raises Trouble when it cannot be remembered now.
        """
        key = (entry.epoch, entry.seq)
        known = self._aside.get(key)
        if known is not None:
            known.reason, known.at = reason, at
        else:
            known = self._aside[key] = _described(entry, reason, at)
            log.warning("entry %s:%d is set aside: %s", entry.epoch, entry.seq, reason)
        try:
            await self._records.save(ASIDE, list(self))
        except StoreError as error:
            # The box's own trouble, not the line's: the cloud is told when this can be remembered.
            raise Trouble(Signal.BUSY, f"disk: a refused entry could not be set aside ({error})") from error
        return known

    async def recorded(self, epoch: str, seq: int) -> None:
        """The cloud knows of the hole."""
        self._aside[epoch, seq].recorded = True
        await self._save()

    async def accepted(self, low: int, high: int) -> list[SetAside]:
        """Entries in this range that are set aside, though the cloud has now taken them as they are."""
        taken = [one for one in self._aside.values() if low <= one.seq <= high and not one.recorded]
        for one in taken:
            del self._aside[one.epoch, one.seq]
        if taken:
            await self._save()
        return taken

    async def cloud_went_back(self, seq: int) -> None:
        """A cloud restored from a backup has forgotten the holes after seq."""
        forgotten = [one for one in self._aside.values() if one.seq > seq and one.recorded]
        for one in forgotten:
            one.recorded = False
        if forgotten:
            await self._save()

    def want(self, seq: int | None) -> None:
        """Try the entry again (None: all) as soon as the link allows. Raises NotFound."""
        chosen = [key for key in self._aside if seq is None or key[1] == seq]
        if seq is not None and not chosen:
            raise NotFound(kind="quarantined entry", id=str(seq))
        self._wanted += [key for key in sorted(chosen, key=lambda key: key[1]) if key not in self._wanted]

    def unsure(self, upto: int) -> None:
        """The cloud is past these, and an answer was lost: is it a hole, or was it taken? A try to fill it tells."""
        for key, one in self._aside.items():
            if one.seq <= upto and not one.recorded and key not in self._wanted:
                self._wanted.append(key)

    def next_wanted(self, upto: int) -> SetAside | None:
        """The next one to try. What the cloud has not come to yet rides with the replay."""
        while self._wanted:
            one = self._aside.get(self._wanted[0])
            if one is not None and one.seq <= upto:
                return one
            self._wanted.pop(0)
        return None

    async def filled(self, one: SetAside) -> None:
        self._aside.pop((one.epoch, one.seq), None)
        log.info("entry %s:%d was accepted after all", one.epoch, one.seq)
        self._done(one)
        await self._save()

    async def refused_again(self, one: SetAside, reason: str, at: str) -> None:
        one.reason, one.at = reason, at
        one.tries += 1
        one.recorded = True
        self._done(one)
        await self._save()

    def _done(self, one: SetAside) -> None:
        if (one.epoch, one.seq) in self._wanted:
            self._wanted.remove((one.epoch, one.seq))

    async def _save(self) -> None:
        try:
            await self._records.save(ASIDE, list(self))
        except StoreError as error:
            log.warning("the list of entries set aside was not saved: %s", error)

    def report(self) -> list[dict[str, Any]]:
        return [
            {
                "epoch": one.epoch,
                "seq": one.seq,
                "type": one.type,
                "subject": one.subject,
                "business_date": one.business_date,
                "amount": one.amount,
                "reason": one.reason,
                "at": one.at,
                "tries": one.tries,
                "hash": one.hash,
            }
            for one in self
        ]


def _described(entry: Entry, reason: str, at: str) -> SetAside:
    one = SetAside(epoch=entry.epoch, seq=entry.seq, hash=entry.hash, reason=reason, at=at)
    try:
        seen = entries.read(entry.raw)
    except msgspec.MsgspecError:
        return one
    one.type, one.subject, one.business_date = seen.type, seen.subject, seen.businessdate
    one.amount = effect_of(entry.raw).running
    return one
