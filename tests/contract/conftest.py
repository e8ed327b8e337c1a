from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.stores import Store, memory, sqlite


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """The journal, the notes and the state's keeper, on each of the two stores."""
    made = memory() if request.param == "memory" else sqlite(tmp_path / "journal.db")
    await made.open()
    try:
        yield made
    finally:
        await made.close()
