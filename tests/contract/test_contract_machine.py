"""The journal and a plain list, driven side by side: append, append again, lose the answer, restart, follow, forget."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from hub.domain.entries import Entry
from hub.ports import EpochStart, StoreError
from tests.contract.stores import Store, memory, sqlite


class JournalMachine(RuleBasedStateMachine):
    on_sqlite: ClassVar[bool]

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._runner = asyncio.Runner()
        path = Path(self._folder.name) / "journal.db"
        self.store: Store = sqlite(path) if self.on_sqlite else memory()
        self.model: list[Entry] = []
        self.epochs: list[EpochStart] = []
        self.first = 1
        self.notes: dict[str, bytes] = {}
        # A follower: what it has had, and its cursor.
        self.had: list[Entry] = []
        self.cursor = 0

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(work)

    @initialize()
    def open(self) -> None:
        self.run(self.store.open())
        self.start()

    @rule()
    def start(self) -> None:
        """As each start of the hub does: a new epoch with its first entry."""
        epoch = f"{len(self.epochs) + 1:016x}"
        opens = self.store.opening(epoch)
        group = self.run(self.store.begin(epoch))
        self.epochs.append(opens)
        self.model += group

    @rule(count=st.integers(1, 8), size=st.sampled_from([1, 100, 5000]))
    def append(self, count: int, size: int) -> None:
        self.model += self.run(self.store.grow(count, size=size))

    @rule(back=st.integers(1, 5))
    def append_again(self, back: int) -> None:
        """The same entries a second time, or others in their place, are refused and change nothing."""
        with pytest.raises(StoreError):
            self.run(self.store.journal.append(self.model[-back:]))
        self.run(self.store.journal.reopen())

    @rule(count=st.integers(1, 5), fault=st.sampled_from(["lost", "kept", "full"]), killed=st.booleans())
    def lose_the_answer(self, count: int, fault: str, killed: bool) -> None:
        group = self.store.made(count)
        self.store.journal.faults.append(fault)
        with pytest.raises(StoreError):
            self.run(self.store.journal.append(group))
        self.run(self.store.reopened() if killed else self.store.journal.reopen())
        if fault == "kept":
            self.model += group

    @rule()
    def restart(self) -> None:
        self.run(self.store.reopened())

    @rule()
    def move_the_wal(self) -> None:
        self.run(self.store.journal.checkpoint(idle=True))

    @rule(name=st.sampled_from("ab"), value=st.binary(max_size=20))
    def note(self, name: str, value: bytes) -> None:
        self.run(self.store.journal.put(name, value))
        self.notes[name] = value

    @rule(count=st.integers(1, 10), size=st.sampled_from([1, 3000, 1 << 20]))
    def follow(self, count: int, size: int) -> None:
        page = self.run(self.store.journal.after(self.cursor, count_max=count, bytes_max=size))
        assert bool(page) == (self.cursor < len(self.model))
        if page:
            assert page[0].seq == max(self.cursor + 1, self.first)
            assert len({entry.epoch for entry in page}) == 1
            assert len(page) <= count
            self.had += page
            self.cursor = page[-1].seq

    @rule(share=st.floats(0, 1))
    def forget(self, share: float) -> None:
        first = self.first + int((len(self.model) - self.first) * share)
        self.run(self.store.journal.remove_before(first))
        self.first = first

    @invariant()
    def same(self) -> None:
        if not self.model:
            return
        journal = self.store.journal
        last = self.model[-1]
        assert (
            (journal.position.epoch, journal.position.seq)
            == (last.epoch, last.seq)
            == (last.epoch, len(self.model))
        )
        assert journal.position.hash == last.hash
        assert journal.first_seq == self.first
        kept = [start for start in self.epochs if start.first_seq > self.first]
        assert list(journal.epochs())[-len(kept) - 1 :] == [*self.epochs[len(self.epochs) - len(kept) - 1 :]]
        for seq in {1, self.first - 1, self.first, len(self.model), len(self.model) + 1}:
            there = self.first <= seq <= len(self.model)
            assert self.run(journal.at(seq)) == (self.model[seq - 1] if there else None)
        assert self.had == [self.model[entry.seq - 1] for entry in self.had]
        for name, value in self.notes.items():
            assert self.run(journal.get(name)) == value

    def teardown(self) -> None:
        self.run(self.store.close())
        self._runner.close()
        self._folder.cleanup()


@pytest.mark.parametrize(("on_sqlite", "examples"), [(False, 60), (True, 25)], ids=["memory", "sqlite"])
def test_the_journal_and_a_plain_list_agree(on_sqlite: bool, examples: int) -> None:
    machine = type("Machine", (JournalMachine,), {"on_sqlite": on_sqlite})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=30, deadline=None)
    )
