"""Undo a Content-Encoding without ever holding more than a bound: kilobytes may claim to be gigabytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

import zstandard

from cloud.errors import InvalidRequest, TooLarge, UnsupportedEncoding

# As it comes over the line. A hub's batch of 8 MB is 1 to 2 MB, and less where its entries are alike.
ENCODED_BYTES_MAX: Final = 8 * 1024 * 1024
DECODED_BYTES_MAX: Final = 32 * 1024 * 1024
# Lines cost memory each, even empty ones: 32 MiB of line breaks would be a quarter of a gigabyte of pointers.
LINES_MAX: Final = 20_000
# What a sender may make the decoder reserve. Levels up to 19 need 8 MiB.
_ZSTD_WINDOW_MAX: Final = 8 * 1024 * 1024
_STEP: Final = 1024 * 1024


def decode_lines(raw: bytes, encoding: str) -> Iterator[bytes]:
    """The plain lines, without their ends. Only at the end of all is it known that every byte came as it was sent.

    Line by line: a batch of many MB as a whole costs more for its fresh memory than for its unpacking, and `split`
    looks at every byte by itself where `find` looks at sixteen and more.
    """
    rest = b""
    left = LINES_MAX
    for piece in _pieces(raw, encoding):
        at = 0
        while (end := piece.find(b"\n", at)) >= 0:
            if not left:
                raise _too_large()
            left -= 1
            yield rest + piece[at:end]
            rest = b""
            at = end + 1
        rest += piece[at:]
    if rest:
        yield rest


def _pieces(raw: bytes, encoding: str) -> Iterator[bytes]:
    match encoding.strip().lower():
        case "" | "identity":
            pieces = iter((raw,))
        case "zstd":
            pieces = _unzstd(raw)
        case "gzip" | "x-gzip":
            pieces = iter((_gunzip(raw),))
        case other:
            raise UnsupportedEncoding(f"Content-Encoding {other[:40]!r}: send gzip, zstd or identity")
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > DECODED_BYTES_MAX:
            raise _too_large()
        yield piece


def _unzstd(raw: bytes) -> Iterator[bytes]:
    # The frame's own claim of its size is not believed: the stream is read up to the bound and no further.
    reader = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_MAX).stream_reader(
        raw, read_across_frames=True
    )
    try:
        # The reader takes a cut frame for a finished one, and half an entry would look like a bad one.
        _check_frames_end(raw)
        while piece := reader.read(_STEP):
            yield piece
    except zstandard.ZstdError as error:
        raise InvalidRequest(f"the body is not zstd: {error}") from error


def _check_frames_end(raw: bytes) -> None:
    """Walk the frames block by block (RFC 8878, 3.1.1) and raise ZstdError unless the last one is whole."""
    at = 0
    while at < len(raw):
        has_checksum = zstandard.get_frame_parameters(raw[at : at + 18]).has_checksum
        at += zstandard.frame_header_size(raw[at : at + 18])
        last = False
        while not last:
            if at + 3 > len(raw):
                raise zstandard.ZstdError("cut short")
            block = int.from_bytes(raw[at : at + 3], "little")
            last = bool(block & 1)
            # Type 1 is one byte repeated `size` times.
            at += 3 + (1 if (block >> 1) & 3 == 1 else block >> 3)
        at += 4 * has_checksum
    if at > len(raw) or not raw:
        raise zstandard.ZstdError("cut short")


def _gunzip(raw: bytes) -> bytes:
    inflate = zlib.decompressobj(wbits=31)
    try:
        plain = inflate.decompress(raw, DECODED_BYTES_MAX + 1)
    except zlib.error as error:
        raise InvalidRequest(f"the body is not gzip: {error}") from error
    if len(plain) > DECODED_BYTES_MAX:
        raise _too_large()
    if not inflate.eof or inflate.unused_data:
        raise InvalidRequest("the gzip body is cut short or has something behind it")
    return plain


def _too_large() -> TooLarge:
    return TooLarge(f"more than {DECODED_BYTES_MAX} bytes or {LINES_MAX} entries at once: send less")
