"""Pairing and revoking devices."""

from __future__ import annotations

from typing import Any

from hub.domain.commands import PairDevice, RevokeDevice
from hub.domain.decide.at import At
from hub.domain.errors import InvalidRequest, NotFound
from hub.domain.facts import DevicePaired, DeviceRevoked, Fact
from hub.domain.state import State


def pair_device(state: State, command: PairDevice, at: At) -> list[Fact]:
    if (command.role == "table") != (command.table_id is not None):
        raise InvalidRequest.at("table_id", "a table's tablet belongs to one table, and only it")
    return [
        DevicePaired(
            device_id=command.device_id,
            name=command.name,
            role=command.role,
            token_hash=command.token_hash,
            table_id=command.table_id,
        )
    ]


def revoke_device(state: State, command: RevokeDevice, at: At) -> list[Fact]:
    if state.devices.get(at.target) is None:
        raise NotFound(kind="device", id=at.target)
    return [DeviceRevoked(device_id=at.target, reason=command.reason)]


DECISIONS: dict[type[Any], Any] = {PairDevice: pair_device, RevokeDevice: revoke_device}
