"""What is not floor and not till."""

from __future__ import annotations

from typing import Final

from hub.api.tables.write import Write
from hub.domain import commands, facts

WRITES: Final[tuple[Write, ...]] = (
    Write(
        "POST", "/v1/facts", commands.RecordFact, facts.ForeignRecorded, ("facts",), "Keep a fact of your own", 201,
        example={"type": "x.acme.temperature", "data": {"fridge": 2, "celsius": 3.5}},
    ),
    Write(
        "DELETE", "/v1/devices/{id}", commands.RevokeDevice, facts.DeviceRevoked, ("devices",), "Lock a device out",
    ),
)  # fmt: skip
