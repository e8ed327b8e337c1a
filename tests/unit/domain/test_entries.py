"""Entries as bytes: their heads, their hashes, what of them is asked for."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import entries
from hub.domain.entries import NO_HASH, Chain, Entry, Origin, Stamp
from hub.domain.facts import ForeignRecorded
from hub.upstream.ledger import tallies_of, tally_of

STAMP = Stamp("2026-11-22T12:00:00.000+09:00", 1.0, "2026-11-22", 7, trusted=True)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    [',"data":', '"data"', "{"]
)


def chain() -> Chain:
    return Chain(source="storehub:s/h", boot_id="b", epoch="e", seq=0, head=NO_HASH)


def made(chain: Chain, *, about: str = "x", data: bytes = b"{}", key: str | None = None) -> Entry:
    fact = ForeignRecorded(type="x.acme.note", about=about, data=msgspec.Raw(data))
    return chain.append(fact, STAMP, Origin("d", "s", key, "0" * 32))[0]


@given(TEXT, TEXT, TEXT)
def test_a_head_is_the_entry_without_its_data(about: str, key: str, value: str) -> None:
    data = msgspec.json.encode({"data": value, value: {"data": [1]}})
    raw = made(chain(), about=about, data=data, key=key).raw
    whole, head = entries.read(raw), msgspec.json.decode(entries.head(raw))
    assert msgspec.json.decode(whole.data) == msgspec.json.decode(data)
    assert head | {"data": msgspec.json.decode(data)} == msgspec.json.decode(raw)
    # Something with braces stands before the data only where somebody put it there.
    if "{" not in about + key:
        assert "data" not in head


@pytest.mark.parametrize(
    "raw",
    [
        b'{"data":{"a":1},"type":"t"}', b'{"x":{"y":1,"data":{}},"type":"t"}', b'{"x":[{"y":1,"data":2}],"z":3}',
        b"nonsense", b"",
    ],
)  # fmt: skip
def test_what_is_written_otherwise_comes_back_whole(raw: bytes) -> None:
    assert entries.head(raw) == raw


def test_the_hash_of_each_stands_in_the_next_one() -> None:
    link = chain()
    row = [made(link, about=str(number)) for number in range(5)]
    read = [Entry(one.seq, one.epoch, one.raw) for one in row]
    assert read == row
    assert (
        [one.hash for one in read] == [entries.hash_of(one.raw) for one in row] == [one.known for one in row]
    )
    assert tallies_of(read) == [tally_of(one) for one in row]
    assert tallies_of(read[:1]) == [tally_of(row[0])]


def test_beside_an_entry_that_is_none_the_others_have_their_hashes() -> None:
    link = chain()
    row = [made(link) for _ in range(3)]
    damaged = [Entry(one.seq, one.epoch, one.raw) for one in row]
    damaged[1] = Entry(2, "e", row[1].raw[:100])
    found = tallies_of(damaged)
    assert [one.hash for one in found] == [row[0].hash, row[1].hash, row[2].hash]
    assert [one.effect.business_date for one in found] == ["2026-11-22", "", "2026-11-22"]


def test_before_a_hole_the_hash_is_not_that_of_what_is_missing() -> None:
    link = chain()
    row = [made(link, about=str(number)) for number in range(5)]
    read = [Entry(one.seq, one.epoch, one.raw) for one in (*row[:2], *row[3:])]
    assert tallies_of(read) == [tally_of(one) for one in (*row[:2], *row[3:])]


def test_entries_of_the_same_bytes_are_the_same() -> None:
    one = made(chain())
    assert one == Entry(1, "e", one.raw)
    assert len({one, Entry(1, "e", one.raw), Entry(2, "e", one.raw)}) == 2
    assert one != one.raw
