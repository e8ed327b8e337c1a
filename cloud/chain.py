"""Verify a run of entries: form, numbers and hash chain. Pure."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from hashlib import sha256
from typing import Final

import msgspec

from cloud.model import Batch, Correction, EntryRow, Epoch, Refusal

# One entry. Far above what a hub writes (its requests end at 256 KiB), so that only nonsense is refused.
ENTRY_BYTES_MAX: Final = 256 * 1024
# SQLite keys are 40 bits of seq under 23 bits of hub number: 1.1e12 entries a hub.
SEQ_MAX: Final = (1 << 40) - 1
# A total beyond this is a mistake, and a sum of a million of them still fits 63 bits.
AMOUNT_MAX: Final = 10**12

SALE_COMPLETED: Final = "storehub.sale.completed.v1"
# How a type moves the day's total. Everything else moves nothing, known to us or not.
SIGNS: Final = {SALE_COMPLETED: 1, "storehub.sale.voided.v1": -1, "storehub.sale.refunded.v1": -1}

# Some of the entries before it were of other business days than they say.
CLOCK_CORRECTED: Final = "storehub.clock.corrected.v1"

# How a JSON object begins.
_OBJECT: Final = ord("{")
_DATE: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z", re.ASCII)


class _Entry(msgspec.Struct, gc=False):
    # Only what the cloud itself needs: the rest is skipped by the parser, never built, always kept.
    seq: int
    epoch: str
    prevhash: str
    type: str
    businessdate: str
    data: msgspec.Raw


class _Amount(msgspec.Struct, gc=False):
    total: int


class _Corrected(msgspec.Struct, gc=False):
    first_seq: int
    last_seq: int
    old_business_date: str
    new_business_date: str


class _Corrections(msgspec.Struct, gc=False):
    corrections: list[_Corrected]


_decode_corrections = msgspec.json.Decoder(_Corrections).decode
_decode = msgspec.json.Decoder(_Entry).decode
_decode_amount = msgspec.json.Decoder(_Amount).decode


def day_number(business_date: str) -> int | None:
    """`2026-08-01` as 20260801, or None when it is no date."""
    found = _DATE.match(business_date)
    return int("".join(found.groups())) if found else None


def verify(
    epoch: Epoch, first_seq: int, lines: Iterable[bytes], *, refused_types: Collection[str] = ()
) -> Batch:
    """Take entries from `lines`, one each, for as long as each is well-formed and fits the one before it.

    The lines are always read to their end, which may raise: nothing is refused that came damaged.
    """
    lines = iter(lines)
    try:
        return _verify(epoch, first_seq, lines, refused_types)
    finally:
        deque(lines, maxlen=0)


def _verify(epoch: Epoch, first_seq: int, lines: Iterator[bytes], refused_types: Collection[str]) -> Batch:
    rows: list[EntryRow] = []
    days: dict[str, int | None] = {}
    corrections: list[Correction] = []
    batch_prevhash = prevhash = ""
    seq = first_seq
    for line in lines:
        try:
            if len(line) > ENTRY_BYTES_MAX:
                raise _Refused(f"larger than {ENTRY_BYTES_MAX} bytes")
            entry = _parse(line)
            if entry.seq != seq or entry.epoch != epoch:
                raise _Refused(f"is {entry.epoch}:{entry.seq} where {epoch}:{seq} was announced")
            if entry.type in refused_types:
                raise _Refused(f"type {entry.type} is refused by this cloud's settings")
            business_date = entry.businessdate
            if business_date not in days:
                days[business_date] = day_number(business_date)
            if (day := days[business_date]) is None:
                raise _Refused("businessdate is no date")
            amount = _signed_amount(entry) if entry.type in SIGNS else 0
            found = _corrections(entry) if entry.type == CLOCK_CORRECTED else ()
        except _Refused as refused:
            refusal = Refusal(seq, refused.reason)
            return Batch(epoch, first_seq, batch_prevhash, rows, refusal, False, corrections)
        if seq == first_seq:
            batch_prevhash = entry.prevhash
        elif entry.prevhash != prevhash:
            return Batch(epoch, first_seq, batch_prevhash, rows, None, True, corrections)
        corrections.extend(found)
        digest = sha256(line).digest()
        prevhash = digest.hex()
        rows.append(EntryRow(seq, digest, day, int(entry.type == SALE_COMPLETED), amount, line))
        seq += 1
    return Batch(epoch, first_seq, batch_prevhash, rows, None, False, corrections)


class _Refused(Exception):
    def __init__(self, reason: str) -> None:
        self.reason = reason


def _parse(line: bytes) -> _Entry:
    try:
        # Text that is not UTF-8 is not JSON, and what the parser skips it does not look at.
        line.decode()
        entry = _decode(line)
    except UnicodeDecodeError as error:
        raise _Refused("not UTF-8") from error
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _Refused(str(error)[:200]) from error
    if memoryview(entry.data)[0] != _OBJECT:
        raise _Refused("data is not an object")
    return entry


def _signed_amount(entry: _Entry) -> int:
    try:
        total = _decode_amount(entry.data).total
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _Refused(f"data.total: {error}"[:200]) from error
    if abs(total) > AMOUNT_MAX:
        raise _Refused("data.total is out of range")
    return SIGNS[entry.type] * total


def _corrections(entry: _Entry) -> list[Correction]:
    """Those that move entries to another day."""
    try:
        listed = _decode_corrections(entry.data).corrections
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _Refused(f"data.corrections: {error}"[:200]) from error
    found = []
    for one in listed:
        old, new = day_number(one.old_business_date), day_number(one.new_business_date)
        if old is None or new is None:
            raise _Refused("data.corrections: a business date is no date")
        if not 0 < one.first_seq <= one.last_seq < entry.seq:
            raise _Refused("data.corrections: only earlier entries can be corrected")
        if old != new:
            found.append(Correction(entry.seq, one.first_seq, one.last_seq, old, new))
    return found
