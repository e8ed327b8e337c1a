"""Putting missing entries back: only the very bytes, only where the chain holds on both sides, nothing else touched."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.entries import NO_HASH, Chain, Entry, Origin, Stamp
from hub.domain.facts import After, ForeignRecorded
from hub.ports import EpochStart
from hub.store.holes import Hole, Holes, Misfit, fitting, spans
from hub.store.journal import Journal
from hub.store.mended import HOLES

STAMP = Stamp("2026-11-21T12:00:00+09:00", 1_795_230_000.0, "2026-11-21", 1, True)
NOTHING = After("", 0, NO_HASH)
FACT = ForeignRecorded(type="x.acme.seen", about=None, data=msgspec.Raw(b'{"n":1}'))


def chain(lives: list[int], *, after: After = NOTHING, salt: str = "") -> list[Entry]:
    """Entries of one epoch after another, so many of each."""
    made: list[Entry] = []
    seq, head = after.seq, after.hash
    for number, count in enumerate(lives):
        epoch = f"{salt}{number:x}".rjust(16, "0")
        life = Chain(source="/stores/s1/hubs/h1", boot_id="b", epoch=epoch, seq=seq, head=head)
        made += [
            life.append(FACT, STAMP, Origin("d1", idempotency_key=f"{epoch}-{n}"))[0] for n in range(count)
        ]
        seq, head = made[-1].seq, made[-1].hash
    return made


def starts_of(made: list[Entry]) -> list[EpochStart]:
    before = NOTHING
    starts = []
    for entry in made:
        if entry.epoch != before.epoch:
            starts.append(EpochStart(entry.epoch, entry.seq, before))
        before = After(entry.epoch, entry.seq, entry.hash)
    return starts


async def holed(folder: Path, made: list[Entry], gone: set[int], noted: list[list[int]]) -> Journal:
    """A journal as a repair leaves it: without these entries, its epochs as those that are left say."""
    journal = Journal(folder / "journal.db")
    await journal.open()
    left = [entry for entry in made if entry.seq not in gone]
    await journal.transact(
        [
            ("put_back", [(one.seq, one.raw) for one in left]),
            (
                "open_epoch",
                [
                    (one.first_seq, one.epoch, one.after.epoch, one.after.seq, one.after.hash)
                    for one in starts_of(left)
                ],
            ),
        ]
    )
    await journal.put(HOLES, msgspec.json.encode(noted))
    await journal.reopen()
    return journal


LIVES = st.lists(st.integers(1, 4), min_size=2, max_size=4).filter(lambda lives: sum(lives) >= 4)


@settings(max_examples=20, deadline=None)
@given(lives=LIVES, data=st.data())
def test_what_is_offered_in_any_order_ends_as_it_was(lives: list[int], data: Any) -> None:
    made = chain(lives)
    gone = data.draw(st.sets(st.integers(2, len(made) - 1), min_size=1))
    offers = data.draw(st.permutations([made[seq - 1].raw for seq in gone]))
    cut = data.draw(st.integers(0, len(offers)))
    forged = made[min(gone) - 1].raw.replace(b'"n":1', b'"n":2')

    async def run(folder: Path) -> None:
        answered: list[tuple[int, int]] = []
        journal = await holed(folder, made, gone, [[seq, seq] for seq in sorted(gone)])
        try:
            holes = Holes(journal, lambda number, seq: answered.append((number, seq)))
            await holes.load()
            for offer in (offers[:cut], [forged, b"no entry", b"{}"], offers[cut:], offers):
                await holes.put_back(offer)
                named = {seq for hole in holes.known for seq in range(hole.first, hole.last + 1)}
                there = {int(row[0]): bytes(row[1]) for row in await journal.rows("between", (0, 99))}
                assert named == set(range(1, len(made) + 1)) - set(there)
                assert all(raw == made[seq - 1].raw for seq, raw in there.items())
                # What is noted is what a start would find.
                again = Holes(journal, lambda number, seq: None)
                await again.load()
                assert again.known == holes.known
            assert holes.known == []
            assert holes.returned == len(gone) == len(answered)
            assert list(journal.epochs()) == starts_of(made)
            assert [(await journal.at(one.seq)) for one in made] == made
        finally:
            await journal.close()

    with TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


def by_seq(made: list[Entry]) -> dict[int, bytes]:
    return {entry.seq: entry.raw for entry in made}


def test_both_sides_of_the_chain_are_looked_at() -> None:
    made = chain([6])
    hole = Hole(2, 4)
    assert fitting(hole, made[0], made[4], by_seq(made[1:4])) == by_seq(made[1:4])
    # Another history behind the same entry, and one that ends in the same place but begins elsewhere.
    other = chain([5], after=After(made[0].epoch, 1, made[0].hash), salt="f")
    assert fitting(hole, made[0], made[4], by_seq(other[:3])) == {}
    with pytest.raises(Misfit):
        fitting(hole, other[0], made[4], by_seq(made[1:4]))


def test_what_stands_before_a_gap_is_believed_within_one_epoch_only() -> None:
    made = chain([6])
    # 4 is nowhere. 2 is named by 3; nobody names 3, and 3 with another bit would be taken as well.
    given = by_seq([made[1], made[2], made[4]])
    assert fitting(Hole(2, 5), made[0], made[5], given) == by_seq([made[1], made[4]])
    two = chain([3, 3])
    assert fitting(Hole(2, 5), two[0], two[5], by_seq([two[1], two[2], two[4]])) == by_seq([two[4]])


def test_a_hole_is_named_with_its_epoch_unless_one_began_in_it() -> None:
    starts = starts_of(chain([3, 3]))
    assert [span.epoch for span in spans([Hole(2, 2), Hole(3, 4)], starts)] == ["0" * 16, ""]


async def test_what_was_removed_as_old_is_no_hole_any_more(tmp_path: Path) -> None:
    made = chain([9])
    journal = await holed(tmp_path, made, {3, 4, 6, 7}, [[3, 4], [6, 7], [50, 60]])
    try:
        await journal.remove_before(4)
        holes = Holes(journal, lambda number, seq: None)
        await holes.load()
        assert holes.known == [Hole(6, 7)]
    finally:
        await journal.close()
