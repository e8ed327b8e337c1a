"""Positions that devices remember: how far the journal had come, signed so that only a genuine one alarms the hub."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from typing import Any

from hub.domain.device import Device
from hub.ports import Announcer, JournalReader
from hub.service.hub import Behind, Core


class Positions:
    """Storehub-Position is `<epoch>:<seq>:<mac>`; a device sends the highest it saw back as Storehub-Seen."""

    def __init__(self, core: Core, key: bytes, announcer: Announcer) -> None:
        self._core = core
        self._key = key
        self._announcer = announcer
        self._made: tuple[int, str, bytes] = (-1, "", b"")

    def current(self) -> bytes:
        """The header's value for what is committed now."""
        journal: JournalReader = self._core.journal
        position = journal.position
        if self._made[0] != position.seq or self._made[1] != position.epoch:
            name = f"{position.epoch}:{position.seq}"
            self._made = (position.seq, position.epoch, f"{name}:{self._mac(name)}".encode())
        return self._made[2]

    def _mac(self, name: str) -> str:
        return hmac.digest(self._key, name.encode(), "sha256").hex()[:16]

    def token_for(self, device: Device, key: str) -> str:
        """The token that a device is given in place of the one it has: for the same request the same."""
        about = f"token\n{device.device_id}\n{device.token_hash}\n{key}"
        return urlsafe_b64encode(hmac.digest(self._key, about.encode(), "sha256")).rstrip(b"=").decode()

    def seen(self, value: bytes) -> None:
        """A device has seen this position. A genuine one that this journal never had means that entries are lost."""
        if value == self._made[2]:
            return
        epoch, _, rest = value.decode("latin-1").partition(":")
        number, _, mac = rest.partition(":")
        if not (number.isascii() and number.isdigit() and len(number) < 16):
            return
        seq = int(number)
        if seq <= self._core.last_of(epoch):
            return
        if not hmac.compare_digest(self._mac(f"{epoch}:{number}").encode(), mac.encode()):
            return
        behind = self._core.behind
        if behind is None or (behind.epoch, behind.seq) != (epoch, max(behind.seq, seq)):
            self._core.behind = Behind("device", epoch, seq)
            data: dict[str, Any] = {"epoch": epoch, "after": self._core.last_of(epoch)}
            self._announcer.announce("resend", data)
