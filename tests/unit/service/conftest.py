from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.core import HubKit, hub_on
from tests.support.disk import Disk


@pytest.fixture(params=["memory", "sqlite"])
async def kit(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[HubKit]:
    """A running hub with a menu, on each of the two stores."""
    async with hub_on(Disk() if request.param == "memory" else tmp_path / "journal.db") as kit:
        yield kit
