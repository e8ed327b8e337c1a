"""`python -m tests.hostile.mistaken MISTAKE run …`: the hub without one of its guards, to prove that it is needed."""

from __future__ import annotations

import sys
from collections.abc import Callable


def no_doors() -> None:
    """Everyone may come in and stay for ever, as in a stock uvicorn with the descriptors that a shell has."""
    import resource

    from hub.api.doors import Doors

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    for name in ("_make_room", "sweep"):
        setattr(Doors, name, lambda self, *_: True)

    def plain(*, tls: bool) -> Doors:
        return Doors(connections_max=10**9)

    import hub.serve

    hub.serve.doors_of_this_process = plain


def no_room() -> None:
    """As it was first built: whoever comes when the house is full is refused."""
    from hub.api.doors import Doors

    def refuse(self: Doors) -> bool:
        return False

    Doors._make_room = refuse  # type: ignore[method-assign]


def no_body_limit() -> None:
    from hub.api import app, asgi, guard

    asgi.BODY_BYTES_MAX = app.BODY_BYTES_MAX = app.STRANGERS_BYTES_MAX = guard.ANSWERED_BYTES_MAX = 2**40  # type: ignore[misc]


def document_made_anew() -> None:
    """The OpenAPI document is made for each who asks."""
    from hub.api.reference import Made, Reference

    async def form(self: Reference, name: str) -> Made:
        return self._make()[name]

    Reference.form = form  # type: ignore[method-assign]


MISTAKES: dict[str, Callable[[], None]] = {
    "no-doors": no_doors,
    "no-room": no_room,
    "no-body-limit": no_body_limit,
    "document-made-anew": document_made_anew,
}


def main() -> None:
    MISTAKES[sys.argv.pop(1)]()
    from hub.__main__ import main as hub_main

    hub_main()


if __name__ == "__main__":
    main()
