"""The circumstances of a decision."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from hub.domain.device import Device
from hub.domain.entries import Stamp


class At(Struct, gc=False):
    """Who asks, when, about what. mint gives a new id each time; the ids of one store never repeat.

    target: the id in the request's path. version: of If-Match. online: whether the cloud can be reached now.
    unsent: how many entries the cloud has not acknowledged; asked for when a count or a closing needs it.
    """

    stamp: Stamp
    device: Device
    mint: Callable[[], str]
    target: str = ""
    version: int | None = None
    online: bool = True
    unsent: Callable[[], int] = int
