"""Which requests were answered already, so that a retry has one effect and gets the first answer again.

The record of a request is the entry that answers it: its `deviceid`, `idempotencykey` and `requesthash`.
What is kept beside
the journal only finds that entry: in memory for the newest, in the `requests` table for those before the last save.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b, sha256

from hub.domain.entries import Envelope

_MASK = (1 << 63) - 1
PROBES = 4


def fingerprint(device_id: str, key: str) -> int:
    """63 bits of device and key. Two requests may share one: the entry itself decides."""
    return int.from_bytes(blake2b(f"{device_id}\0{key}".encode(), digest_size=8).digest(), "big") & _MASK


def request_hash(method_and_path: str, canonical: bytes) -> str:
    """Same method, path and JSON value: same hash.

    canonical: the command encoded without its defaults, in the order of its fields.
    """
    found = sha256(f"{method_and_path}\n".encode())
    found.update(canonical)
    return found.hexdigest()[:32]


class Filter:
    """Tells for sure that a fingerprint is not in the table (a Bloom filter), so that a new order needs no look-up.

    16 Mbit and four probes: one needless look-up in 25,000 with the 350,000 requests of five busy weeks,
    and it only ever
    errs on the side of looking.
    """

    BITS = 1 << 24

    # With more than these it would send too many new orders to the table: it is made anew then.
    ADDED_MAX = 2_000_000

    def __init__(self) -> None:
        self._bits = bytearray(self.BITS >> 3)
        self._added = 0
        # False until every saved fingerprint was added: till then everything is looked up.
        self.complete = False

    def dump(self, seq: int) -> bytes:
        """The filter as it may be kept. seq: every request answered up to there is in it."""
        content = seq.to_bytes(8, "big") + self._added.to_bytes(8, "big") + bytes(self._bits)
        return sha256(content).digest() + content

    def load(self, kept: bytes | None) -> int | None:
        """Take a kept filter over; the seq up to which it is complete. None for none, a damaged or a full one.

        One flipped bit could let a retry pass as new: so it is held against its hash.
        """
        if kept is None or len(kept) != 48 + len(self._bits) or sha256(kept[32:]).digest() != kept[:32]:
            return None
        added = int.from_bytes(kept[40:48], "big")
        if added > self.ADDED_MAX:
            return None
        self._added, self._bits[:] = added, kept[48:]
        return int.from_bytes(kept[32:40], "big")

    def add(self, fingerprint: int) -> None:
        self._added += 1
        bits = self._bits
        step = (fingerprint >> 24) | 1
        for place in range(fingerprint, fingerprint + PROBES * step, step):
            bits[(place & 0xFFFFFF) >> 3] |= 1 << (place & 7)

    def may_hold(self, fingerprint: int) -> bool:
        if not self.complete:
            return True
        bits = self._bits
        step, place = (fingerprint >> 24) | 1, fingerprint
        # The first probe tells of nearly every new one.
        for _ in range(PROBES):
            if not bits[(place & 0xFFFFFF) >> 3] & (1 << (place & 7)):
                return False
            place += step
        return True


class Requests:
    """The requests answered since the last save, and the filter over those before it."""

    def __init__(self) -> None:
        self._recent: dict[int, tuple[int, ...]] = {}
        self.filter = Filter()

    def note(self, fingerprint: int, seq: int) -> None:
        """A committed entry answers this request."""
        known = self._recent.get(fingerprint, ())
        if seq not in known:
            self._recent[fingerprint] = (*known, seq)

    def note_entry(self, envelope: Envelope, *, seq: int) -> None:
        """The same, for an entry that was read. seq: where it stands, or where its recovery stands."""
        if envelope.idempotencykey is not None:
            self.note(fingerprint(envelope.deviceid, envelope.idempotencykey), seq)

    def recent(self, fingerprint: int) -> tuple[int, ...]:
        return self._recent.get(fingerprint, ())

    def unsaved(self) -> list[tuple[int, int]]:
        return [(key, seq) for key, seqs in self._recent.items() for seq in seqs]

    def saved(self, pairs: Sequence[tuple[int, int]]) -> None:
        """These stand in the table now."""
        recent, add = self._recent, self.filter.add
        for key, seq in pairs:
            add(key)
            known = recent.get(key, ())
            if known == (seq,):
                del recent[key]
            elif seq in known:
                recent[key] = tuple(other for other in known if other != seq)
