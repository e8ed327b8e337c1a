"""A new box from the mirror alone, after the store has removed its oldest entries: the state that the old one had."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.cli.replacing import ReplaceError, Report, replace_box
from hub.datadir import DataDir
from hub.domain.commands import LineIn, PlaceOrder
from hub.domain.entries import Entry
from hub.mirror import bases, follower, medium, stock
from hub.mirror.bases import Shipment
from hub.mirror.follower import Mirror
from hub.mirror.medium import Mark, Medium
from hub.service.copies import Copies
from hub.store.base import write_base
from tests.support.core import HubKit, check

ORDER = PlaceOrder(lines=(LineIn("p1", 1),), table_id="t1")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes a store weeks, within a few entries."""
    monkeypatch.setattr(follower, "GATHER_S", 0.0)
    monkeypatch.setattr(follower, "RETRY_S_MIN", 0.01)
    monkeypatch.setattr(stock, "EVERY_ENTRIES", 6)
    monkeypatch.setattr(stock, "AGAIN_S", 0.0)
    monkeypatch.setattr(bases, "PIECE_BYTES", 8192)
    monkeypatch.setitem(Medium.__init__.__kwdefaults__, "segment_bytes_max", 3000)


async def nothing() -> None:
    """No secrets to send, nothing to wait for."""


