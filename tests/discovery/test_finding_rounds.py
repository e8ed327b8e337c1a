"""A few rounds of a LAN in trouble; `make finding ROUNDS=50` is a release's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.discovery.rounds import finding
from tests.support.netns import why_not

pytestmark = [pytest.mark.netns, pytest.mark.timeout(300)]


def test_the_right_hub_is_found_and_never_a_wrong_one(tmp_path: Path) -> None:
    if reason := why_not("nft", "unshare"):
        pytest.skip(reason)
    outcome = finding(tmp_path, rounds=2, seed=1)
    assert outcome.problems == []
    assert outcome.moved_s
