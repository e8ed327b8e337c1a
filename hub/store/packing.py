"""How a value of the state's tables is written: its JSON, compressed when it is long, behind a checksum.

SQLite has none for its pages: without it a flipped bit in a price would be a price.
"""

from __future__ import annotations

import zlib
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from zstandard import ZstdCompressor

# From here on packing pays: a check of eight orders shrinks from 8 KB to 1, and so do the pages it costs. zlib takes
# three times as long for more bytes.
PACKED_FROM_BYTES: Final = 512
LEVEL: Final = 1
# No JSON value begins with one of these: zstd; zlib, as earlier versions wrote it; a checksum of four bytes (CRC-32)
# and then what it is of.
_ZSTD: Final = 0x28
_ZLIB: Final = 0x78
_SUMMED: Final = b"\x01"
_HEAD_BYTES: Final = 5


def packed(value: Any, about: str) -> bytes:
    """The value's JSON, compressed if it is long, with its checksum. about: whose value it is, in the checksum too."""
    encoded = msgspec.json.encode(value)
    body = _compressor().compress(encoded) if len(encoded) > PACKED_FROM_BYTES else encoded
    return _SUMMED + _sum(body, about) + body


@cache
def _compressor() -> ZstdCompressor:
    # Imported with the first long value: an empty store starts without it.
    from zstandard import ZstdCompressor

    return ZstdCompressor(level=LEVEL)


def _unzstd(body: bytes) -> bytes:
    from zstandard import ZstdDecompressor, ZstdError

    try:
        return ZstdDecompressor().decompress(body)
    except ZstdError as error:
        raise msgspec.DecodeError(str(error)) from error


def _sum(body: bytes, about: str) -> bytes:
    return zlib.crc32(body, zlib.crc32(about.encode())).to_bytes(4, "big")


def unpacked(kept: bytes, about: str) -> bytes:
    """Raises msgspec.DecodeError for bytes that are damaged. What an older version wrote has no checksum."""
    if kept[:1] == _SUMMED:
        body = kept[_HEAD_BYTES:]
        if _sum(body, about) != kept[1:_HEAD_BYTES]:
            raise msgspec.DecodeError("the checksum is not that of the value")
        kept = body
    if not kept:
        raise msgspec.DecodeError("there is no value")
    if kept[0] == _ZSTD:
        return _unzstd(kept)
    if kept[0] != _ZLIB:
        return kept
    try:
        return zlib.decompress(kept)
    except zlib.error as error:
        raise msgspec.DecodeError(str(error)) from error
