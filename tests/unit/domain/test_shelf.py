"""A shelf against what its words say: decisions see the newest, readers what is committed."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hub.domain.shelf import Shelf

KEYS = ("a", "b", "c")
keys = st.sampled_from(KEYS)
values = st.integers(1, 9)


class ShelfMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.shelf: Shelf[int] = Shelf("things")
        self.table: dict[str, int] = {}
        self.committed: dict[str, int] = {}
        self.flying: dict[str, int | None] = {}
        self.open: dict[str, int | None] = {}
        self.gone: set[str] = set()

    @rule(key=keys, value=values)
    def put(self, key: str, value: int) -> None:
        self.shelf.put(key, value)
        self.open[key] = value

    @rule(key=keys)
    def remove(self, key: str) -> None:
        self.shelf.remove(key)
        self.open[key] = None

    @precondition(lambda self: not self.flying)
    @rule()
    def commit(self) -> None:
        self.seal()
        self.settle()

    @precondition(lambda self: not self.flying)
    @rule()
    def seal(self) -> None:
        self.shelf.seal()
        self.flying, self.open = self.open, {}

    @rule()
    def settle(self) -> None:
        self.shelf.settle()
        for key, value in self.flying.items():
            if value is None:
                self.committed.pop(key, None)
            else:
                self.committed[key] = value
        self.gone |= {key for key, value in self.flying.items() if value is None}
        self.gone -= {key for key, value in self.flying.items() if value is not None}
        self.flying = {}

    @rule()
    def discard(self) -> None:
        self.shelf.discard()
        self.flying, self.open = {}, {}

    @rule()
    def discard_open(self) -> None:
        self.shelf.discard_open()
        self.open = {}

    @rule()
    def save(self) -> None:
        """As the keeper of the tables does it."""
        for key in self.shelf.dirty:
            self.table.pop(key, None)
            if key in self.committed:
                self.table[key] = self.committed[key]
        self.shelf.dirty.clear()

    @rule(key=keys)
    def forget(self, key: str) -> None:
        self.shelf.forget(key)
        if key not in self.shelf.dirty and key not in self.open and key not in self.flying:
            self.committed.pop(key, None)

    @rule(key=keys)
    def load(self, key: str) -> None:
        """The table may still have what was removed since the last save."""
        if key in self.table:
            self.shelf.load(key, self.table[key])
            if key not in self.gone:
                self.committed.setdefault(key, self.table[key])

    @invariant()
    def each_sees_what_is_its_own(self) -> None:
        newest = {**self.committed, **self.flying, **self.open}
        known = {key: value for key, value in newest.items() if value is not None}
        assert {key: self.shelf.get(key) for key in KEYS} == {key: known.get(key) for key in KEYS}
        assert dict(self.shelf.items()) == known
        assert self.shelf.committed == self.committed
        assert (self.shelf.drafted, self.shelf.flying) == (bool(self.open), bool(self.flying))


TestShelf = ShelfMachine.TestCase
TestShelf.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)


def test_what_was_removed_does_not_come_back_from_a_table_that_still_has_it() -> None:
    shelf: Shelf[int] = Shelf("things")
    shelf.load("a", 1)
    shelf.remove("a")
    shelf.seal()
    shelf.settle()
    shelf.load("a", 1)
    assert (shelf.get("a"), dict(shelf.committed)) == (None, {})
    shelf.put("a", 2)
    shelf.seal()
    shelf.settle()
    shelf.dirty.clear()
    shelf.forget("a")
    shelf.load("a", 2)
    assert shelf.get("a") == 2
