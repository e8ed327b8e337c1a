"""Where the state lives: shelves of aggregates that know what is on disk from what is only decided.

A decision sees everything decided before it. A reader sees only what is committed. Between the two stand two drafts:
`open` (decided since the last group left for the disk) and `flying` (the group whose commit is under way).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

V = TypeVar("V")


class Shelf(Generic[V]):
    """Aggregates of one kind by id. Values are immutable; putting replaces."""

    __slots__ = ("_committed", "_flying", "_open", "dirty", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._committed: dict[str, V] = {}
        self._flying: dict[str, V | None] = {}
        self._open: dict[str, V | None] = {}
        # Keys whose committed value differs from the one in the shelf's table.
        self.dirty: set[str] = set()

    def get(self, key: str) -> V | None:
        """The newest decided value: for decisions only."""
        # Most shelves have no drafts at most times.
        if self._open and key in self._open:
            return self._open[key]
        if self._flying and key in self._flying:
            return self._flying[key]
        return self._committed.get(key)

    def put(self, key: str, value: V) -> None:
        self._open[key] = value

    def remove(self, key: str) -> None:
        self._open[key] = None

    def items(self) -> Iterator[tuple[str, V]]:
        """All newest decided values: for decisions only."""
        for key in self._committed.keys() | self._flying.keys() | self._open.keys():
            value = self.get(key)
            if value is not None:
                yield key, value

    @property
    def committed(self) -> dict[str, V]:
        """What is on disk: for readers. Never written to from outside."""
        return self._committed

    def load(self, key: str, value: V) -> None:
        """Put back a value that was read from the shelf's table, unless a newer one is here."""
        self._committed.setdefault(key, value)

    def forget(self, key: str) -> None:
        """Drop a value from memory that the shelf's table holds; it can be loaded again."""
        if key not in self.dirty and key not in self._open and key not in self._flying:
            self._committed.pop(key, None)

    def seal(self) -> None:
        self._flying, self._open = self._open, {}

    def settle(self) -> None:
        for key, value in self._flying.items():
            if value is None:
                self._committed.pop(key, None)
            else:
                self._committed[key] = value
            self.dirty.add(key)
        self._flying = {}

    def discard(self) -> None:
        self._flying, self._open = {}, {}

    def discard_open(self) -> None:
        self._open = {}

    @property
    def empty(self) -> bool:
        """Nothing was ever decided to be here, or all of it is gone."""
        return not (self._committed or self._open or self._flying)

    @property
    def drafted(self) -> bool:
        return bool(self._open)

    @property
    def flying(self) -> bool:
        return bool(self._flying)
