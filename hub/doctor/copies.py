"""The second copy: is there one, does it keep up; and which of two boxes this one is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from hub.doctor.findings import Finding, Patient, State

_COPY: Final[dict[str, State]] = {"following": "ok", "late": "warn", "gone": "fail"}
_STANDBY: Final[dict[str, State]] = {
    "starting": "ok",
    "following": "ok",
    "gone": "warn",
    "parted": "fail",
    "disk": "fail",
}


def copies(patient: Patient) -> Iterator[Finding]:
    running = patient.running
    if running is None:
        return
    if running.get("role") == "superseded":
        yield Finding("role", "fail", "superseded")
        return
    standby = running.get("standby")
    if standby is not None:
        words = {
            "box": standby["primary"]["box"],
            "heard": standby["heard_at"] or "-",
            "reason": standby["reason"],
        }
        yield Finding("standby", _STANDBY.get(standby["state"], "warn"), standby["state"], words)
        return
    view: dict[str, Any] = running.get("mirror") or {}
    alive = [row for row in view.get("copies", []) if row["state"] != "none"]
    waits = view.get("waits")
    refusing = view.get("otherwise") == "refuse" and not any(
        (row["kind"], row["state"]) == (waits, "following") for row in alive
    )
    if waits and refusing:
        yield Finding("mirror", "fail", "refusing", {"kind": waits})
    elif not alive:
        # Where the cloud keeps up it is a second copy of what counts, if not of the box.
        state: State = "skip" if running["link"]["state"] == "online" else "warn"
        yield Finding("mirror", state, "none")
    for row in alive:
        words = {
            "kind": row["kind"],
            "lag": row["lag_entries"],
            "since": row["since"],
            "reason": row["reason"] or "-",
        }
        yield Finding("mirror", _COPY.get(row["state"], "warn"), row["state"], words)
