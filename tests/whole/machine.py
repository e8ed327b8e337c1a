"""The whole store as one state machine: every deed in any order, and the twelve invariants after each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from hub.domain.money import Rounding
from tests.support.core import check
from tests.whole.deeds import DEEDS, Deed, Hand
from tests.whole.rules import Book
from tests.whole.shop import DEVICES, Shop

# What was refused, by slug, and the deeds that were done: a machine that is refused everything proves nothing.
REFUSALS: Final[list[str]] = []
DONE: Final[set[tuple[str, bool]]] = set()
FAULTS: Final = ("ok", "ok", "ok", "ok", "ok", "kept", "lost")
# Not st.integers: that also tries the constants of whatever code is loaded, so a seed would not repeat elsewhere.
hands = st.builds(
    Hand,
    st.sampled_from(sorted(DEVICES)),
    st.sampled_from(range(360)),
    st.sampled_from(range(60)),
    st.sampled_from(range(1, 5)),
    st.sampled_from(FAULTS),
)


class _Whole(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.shop = Shop()
        self.book: Book | None = None

    @initialize(
        rounding=st.sampled_from([one.value for one in Rounding]), taken_at=st.sampled_from(["order", "sale"])
    )
    def open(self, rounding: str, taken_at: str) -> None:
        self.shop.open(rounding=rounding, stock_taken_at=taken_at)
        self.book = Book(self.shop, Rounding(rounding))

    @invariant()
    def the_twelve(self) -> None:
        if self.book is not None:
            self.book.check()

    def teardown(self) -> None:
        try:
            if self.book is not None:
                self.shop.run(check(self.shop.kit))
        finally:
            REFUSALS.extend(self.shop.refused)
            self.shop.close()


def _ruled(done: Deed) -> Callable[..., None]:
    def step(self: Any, hand: Hand) -> None:
        before = self.shop.kit.journal.position.seq
        done(self.shop, hand)
        DONE.add((done.__name__, self.shop.kit.journal.position.seq > before))

    step.__name__ = done.__name__
    ruled: Callable[..., None] = rule(hand=hands)(step)
    return ruled


Whole: Any = type("Whole", (_Whole,), {name: _ruled(done) for name, done in DEEDS.items()})


def run(rounds: int, *, seed: int | None = None, shrink: bool = True, deeds: int = 40) -> None:
    """So many stores, each with about so many deeds. Raises AssertionError with the shortest way to the failure."""
    phases = (Phase.explicit, Phase.generate, *((Phase.shrink,) if shrink else ()))
    wish = settings(
        max_examples=rounds,
        stateful_step_count=deeds,
        deadline=None,
        phases=phases,
        database=None,
        derandomize=seed is None,
        # The disk's faults are slow on purpose, and a store is opened for each round.
        suppress_health_check=list(HealthCheck),
    )
    machine: Any = type("Whole", (Whole,), {})
    if seed is not None:
        hypothesis.seed(seed)(machine)
    run_state_machine_as_test(machine, settings=wish)