class Shop:
    """A store with a mirror; `gone` are the entries that it has removed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.usb = folder / "usb"
        self.kit = HubKit(folder / "journal.db")
        self.gone: list[Entry] = []
        self.keys: dict[str, int] = {}
        self.copies: Copies
        self.base_made: Callable[[], Awaitable[None]] = nothing
        self._mirror: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Shop:
        medium.prepare(self.usb, Mark(1, "h1", "s1"))
        await self.kit.fresh()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.unplug()
        if self.kit.alive:
            await self.kit.kill()

    async def order(self) -> None:
        key = f"k{len(self.keys)}"
        await self.kit.says(key, ORDER)
        self.keys[key] = self.kit.journal.position.seq

    async def remove(self) -> None:
        """What retention may at most."""
        await self.kit.core.save()
        found = await self.kit.entries()
        self.gone += found[:-1]
        await self.kit.journal.remove_before(found[-1].seq)

    async def again(self) -> None:
        await self.unplug()
        await self.kit.again()

    async def plug(self) -> None:
        if self._mirror is not None:
            return
        journal, draft = self.kit.journal, self.folder / "draft.db"

        async def base() -> tuple[Path, int] | None:
            seq = await asyncio.to_thread(write_base, journal.path, draft)
            await self.base_made()
            return None if seq is None else (draft, seq)

        self.copies = Copies(position=lambda: journal.position, now=lambda: "now")
        self._mirror = asyncio.create_task(
            Mirror(
                journal=journal, copies=self.copies, folder=self.usb, hub_id="h1", sealed=nothing, base=base,
                secrets_ask_s=0.01,
            ).run()
        )  # fmt: skip

    async def unplug(self) -> None:
        task, self._mirror = self._mirror, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            # What it was doing to the stick is done to the end.
            await self.until(lambda: all(thread.name != "mirror" for thread in threading.enumerate()))

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not true():
                await asyncio.sleep(0.002)

    async def copied(self) -> None:
        """Everything is on the medium, with a base if it needs one."""
        await self.plug()
        await self.until(lambda: self.copies.of("mirror").seq == self.kit.journal.position.seq)
        await self.until(lambda: self.kit.journal.first_seq == 1 or bool(bases.bases(self.usb)))

    async def copied_and_removed(self) -> None:
        """Without the first, the mirror may be behind what is removed: it is begun anew, and has one base."""
        await self.copied()
        await self.remove()
        await self.copied()

    async def replaced(self) -> Report:
        """Assert that a new box has state, reports and answers of the last entry on the medium."""
        await self.unplug()
        history = [*self.gone, *await self.kit.entries()]
        end = medium.position_of(self.usb).seq
        new = DataDir(self.folder / "new")
        report = await replace_box(new, mirror=self.usb)
        box = HubKit(new.journal, after=self.kit)
        try:
            await box.start(reason="replace")
            mine = await box.entries()
            assert mine[0].seq <= max(self.kit.journal.first_seq, 1)
            assert [*history[: mine[0].seq - 1], *mine[:-1]] == history[:end]
            await check(box, removed=history[: mine[0].seq - 1])
            last = box.journal.position.seq
            for key, seq in self.keys.items():
                if mine[0].seq <= seq <= end:
                    await box.says(key, ORDER)
            assert box.journal.position.seq == last, "a retry was done again"
        finally:
            await box.kill()
        return report


DEEDS: dict[str, Callable[[Shop], Awaitable[None]]] = {
    "order": Shop.order,
    "remove": Shop.remove,
    "again": Shop.again,
    "plug": Shop.plug,
    "unplug": Shop.unplug,
    "copied": Shop.copied,
}


@settings(max_examples=16, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=st.lists(st.sampled_from([*DEEDS, "order", "order", "copied"]), max_size=24))
def test_a_box_replaced_from_the_mirror_has_the_state_of_its_last_entry(
    quick: None, deeds: list[str]
) -> None:
    async def story(folder: Path) -> None:
        async with Shop(folder) as shop:
            for deed in deeds:
                await DEEDS[deed](shop)
            try:
                await shop.replaced()
            except ReplaceError:
                # Pulled out before there was anything to begin with.
                assert not bases.bases(shop.usb)
                first = next(medium.read_after(shop.usb), None)
                assert first is None or first.seq > 1
                await shop.copied()
                await shop.replaced()

    with tempfile.TemporaryDirectory() as name:
        asyncio.run(story(Path(name)))


async def test_the_medium_does_not_grow_for_ever(quick: None, tmp_path: Path) -> None:
    async with Shop(tmp_path) as shop:
        await shop.plug()
        (shop.usb / "damaged-entries-000000000001.ndjson").write_bytes(b"old")
        for number in range(5):
            for _ in range(12):
                await shop.order()
            await shop.copied_and_removed()
            if number:
                # The base before the last one is at most a round old, and nothing but one segment is older than it.
                last = shop.kit.journal.position.seq

                def moved_on(last: int = last) -> bool:
                    # The file that it begins with may be removed while it is looked for.
                    with suppress(FileNotFoundError):
                        return next(medium.read_after(shop.usb)).seq > last - 30
                    return False

                await shop.until(moved_on)
        assert len(bases.bases(shop.usb)) == 2
        assert not list(shop.usb.glob("damaged-*"))
        report = await shop.replaced()
        assert "the state as of entry" in report.sources[0]


async def test_a_mirror_begun_late_or_away_too_long_is_enough_for_a_new_box(
    quick: None, tmp_path: Path
) -> None:
    async with Shop(tmp_path) as shop:
        for _ in range(8):
            await shop.order()
        await shop.remove()
        await shop.order()
        await shop.copied()
        await shop.unplug()
        for _ in range(8):
            await shop.order()
        await shop.remove()
        await shop.order()
        await shop.copied()
        await shop.until(lambda: next(medium.read_after(shop.usb)).seq == shop.kit.journal.first_seq)
        await shop.until(lambda: bases.bases(shop.usb)[0].seq >= shop.kit.journal.first_seq)
        await shop.replaced()


async def test_a_spoiled_base_is_passed_over_for_the_one_before(quick: None, tmp_path: Path) -> None:
    async with Shop(tmp_path) as shop:
        for _ in range(3):
            for _ in range(8):
                await shop.order()
            await shop.copied_and_removed()
        await shop.until(lambda: len(bases.bases(shop.usb)) == 2)
        newest = bases.bases(shop.usb)[0].path
        content = bytearray(newest.read_bytes())
        content[len(content) // 2] ^= 1
        newest.write_bytes(content)
        before = bases.bases(shop.usb)[1].seq
        assert f"as of entry {before:,}" in (await shop.replaced()).sources[0]


async def test_a_base_made_before_the_mirror_was_begun_anew_is_not_written_to_it(
    quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pulled_out(self: Medium, group: object) -> None:
        raise OSError(5, "Input/output error")

    async with Shop(tmp_path) as shop:
        for _ in range(4):
            await shop.order()
        await shop.copied()
        await shop.remove()
        making, released = asyncio.Event(), asyncio.Event()

        async def slow() -> None:
            making.set()
            await released.wait()

        shop.base_made = slow
        await shop.order()
        await making.wait()
        with monkeypatch.context() as broken:
            broken.setattr(Medium, "append", pulled_out)
            for _ in range(4):
                await shop.order()
            await shop.remove()
            await shop.order()
            await shop.until(lambda: shop.copies.view()["state"] != "following")
            released.set()
        await shop.until(lambda: shop.copies.of("mirror").seq == shop.kit.journal.position.seq)
        await shop.until(lambda: bool(bases.bases(shop.usb)))
        await shop.replaced()


def test_a_base_holds_no_key_and_no_code(tmp_path: Path) -> None:
    async def made() -> None:
        async with Shop(tmp_path) as shop:
            await shop.kit.journal.transact(
                [
                    ("put_key", [("c1", b"K" * 60)]),
                    ("put_note", [("pairing_codes", b"[1]"), ("clock", b"{}")]),
                ]
            )
            await asyncio.to_thread(write_base, shop.kit.journal.path, tmp_path / "base.db")

    asyncio.run(made())
    assert b"K" * 60 not in (tmp_path / "base.db").read_bytes()
    with closing(sqlite3.connect(tmp_path / "base.db")) as db:
        assert db.execute("SELECT count(*) FROM customer_keys").fetchone() == (0,)
        names = {row[0] for row in db.execute("SELECT name FROM notes")}
    assert "clock" in names
    assert "pairing_codes" not in names


async def test_a_base_that_cannot_be_made_is_made_later(
    quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Shop(tmp_path) as shop:
        await shop.order()
        await shop.remove()
        with monkeypatch.context() as broken:
            broken.setitem(globals(), "write_base", lambda *_: 1 // 0)
            await shop.plug()
            await shop.until(lambda: shop.copies.view()["state"] == "following")
            await shop.order()
            await shop.until(lambda: shop.copies.of("mirror").seq == shop.kit.journal.position.seq)
            assert not bases.bases(shop.usb)
        await shop.copied()
        await shop.replaced()


async def test_a_medium_without_room_for_a_base_goes_on_with_entries(
    quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stock, "AGAIN_S", 3600.0)

    def full(self: Shipment) -> bool:
        raise OSError(28, "No space left on device")

    async with Shop(tmp_path) as shop:
        for _ in range(3):
            await shop.order()
        await shop.remove()
        monkeypatch.setattr(Shipment, "step", full)
        await shop.plug()
        await shop.until(lambda: not (tmp_path / "draft.db").exists())
        await shop.order()
        await shop.until(lambda: shop.copies.of("mirror").seq == shop.kit.journal.position.seq)
        assert shop.copies.view()["state"] == "following"
