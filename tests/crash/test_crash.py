"""A few rounds of real kill -9; `make crash ROUNDS=100` runs more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.rounds import crash

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def test_what_was_answered_survives_every_end_and_reaches_the_cloud_once(tmp_path: Path) -> None:
    """Killed, out of memory where that can be made, stopped, hung: each once."""
    outcome = await crash(tmp_path, rounds=4, seed=11)
    assert outcome.problems == []
    assert outcome.acks > 200
    assert outcome.asked_again >= 12


@pytest.mark.parametrize(
    ("mistake", "seen"), [("early-answer", "lost: "), ("forgetful-restart", "has 2 effects")]
)
async def test_a_hub_with_a_defect_is_found_out(tmp_path: Path, mistake: str, seen: str) -> None:
    outcome = await crash(tmp_path, rounds=3, seed=12, mistake=mistake, kinds=["killed"])
    assert any(seen in problem for problem in outcome.problems), outcome.problems[:5]


async def test_a_watchdog_that_a_thread_feeds_is_found_out(tmp_path: Path) -> None:
    outcome = await crash(
        tmp_path, rounds=1, seed=13, mistake="watchdog-thread", kinds=["hung"], patience_s=6.0
    )
    assert outcome.problems == ["it is hung, and the watchdog hears that it is well"]
