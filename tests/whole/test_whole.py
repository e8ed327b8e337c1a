"""The whole store at once, and proof that its rules are looked at: each mistake put in on purpose is found."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.whole.deeds import DEEDS
from tests.whole.machine import DONE, run
from tests.whole.mistaken import MISTAKES

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The hub says of every commit that was made to fail that it failed."""
    with caplog.at_level("CRITICAL"):
        yield


def test_the_twelve_invariants_hold_whatever_people_do() -> None:
    DONE.clear()
    run(40, seed=1)
    # Most deeds must have been done, and not only refused: else nothing is proved.
    assert len({name for name, taken in DONE if taken}) > len(DEEDS) * 0.8, DONE


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_found(name: str) -> None:
    with MISTAKES[name](), pytest.raises(AssertionError):
        # Ended by the first that finds it; some need the luck of many.
        run(400, seed=4, shrink=False)
