"""The mirror on a medium that hangs, fills up and is pulled out: the store never notices, the copy comes back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hub.domain.entries import Chain, Entry, Origin, Stamp
from hub.domain.facts import ForeignRecorded
from hub.mirror import follower, medium
from hub.mirror.follower import Mirror
from hub.mirror.medium import Mark, Medium
from hub.mirror.secrets import NAME, SealBroken, new_recovery_key, seal, unseal
from hub.ports import EpochStart
from hub.service.copies import Copies
from hub.store.journal import Journal

STAMP = Stamp("2026-11-21T12:00:00+09:00", 1_795_230_000.0, "2026-11-21", 1, True)


class Stand:
    """A journal that grows, and a mirror of it."""

    def __init__(self, journal: Journal, folder: Path) -> None:
        self.journal = journal
        self.folder = folder
        self.copies = Copies(position=lambda: journal.position, now=lambda: "now")
        self.chain = Chain(
            source="/stores/s1/hubs/h1", boot_id="b", epoch="a" * 16, seq=0, head=medium.START.hash
        )
        self.secret: bytes | None = b"sealed"

    async def grow(self, count: int = 3) -> None:
        opens = EpochStart("a" * 16, 1, medium.START) if self.chain.seq == 0 else None
        fact = ForeignRecorded(type="x.acme.seen", about=None, data=b'{"n":1}')  # type: ignore[arg-type]
        group: list[Entry] = [self.chain.append(fact, STAMP, Origin("d1"))[0] for _ in range(count)]
        await self.journal.append(group, opens=opens)

    def mirror(self) -> Mirror:
        async def sealed() -> bytes | None:
            return self.secret

        async def base() -> None:
            return None

        return Mirror(
            journal=self.journal,
            copies=self.copies,
            folder=self.folder,
            hub_id="h1",
            sealed=sealed,
            base=base,
            secrets_ask_s=0.05,
        )

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():
                await asyncio.sleep(0.005)

    async def copied(self) -> None:
        await self.until(lambda: self.copies.of("mirror").seq == self.chain.seq)
        assert [entry.seq for entry in medium.read_after(self.folder)] == list(range(1, self.chain.seq + 1))


@pytest.fixture
async def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stand]:
    for name, value in {"GATHER_S": 0.0, "RETRY_S_MIN": 0.02, "RETRY_S_MAX": 0.05, "STALL_S": 0.1}.items():
        monkeypatch.setattr(follower, name, value)
    medium.prepare(tmp_path / "usb", Mark(1, "h1", "s1"))
    async with Journal(tmp_path / "journal.db") as journal:
        stand = Stand(journal, tmp_path / "usb")
        task = asyncio.create_task(stand.mirror().run())
        yield stand
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await stand.until(lambda: all(thread.name != "mirror" for thread in threading.enumerate()))


async def test_every_entry_is_copied_with_the_secrets(stand: Stand) -> None:
    for _ in range(3):
        await stand.grow()
        await stand.copied()
    await stand.until(lambda: (stand.folder / NAME).exists())
    assert (stand.folder / NAME).read_bytes() == b"sealed"
    assert stand.copies.view()["state"] == "following"


async def test_a_stick_that_is_pulled_out_and_put_back_goes_on(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stand.grow()
    await stand.copied()
    away = stand.folder.with_name("away")
    stand.folder.rename(away)
    stand.folder.mkdir()

    def pulled_out(file: Any) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(Medium, "_sync", staticmethod(pulled_out))
        await stand.grow()
        await stand.until(lambda: stand.copies.of("mirror").reason.startswith("absent"))
    await stand.grow()
    # The empty folder where the stick was is on the box's own card.
    assert list(stand.folder.iterdir()) == []
    stand.folder.rmdir()
    away.rename(stand.folder)
    await stand.copied()


async def test_a_full_stick_is_shown_and_filled_later(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    await stand.grow()
    await stand.copied()

    def full(file: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Medium, "_sync", staticmethod(full))
        await stand.grow()
        await stand.until(lambda: stand.copies.of("mirror").reason.startswith("full"))
        assert stand.copies.view()["lag_entries"] == 3
    await stand.copied()


async def test_a_write_that_hangs_holds_up_nothing_but_the_copy(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stand.grow()
    await stand.copied()
    goes_on = threading.Event()
    real = Medium._sync

    def hanging(file: Any) -> None:
        goes_on.wait(10)
        real(file)

    monkeypatch.setattr(Medium, "_sync", staticmethod(hanging))
    await stand.grow()
    await stand.until(lambda: stand.copies.of("mirror").reason.startswith("stalled"))
    async with asyncio.timeout(1):
        await stand.grow()
    goes_on.set()
    await stand.copied()


async def test_what_a_shortened_journal_lacks_is_kept_on_the_medium(tmp_path: Path) -> None:
    folder = tmp_path / "usb"
    medium.prepare(folder, Mark(1, "h1", "s1"))
    async with Journal(tmp_path / "journal.db") as journal:
        stand = Stand(journal, folder)
        await stand.grow(4)
        copy = Medium(folder, "h1")
        copy.open()
        copy.append(await journal.after(0, count_max=9, bytes_max=1 << 20))
        lost = Chain(
            source="/stores/s1/hubs/h1", boot_id="b", epoch="a" * 16, seq=4, head=journal.position.hash
        )
        fact = ForeignRecorded(type="x.acme.seen", about=None, data=b'{"n":2}')  # type: ignore[arg-type]
        copy.append([lost.append(fact, STAMP, Origin("d1"))[0] for _ in range(2)])
        copy.close()
        of_lost = folder / f"base-{5:012}-{'0' * 64}.db"
        of_lost.touch()
        task = asyncio.create_task(stand.mirror().run())
        await stand.until(lambda: stand.copies.of("mirror").seq == 4)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert len(list(medium.read_after(folder))) == 4
        assert not of_lost.exists(), "a state that the journal does not come to"
        assert [entry.seq for one in medium.left(folder) for entry in medium.entries_in(one)] == [5, 6]


def test_secrets_open_with_their_key_only() -> None:
    key = new_recovery_key()
    sealed = seal(key, {"hub_id": "h1"})
    assert unseal(key.lower().replace("-", " "), sealed) == {"hub_id": "h1"}
    for wrong in (new_recovery_key(), "no key"):
        with pytest.raises(SealBroken):
            unseal(wrong, sealed)
    with pytest.raises(SealBroken):
        unseal(key, sealed[:-1])
