"""Where the state lives: shelves of aggregates that know what is on disk from what is only decided.

A decision sees everything decided before it. A reader sees only what is committed. Between the two stand two drafts:
`open` (decided since the last group left for the disk) and `flying` (the group whose commit is under way). What is
newest stands in a mapping of its own: an order looks things up twenty times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

V = TypeVar("V")


class Shelf(Generic[V]):
    """Aggregates of one kind by id. Values are immutable; putting replaces."""

    __slots__ = ("_committed", "_flying", "_gone", "_newest", "_open", "dirty", "get", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._committed: dict[str, V] = {}
        self._newest: dict[str, V] = {}
        # get(key): the newest decided value, None for none: for decisions only.
        self.get: Callable[[str], V | None] = self._newest.get
        self._flying: dict[str, V | None] = {}
        self._open: dict[str, V | None] = {}
        # Keys that were removed: their rows may stand in the shelf's table until the next save.
        self._gone: set[str] = set()
        # Keys whose committed value differs from the one in the shelf's table.
        self.dirty: set[str] = set()

    def put(self, key: str, value: V) -> None:
        self._open[key] = self._newest[key] = value

    def remove(self, key: str) -> None:
        self._open[key] = None
        self._newest.pop(key, None)

    def items(self) -> Iterator[tuple[str, V]]:
        """All newest decided values: for decisions only."""
        return iter(list(self._newest.items()))

    @property
    def committed(self) -> dict[str, V]:
        """What is on disk: for readers. Never written to from outside."""
        return self._committed

    def load(self, key: str, value: V) -> None:
        """Put back a value that was read from the shelf's table, unless a newer one is here or it is gone."""
        if key in self._gone:
            return
        kept = self._committed.setdefault(key, value)
        if key not in self._open and key not in self._flying:
            self._newest[key] = kept

    def forget(self, key: str) -> None:
        """Drop a value from memory that the shelf's table holds; it can be loaded again."""
        if key not in self.dirty and key not in self._open and key not in self._flying:
            self._committed.pop(key, None)
            self._newest.pop(key, None)

    def seal(self) -> None:
        self._flying, self._open = self._open, {}

    def settle(self) -> None:
        for key, value in self._flying.items():
            if value is None:
                self._committed.pop(key, None)
                self._gone.add(key)
            else:
                self._committed[key] = value
                self._gone.discard(key)
            self.dirty.add(key)
        self._flying = {}

    def discard(self) -> None:
        changed = self._flying | self._open
        self._flying, self._open = {}, {}
        self._as_before(changed)

    def discard_open(self) -> None:
        changed, self._open = self._open, {}
        self._as_before(changed)

    def _as_before(self, changed: Iterable[str]) -> None:
        """These are not what was decided any more: the newest is what a draft before it says, or what is committed."""
        for key in changed:
            value = self._flying[key] if key in self._flying else self._committed.get(key)
            if value is None:
                self._newest.pop(key, None)
            else:
                self._newest[key] = value

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
