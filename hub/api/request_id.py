"""The id of a request: in its refusal and in every line that the hub logs of it, so that the two can be put together.

A device may choose it (X-Request-Id); what is no plain word is not taken over, so that nobody writes into the log.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, Final

HEADER: Final = b"x-request-id"
_KEY: Final = "storehub.request_id"
_PLAIN: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")

# Of the request that the task at work is for; "" outside of one.
current: ContextVar[str] = ContextVar("request_id", default="")


def request_id(scope: MutableMapping[str, Any]) -> str:
    """The same for the whole of a request; made when somebody first asks, as most requests need none."""
    made = scope.get(_KEY)
    if made is None:
        given = next((value for name, value in scope["headers"] if name == HEADER), b"")
        made = given.decode("ascii") if _PLAIN.fullmatch(given) else secrets.token_hex(8)
        scope[_KEY] = made
    return str(made)
