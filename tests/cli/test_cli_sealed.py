"""Backups that are carried away: sealed where there is a passphrase, on another medium, and not more than are kept."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path

import pytest
from cliworld import Hub, Storehub
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.cli import rotating, sealed
from hub.cli.archive import ArchiveError
from hub.datadir import DataDir

WORDS = b"a long enough passphrase"


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "COST_LOG2", 4)


def sealed_bytes(content: bytes, words: bytes = WORDS) -> bytes:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        out = io.BytesIO()
        sealed.seal(Path(file.name), out, words)
        return out.getvalue()


def opened(content: bytes, words: bytes = WORDS) -> bytes:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        out = io.BytesIO()
        sealed.unseal(Path(file.name), out, words)
        return out.getvalue()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 10_000), st.integers(0, 7))
def test_what_was_sealed_comes_back_or_nothing_does(content: bytes, at: int, bit: int) -> None:
    whole = sealed_bytes(content)
    assert opened(whole) == content
    assert len(content) < 8 or content not in whole[len(sealed.MAGIC) :]
    changed = bytearray(whole)
    changed[at % len(whole)] ^= 1 << bit
    for wrong in (bytes(changed), whole[: at % len(whole)]):
        with pytest.raises(sealed.SealError):
            opened(wrong)
    with pytest.raises(sealed.SealError, match="passphrase"):
        opened(whole, b"another passphrase")


def test_pieces_are_not_swapped_and_not_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "PIECE_BYTES", 16)
    content = os.urandom(64)
    whole = sealed_bytes(content)
    assert opened(whole) == content
    head, piece = len(sealed.MAGIC) + 1 + sealed.SALT_BYTES, 16 + sealed.TAG_BYTES
    pieces = [whole[at : at + piece] for at in range(head, len(whole), piece)]
    assert len(pieces) == 4
    for wrong in ([1, 0, 2, 3], [0, 1, 2], [0, 2, 3], [0, 1, 2, 3, 3]):
        with pytest.raises(sealed.SealError):
            opened(whole[:head] + b"".join(pieces[number] for number in wrong))


def test_a_sealed_backup_opens_with_its_passphrase_alone(
    hub: Hub, storehub: Storehub, tmp_path: Path
) -> None:
    words, target = tmp_path / "words", tmp_path / "backup.sealed"
    words.write_bytes(WORDS + b"\n")
    storehub.ok("backup", "--passphrase-file", str(words), str(target))
    content = target.read_bytes()
    identity = (storehub.data / "identity.json").read_bytes()
    assert identity not in content
    assert b"SQLite format 3" not in content
    assert b"PRIVATE KEY" not in content
    assert not list(storehub.data.glob(".storehub-backup-*"))
    fresh = Storehub(tmp_path / "fresh")
    assert "--passphrase-file" in fresh.no("restore", str(target))
    words.write_bytes(b"not the right one at all")
    assert "cannot be opened" in fresh.no("restore", "--passphrase-file", str(words), str(target))
    words.write_bytes(WORDS)
    fresh.ok("restore", "--passphrase-file", str(words), str(target))
    assert fresh.json("verify")["ok"]


def test_a_short_passphrase_is_no_passphrase(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("short\n")
    with pytest.raises(sealed.SealError, match="12 characters"):
        sealed.passphrase_of(tmp_path / "words")


def test_the_oldest_go_and_nobody_elses(tmp_path: Path) -> None:
    names = [f"storehub-h1-2026010{day}-050000.tar" for day in range(1, 6)]
    names[2] += ".sealed"
    others = ["storehub-h2-20260101-050000.tar", "storehub-h1-notes.txt", "photo.jpg"]
    for name in (*names, *others):
        (tmp_path / name).touch()
    assert rotating.drop_oldest(tmp_path, "h1", 2) == names[:3]
    assert {path.name for path in tmp_path.iterdir()} == {*names[3:], *others}


def test_a_second_medium_is_another_one(tmp_path: Path) -> None:
    folder = DataDir(tmp_path)
    with pytest.raises(ArchiveError, match="plugged in"):
        rotating.second_medium(folder, str(tmp_path / "usb"))
    (tmp_path / "usb").mkdir()
    with pytest.raises(ArchiveError, match="own medium"):
        rotating.second_medium(folder, str(tmp_path / "usb"))
    assert rotating.second_medium(folder, "/sys") == Path("/sys")


def test_the_credential_is_taken_where_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert rotating.passphrase_file(None) is None
    (tmp_path / rotating.CREDENTIAL).write_bytes(WORDS)
    assert rotating.passphrase_file(None) == tmp_path / rotating.CREDENTIAL
    assert rotating.passphrase_file(tmp_path / "named") == tmp_path / "named"
