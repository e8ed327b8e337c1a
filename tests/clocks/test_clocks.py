"""A few rounds of wrong clocks, and the defects that they must find."""

from __future__ import annotations

import pytest

from tests.clocks.mistakes import MISTAKES
from tests.clocks.twins import play


# 20262177: two settlements of one drawer lie exactly as far apart as the clock was wrong.
# 20262810: after a correction less than nothing should be in a drawer, and a float is put into it.
# 20262228: a start reads that a correction took a drawer away, and then what moved it: that was looked for for ever.
# 20266249: an account moved twice at the same wrong time, in two boots that were wrong by different times.
@pytest.mark.parametrize("seed", [*range(12), 20262177, 20262228, 20262810, 20266249])
def test_days_add_up_whatever_the_clock_did(seed: int) -> None:
    assert play(seed).problems == []


def test_the_same_seed_plays_the_same() -> None:
    assert play(5) == play(5)


@pytest.mark.parametrize("mistake", sorted(MISTAKES))
def test_a_defect_is_found(mistake: str) -> None:
    assert any(play(seed, mistake=mistake).problems for seed in range(12))
