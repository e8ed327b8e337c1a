"""A short evening with fifty devices; `make crowd REQUESTS=1000000` is a release's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crowd.guests import crowd

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def test_fifty_devices_that_repeat_reorder_and_hang_up(tmp_path: Path) -> None:
    outcome = await crowd(tmp_path, requests=1500, seed=3)
    assert outcome.problems == []
    assert outcome.storms >= 1
    assert min(outcome.kinds[kind] for kind in ("replay", "other_body", "two_bodies", "hang_up", "late")) > 5


async def test_a_hub_that_looks_at_the_key_alone_is_found_out(tmp_path: Path) -> None:
    outcome = await crowd(tmp_path, requests=300, seed=3, devices=10, mistake="blind-to-bodies")
    assert any("another body under the same key" in problem for problem in outcome.problems)
