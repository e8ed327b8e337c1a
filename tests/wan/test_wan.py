"""A few rounds of each row; `make wan ROUNDS=60` has more, and whole five minutes of weather."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wan.rounds import wan

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


async def test_nothing_in_the_store_waits_for_the_line(tmp_path: Path) -> None:
    """Bad weather, a login page and a long outage."""
    figures = await wan(tmp_path, rounds=3, seed=3, backlog=150, weather_s=10.0)
    assert figures.problems == []
    assert figures.rounds == 3
    assert len(figures.drained) == 1
    assert {"silence", "half-open"} <= figures.noticed_s.keys()


async def test_a_hub_that_believes_the_login_page_is_found_out(tmp_path: Path) -> None:
    figures = await wan(tmp_path, rounds=1, seed=3, row="F7", mistake="trusts-any-200")
    assert any("count as sent, and the cloud has" in problem for problem in figures.problems)


async def test_a_bad_cloud_gets_everything_once_and_is_not_hammered(tmp_path: Path) -> None:
    figures = await wan(tmp_path, rounds=2, seed=5, row="F8")
    assert figures.problems == []
    assert figures.faults >= 4
