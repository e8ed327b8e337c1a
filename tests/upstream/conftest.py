from collections.abc import AsyncIterator

import pytest

from tests.support.badcloud import BadCloud, StandIn
from tests.upstream.world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    stand_in = StandIn()
    async with BadCloud(stand_in) as bad:
        world = World(stand_in, bad)
        world.store.start()
        yield world
