"""The copy on a second medium: what was appended is there again, whatever an interrupted write left behind it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.entries import Chain, Entry, Origin, Stamp
from hub.domain.facts import After, ForeignRecorded
from hub.mirror import medium
from hub.mirror.medium import Mark, Medium, MediumDamaged, MediumError

MARK = Mark(1, "h1", "s1")
STAMP = Stamp("2026-11-21T12:00:00+09:00", 1_795_230_000.0, "2026-11-21", 1, True)


def made(count: int, *, after: After = medium.START, epoch: str = "a" * 16) -> list[Entry]:
    chain = Chain(source="/stores/s1/hubs/h1", boot_id="b", epoch=epoch, seq=after.seq, head=after.hash)
    fact = ForeignRecorded(type="x.acme.seen", about=None, data=b'{"n":1}')  # type: ignore[arg-type]
    return [chain.append(fact, STAMP, Origin("d1"))[0] for _ in range(count)]


def at(entry: Entry) -> After:
    return After(entry.epoch, entry.seq, entry.hash)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    medium.prepare(tmp_path / "usb", MARK)
    return tmp_path / "usb"


@settings(max_examples=60, deadline=None)
@given(
    groups=st.lists(st.integers(1, 5), min_size=1, max_size=8),
    segment_bytes=st.integers(300, 3000),
    torn=st.binary(max_size=60),
)
def test_what_was_appended_is_there_in_order_after_any_interrupted_write(
    groups: list[int], segment_bytes: int, torn: bytes
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        medium.prepare(folder, MARK)
        entries = made(sum(groups) + 1)
        copy = Medium(folder, "h1", segment_bytes_max=segment_bytes)
        done = 0
        for size in groups:
            assert copy.open() == (at(entries[done - 1]) if done else medium.START)
            copy.append(entries[done : done + size])
            done += size
            copy.close()
            with medium.segments(folder)[-1].open("ab") as file:
                file.write(torn)
        assert medium.position_of(folder) == at(entries[done - 1])
        copy.open()
        copy.append(entries[done:])
        copy.close()
        assert list(medium.read_after(folder)) == entries
        assert list(medium.read_after(folder, at(entries[done - 1]))) == entries[done:]


def test_an_entry_that_does_not_follow_is_never_written(folder: Path) -> None:
    copy = Medium(folder, "h1")
    copy.open()
    entries = made(3)
    copy.append(entries[:1])
    with pytest.raises(MediumError, match="does not follow"):
        copy.append(entries[2:])
    copy.close()
    assert list(medium.read_after(folder)) == entries[:1]


def test_a_changed_byte_is_found(folder: Path) -> None:
    copy = Medium(folder, "h1")
    copy.open()
    copy.append(made(5))
    copy.close()
    segment = medium.segments(folder)[0]
    content = bytearray(segment.read_bytes())
    content[content.index(b"x.acme")] = ord("y")
    segment.write_bytes(content)
    with pytest.raises(MediumDamaged, match="entry 2 does not follow 1"):
        list(medium.read_after(folder))


def test_what_the_journal_lost_is_kept_aside(folder: Path) -> None:
    copy = Medium(folder, "h1", segment_bytes_max=600)
    copy.open()
    old = made(6)
    copy.append(old)
    new = made(2, after=at(old[3]), epoch="b" * 16)
    assert copy.leave(at(old[3])) == 2
    copy.append(new)
    copy.close()
    assert list(medium.read_after(folder)) == [*old[:4], *new]
    assert [entry for file in medium.left(folder) for entry in medium.entries_in(file)] == old[4:]


def test_a_folder_that_nobody_prepared_is_left_alone(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(MediumError, match="not prepared"):
        Medium(tmp_path / "empty", "h1").open()
    assert not (tmp_path / "empty").exists()
    with pytest.raises(MediumError, match="copy of hub h1"):
        Medium(folder, "h2").open()
    with pytest.raises(MediumError, match="copy of hub h1"):
        medium.prepare(folder, Mark(1, "h2", "s1"))
