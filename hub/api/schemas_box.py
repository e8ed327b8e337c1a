"""The shapes of what is told about the box, for the OpenAPI document."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct


class DoctorCheck(Struct):
    """id: `check` and what was found, stable over versions. skip: it cannot be seen from here."""

    id: str
    check: str
    state: Literal["ok", "skip", "warn", "fail"]
    title: str
    detail: str
    advice: str


class DoctorView(Struct):
    """The last examination. at: when it began; null with state `running` before the first one has ended."""

    state: Literal["ok", "warn", "fail", "running"]
    at: str | None
    running: bool
    checks: list[DoctorCheck]


VIEWS: Final[dict[str, type[Struct]]] = {"DoctorView": DoctorView}
