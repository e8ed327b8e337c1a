"""`python -m tests.fuzz.mistaken MISTAKE run …`: the hub with a defect that a fuzzer must find."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def bug_in_void() -> None:
    """Taking a line off fails when there is a reason."""
    from hub.domain.commands import VoidLines
    from hub.domain.decide import DECISIONS

    real = DECISIONS[VoidLines]

    def decide(state: Any, command: VoidLines, at: Any) -> Any:
        if command.reason:
            raise ZeroDivisionError
        return real(state, command, at)

    DECISIONS[VoidLines] = decide


def undocumented_refusal() -> None:
    """A version that is stale is refused, and the document does not say so."""
    from hub.api import openapi

    real = openapi.refusals
    openapi.refusals = lambda *slugs: real(*(slug for slug in slugs if slug != "check-changed"))


def other_shape() -> None:
    """A sale's total is a text."""
    from hub.api.routes import floor

    real = floor.sale_view
    floor.sale_view = lambda sale: {**real(sale), "total": str(sale.total)}


MISTAKES: dict[str, Callable[[], None]] = {
    "bug-in-void": bug_in_void,
    "undocumented-refusal": undocumented_refusal,
    "other-shape": other_shape,
}


def main() -> None:
    MISTAKES[sys.argv.pop(1)]()
    from hub.__main__ import main as hub_main

    hub_main()


if __name__ == "__main__":
    main()
