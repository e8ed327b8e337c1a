"""One dinner of each kind; `make failover ROUNDS=20` has more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.failover.dinner import dinner

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


async def test_with_waiting_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    outcome = await dinner(tmp_path, seed=21, wait="standby", before_s=1.2, after_s=0.5)
    assert outcome.problems == []
    assert outcome.lost == 0
    assert outcome.acks > 100
    assert outcome.acks_after > 50


async def test_without_waiting_exactly_what_the_lag_shows_is_lost(tmp_path: Path) -> None:
    outcome = await dinner(tmp_path, seed=22, wait="off", before_s=1.2, after_s=0.5)
    assert outcome.problems == []
    assert outcome.lost <= outcome.lag_entries
    assert outcome.acks > 100


@pytest.mark.parametrize(
    ("mistake", "wait", "seen"),
    [
        ("no-fence", "off", "the old box, beside the new box, answers 201"),
        ("early-answer", "standby", "acknowledged after waiting"),
        ("same-series", "off", "number"),
    ],
)
async def test_a_box_with_a_defect_is_found_out(tmp_path: Path, mistake: str, wait: str, seen: str) -> None:
    outcome = await dinner(tmp_path, seed=23, wait=wait, before_s=1.2, after_s=0.5, mistake=mistake)  # type: ignore[arg-type]
    assert any(seen in problem for problem in outcome.problems), outcome.problems[:5]
