"""How values of the state's tables are written, and that damage is seen."""

import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.store.packing import PACKED_FROM_BYTES, packed, unpacked

VALUES = st.dictionaries(
    st.text(max_size=8), st.text(max_size=2000) | st.integers(-(2**53), 2**53), max_size=6
)


@given(VALUES)
def test_what_was_packed_comes_back(value: dict[str, object]) -> None:
    assert msgspec.json.decode(unpacked(packed(value, "checks/1"), "checks/1")) == value


def test_long_values_are_made_small() -> None:
    value = {"lines": ["唐揚げ 2"] * 500}
    kept = packed(value, "checks/1")
    assert len(kept) < PACKED_FROM_BYTES
    assert msgspec.json.decode(unpacked(kept, "checks/1")) == value


@pytest.mark.parametrize("pack", [bytes, zlib.compress])
def test_what_earlier_versions_wrote_is_read(pack) -> None:
    body = msgspec.json.encode({"lines": ["唐揚げ"] * 200})
    assert unpacked(pack(body), "checks/1") == body
    assert unpacked(b"\x01" + _sum(pack(body), "checks/1") + pack(body), "checks/1") == body


def _sum(body: bytes, about: str) -> bytes:
    return zlib.crc32(body, zlib.crc32(about.encode())).to_bytes(4, "big")


@given(VALUES, st.data())
def test_a_flipped_bit_is_seen(value: dict[str, object], data: st.DataObject) -> None:
    kept = bytearray(packed(value, "checks/1"))
    # Without its first byte it would pass for what a version without checksums wrote.
    bit = data.draw(st.integers(8, len(kept) * 8 - 1))
    kept[bit // 8] ^= 1 << bit % 8
    with pytest.raises(msgspec.DecodeError):
        unpacked(bytes(kept), "checks/1")


def test_another_ones_value_is_seen() -> None:
    with pytest.raises(msgspec.DecodeError):
        unpacked(packed({"total": 1}, "checks/1"), "checks/2")


@pytest.mark.parametrize(
    "body", [b"", b"\x28\xb5\x2f\xfd", b"\x28\xb5\x2f\xfd" + b"x" * 40, b"\x78\x9c" + b"x" * 40]
)
def test_what_is_no_value_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        unpacked(b"\x01" + _sum(body, "checks/1") + body, "checks/1")
