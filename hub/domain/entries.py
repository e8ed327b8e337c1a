"""An entry: one fact as a CloudEvents 1.0 event, its exact bytes, and the chain they form (CONTRACT section 8)."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct

from hub.domain.facts import Fact, ForeignRecorded

NO_HASH: Final = "0" * 64
_DATA: Final = b',"data":'
_encoder = msgspec.json.Encoder()
encode: Final = _encoder.encode
# A menu of a hundred thousand products is not kept for the next order's sake.
WRITTEN_BYTES_MAX: Final = 64 * 1024


class Stamp(Struct, frozen=True, gc=False):
    """What the box knows at one moment. time: RFC 3339; monotonic_ms: since boot; trusted: the clock is right."""

    time: str
    unix_s: float
    business_date: str
    monotonic_ms: int
    trusted: bool


class Origin(Struct, frozen=True, gc=False):
    """Who asked: the device, the member of staff, and the key and hash of the request."""

    device_id: str
    staff_id: str | None = None
    idempotency_key: str | None = None
    request_hash: str | None = None


class Entry(Struct, frozen=True, gc=False, eq=False):
    """A stored entry. known: its hash, where somebody has it already; most readers need none."""

    seq: int
    epoch: str
    raw: bytes
    known: str = ""

    @property
    def hash(self) -> str:
        return self.known or hash_of(self.raw)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entry) and (self.seq, self.epoch, self.raw) == (
            other.seq,
            other.epoch,
            other.raw,
        )

    def __hash__(self) -> int:
        return hash(self.raw)


class Chain:
    """Makes entries one after the other; knows only where the chain stands.

    The position moves when an entry is made, so entries of a group that failed must be followed by rewind().
    """

    __slots__ = ("_boot", "_data", "_head", "_source", "epoch", "hash", "seq")

    def __init__(self, *, source: str, boot_id: str, epoch: str, seq: int, head: str) -> None:
        self._source = source
        self._boot = boot_id
        # Facts are written into the same memory, one after the other: fresh memory for each costs more than the copy.
        self._data = bytearray()
        self.rewind(epoch=epoch, seq=seq, head=head)

    def rewind(self, *, epoch: str, seq: int, head: str) -> None:
        self.epoch, self.seq, self.hash = epoch, seq, head
        self._head = f'{{"specversion":"1.0","id":"{epoch}-'

    def append(self, fact: Fact, stamp: Stamp, origin: Origin) -> tuple[Entry, memoryview]:
        """The next entry, and where in it the JSON of its data is."""
        self.seq += 1
        data = self._written(fact)
        extra = ""
        if origin.staff_id is not None:
            extra = f'"staffid":"{origin.staff_id}",'
        if origin.idempotency_key is not None:
            key = encode(origin.idempotency_key).decode()
            extra += f'"idempotencykey":{key},"requesthash":"{origin.request_hash}",'
        head = (
            f'{self._head}{self.seq}","source":"{self._source}","type":"{fact.entry_type()}",'
            f'"subject":{encode(fact.subject()).decode()},"time":"{stamp.time}",'
            f'"datacontenttype":"application/json","seq":{self.seq},"epoch":"{self.epoch}",'
            f'"prevhash":"{self.hash}","businessdate":"{stamp.business_date}",'
            f'"deviceid":"{origin.device_id}",{extra}"bootid":"{self._boot}",'
            f'"monotonicms":"{stamp.monotonic_ms}","timetrusted":{"true" if stamp.trusted else "false"},"data":'
        ).encode()
        raw = b"".join((head, data, b"}"))
        self.hash = sha256(raw).hexdigest()
        return Entry(self.seq, self.epoch, raw, self.hash), memoryview(raw)[len(head) : -1]

    def _written(self, fact: Fact) -> bytearray | msgspec.Raw:
        """The fact's JSON, until the next one is written."""
        if isinstance(fact, ForeignRecorded):
            return fact.data
        if len(self._data) > WRITTEN_BYTES_MAX:
            self._data = bytearray()
        _encoder.encode_into(fact, self._data)
        return self._data


class Envelope(Struct, frozen=True, gc=False):
    """An entry's bytes, read. Unknown attributes are passed over."""

    id: str
    type: str
    subject: str
    time: str
    seq: int
    epoch: str
    prevhash: str
    businessdate: str
    deviceid: str
    data: msgspec.Raw
    staffid: str | None = None
    idempotencykey: str | None = None
    requesthash: str | None = None
    bootid: str = ""
    monotonicms: str = "0"
    timetrusted: bool = False


_decoder = msgspec.json.Decoder(Envelope)


def read(raw: bytes) -> Envelope:
    """Raises msgspec.DecodeError or msgspec.ValidationError for bytes that are no entry."""
    return _decoder.decode(raw)


def head(raw: bytes) -> bytes:
    """An entry as a JSON object without its data: a seventh of its bytes, where the rest is not asked for.

    A chain writes the data last, behind nothing but strings, numbers and words: the quotes of `,"data":` do not stand
    so within a string. What is not written that way comes back whole.
    """
    end = raw.find(_DATA)
    return raw if end < 0 or raw.count(b"{", 0, end) != 1 else raw[:end] + b"}"


def hash_of(raw: bytes) -> str:
    return sha256(raw).hexdigest()


def answer(data: bytes | memoryview, *, seq: int, business_date: str, accepted_at: str) -> bytes:
    """The answer to the write whose last entry holds `data`: the fact, and where and when it was accepted."""
    more = f'"seq":{seq},"business_date":"{business_date}","accepted_at":"{accepted_at}"}}'.encode()
    return b"".join((data[:-1], b"," if len(data) > 2 else b"", more))
