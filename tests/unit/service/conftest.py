from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.core import HubKit, hub_on
from tests.support.disk import Disk


@pytest.fixture(
    params=[(store, at_once) for store in ("memory", "sqlite") for at_once in (False, True)],
    ids=lambda param: f"{param[0]}-{'at-once' if param[1] else 'submitted'}",
)
async def kit(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[HubKit]:
    """A running hub with a menu, on each of the two stores, asked in each of the two ways."""
    store, at_once = request.param
    async with hub_on(Disk() if store == "memory" else tmp_path / "journal.db") as kit:
        kit.at_once = at_once
        yield kit
