"""The shapes of what is told about the box, for the OpenAPI document."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from hub.ports import DrillKind


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


class DrillRunning(Struct):
    """ends_by: at the latest."""

    kind: DrillKind
    at: str
    ends_by: str


class DrillResult(Struct):
    """steps: as `storehub drill --json` tells them. refused: another drill ran, or the line was down; nothing was done.

    unfinished: it took too long and was ended, or broke off.
    """

    kind: DrillKind
    at: str
    state: Literal["ok", "warn", "fail", "refused", "unfinished"]
    steps: list[DoctorCheck]


class DrillOffer(Struct):
    """why: it cannot begin now; null: it can. The `why` of the problem drill-refused."""

    kind: DrillKind
    why: Literal["running", "role", "line", "copy", "space"] | None


class DrillsView(Struct):
    """last: since the start of the hub."""

    running: DrillRunning | None
    last: DrillResult | None
    drills: list[DrillOffer]


VIEWS: Final[dict[str, type[Struct]]] = {"DoctorView": DoctorView, "DrillsView": DrillsView}
