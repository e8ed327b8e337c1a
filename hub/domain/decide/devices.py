"""Pairing and revoking devices."""

from __future__ import annotations

from typing import Any

from hub.domain.commands import OfferToken, PairDevice, RevokeDevice, TakeToken
from hub.domain.decide.at import At
from hub.domain.errors import InvalidRequest, NotFound
from hub.domain.facts import DevicePaired, DeviceRevoked, Fact, TokenOffered, TokenTaken
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


def offer_token(state: State, command: OfferToken, at: At) -> list[Fact]:
    device = state.devices.get(command.device_id)
    if device is None or device.revoked_at is not None:
        raise NotFound(kind="device", id=command.device_id)
    if command.token_hash in (device.next_hash, device.token_hash):
        return []  # Asked for again: it is the same token.
    return [TokenOffered(device_id=command.device_id, token_hash=command.token_hash)]


def take_token(state: State, command: TakeToken, at: At) -> list[Fact]:
    device = state.devices.get(command.device_id)
    if device is None or device.next_hash != command.token_hash:
        return []
    return [TokenTaken(device_id=command.device_id, token_hash=command.token_hash)]


def revoke_device(state: State, command: RevokeDevice, at: At) -> list[Fact]:
    if state.devices.get(at.target) is None:
        raise NotFound(kind="device", id=at.target)
    return [DeviceRevoked(device_id=at.target, reason=command.reason)]


DECISIONS: dict[type[Any], Any] = {
    PairDevice: pair_device,
    OfferToken: offer_token,
    TakeToken: take_token,
    RevokeDevice: revoke_device,
}
