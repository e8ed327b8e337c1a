"""What not every role may do within a request that it may make."""

from __future__ import annotations

from hub.domain.decide.at import At
from hub.domain.device import may
from hub.domain.errors import Forbidden
from hub.domain.state import State


def permit_void(state: State, at: At) -> None:
    """Every way of taking ordered portions off a check asks here. Raises Forbidden."""
    if not may(at.device.role, "void"):
        raise Forbidden(role=at.device.role)
