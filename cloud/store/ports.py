"""What the cloud needs of a database. Synchronous: jobs run in worker threads, never on the event loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

from cloud.model import Cursor, EntryRow, Hub, HubId

T = TypeVar("T")
Row: TypeAlias = tuple[Any, ...]


def to_hub(row: Row) -> Hub:
    """The row of the query `hub` as a Hub."""
    num, hub_id, store_id, *cursor = row
    return Hub(num, hub_id, store_id, Cursor(*cursor))


class Session(Protocol):
    """One transaction. Queries go by the names of queries.sql."""

    def rows(self, name: str, /, **values: object) -> list[Row]: ...

    def one(self, name: str, /, **values: object) -> Row | None: ...

    def run(self, name: str, /, **values: object) -> int:
        """Return how many rows it touched."""

    def lock_hub(self, hub_id: HubId) -> Hub | None:
        """Return the hub as it is now; nobody else moves it until this transaction ends."""

    def add_entries(self, hub: Hub, epoch_num: int, rows: Sequence[EntryRow]) -> None:
        """Append entries that are known to be new."""

    def add_items(self, items: Sequence[tuple[str, str, str, int, str | None]]) -> None:
        """Write (store id, kind, id, version, value) over what stood there."""


class Database(Protocol):
    """Runs jobs in transactions. A job that raises leaves nothing behind."""

    # How many jobs can use it at once; more would only wait inside it.
    writers: int
    readers: int

    def write(self, job: Callable[[Session], T]) -> T:
        """Return the job's value once its transaction is on stable storage.

        StoreUnavailable when it may or may not have been committed.
        """

    def read(self, job: Callable[[Session], T]) -> T:
        """Return the job's value; it sees committed state only, and one moment of it."""

    def tidy(self) -> bool:
        """Do a piece of upkeep that answers need not wait for; False when there was none to do."""

    def close(self) -> None: ...
