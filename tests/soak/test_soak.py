"""Two short days; `make soak HOURS=240` has more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.rounds import soak

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize(("mistake", "grown"), [("", False), ("leak", True)])
async def test_nothing_grows_on_a_hub_that_runs_for_days(tmp_path: Path, mistake: str, grown: bool) -> None:
    # Saved every half second, as its days are short.
    defects = ",".join(name for name in ("busy-saver", mistake) if name)
    outcome = await soak(tmp_path, hours=48, seed=31, sales_a_day=240, mistake=defects)
    assert [problem.startswith("memory grew") for problem in outcome.problems] == [True] * grown, (
        outcome.problems
    )
    assert len(outcome.looks) == 6
