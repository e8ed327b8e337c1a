"""A row of the tables: what is asked (a command), what answers (the fact whose data is the answer), and who may."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from hub.domain.commands import Command
from hub.domain.facts import Fact


class Write(Struct, frozen=True):
    """permissions: any of them will do. match: 'required' or 'honoured' If-Match. refusals: slugs of its own.

    secret: the body may hold a PIN, which is looked at before anything else.
    """

    method: str
    path: str
    command: type[Command]
    answer: type[Fact]
    permissions: tuple[str, ...]
    summary: str
    status: int = 200
    match: str = ""
    refusals: tuple[str, ...] = ()
    example: dict[str, Any] = {}
    secret: bool = False
