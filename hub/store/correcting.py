"""An entry with one flipped bit, put right: the entry after it says what its hash must be."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

# Each bit costs a hash of what follows it: half a second for this many bytes.
BYTES_MAX: Final = 8 * 1024


def corrected(raw: bytes, wanted: str) -> bytes | None:
    """The bytes with that hash that differ from these in one bit at most; None when there are none."""
    if sha256(raw).hexdigest() == wanted:
        return raw
    if len(raw) > BYTES_MAX:
        return None
    digest = bytes.fromhex(wanted)
    before = sha256()
    for place, byte in enumerate(raw):
        rest = raw[place + 1 :]
        for bit in range(8):
            flipped = byte ^ 1 << bit
            tried = before.copy()
            tried.update(bytes((flipped,)) + rest)
            if tried.digest() == digest:
                return raw[:place] + bytes((flipped,)) + rest
        before.update(raw[place : place + 1])
    return None


def cut_out(texts: Iterable[bytes], wanted: str) -> bytes | None:
    """The beginning of one of the texts that has that hash: an entry ends with a brace."""
    digest = bytes.fromhex(wanted)
    for text in texts:
        so_far, done = sha256(), 0
        end = text.find(b"}")
        while end >= 0:
            so_far.update(text[done : end + 1])
            done = end + 1
            if so_far.digest() == digest:
                return text[:done]
            end = text.find(b"}", done)
    return None
