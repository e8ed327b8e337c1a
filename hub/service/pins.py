"""PINs at the door: found right or wrong before anything is decided, and never seen behind it.

A PIN has few digits, so that whoever holds its hash finds it out in minutes, however slow the hash. Entries go to the
cloud, into backups and onto other boxes: what they hold is keyed with the box's own secret, which is in none of them.
Nor does a PIN reach the hash of the request, which is in the entry as well.
"""

from __future__ import annotations

import asyncio
import hmac
from hashlib import scrypt, sha256
from typing import Final

from msgspec.structs import replace

from hub.domain.commands_staff import PROVEN, SetPin, Shown
from hub.domain.errors import SignInRefused
from hub.domain.permissions import find_staff
from hub.domain.state import State
from hub.service.desk import Request
from hub.service.doorman import Throttle

# 16 MiB and some 50 ms a guess on a small box.
_COST_LOG2: Final = 14
_BLOCK: Final = 8
_LANES: Final = 1
_BYTES: Final = 32
_MEMORY_MAX: Final = 64 << 20


class Pins:
    """secret: the box's own; it moves with a sealed backup, or the store sets its PINs anew."""

    def __init__(self, state: State, secret: bytes) -> None:
        self._state = state
        self._secret = hmac.digest(secret, b"staff pins", "sha256")
        # By device: a wrong guess makes nobody else wait.
        self.throttle = Throttle()
        # One at a time: guesses from many devices must not take the box's memory.
        self._one = asyncio.Semaphore(1)

    async def proven(self, request: Request) -> Request:
        """The request without its PIN: found right, or made the hash that is kept.

        Raises SignInRefused, TooManyRequests.
        """
        command = request.command
        if isinstance(command, SetPin) and command.pin is not None:
            # The salt is of the request, so that a retry is known as the same.
            about = f"{request.device.device_id}\n{request.key}\n{request.target}"
            salt = hmac.digest(self._secret, about.encode(), "sha256")[:16]
            kept = await self._hashed(command.pin, salt)
            return replace(request, command=replace(command, pin=kept))
        if isinstance(command, Shown) and (command.staff_id or command.code):
            return replace(request, command=await self._shown(command, request.device.device_id))
        return request

    async def _shown(self, command: Shown, device_id: str) -> Shown:
        self.throttle.check(device_id)
        staff = find_staff(self._state, command.staff_id, command.code)
        pin = None if staff is None else self._state.staff_pins.committed.get(staff.id)
        if staff is None or (pin is None) != (command.pin is None):
            self.throttle.wrong(device_id)
            raise SignInRefused
        if pin is not None and command.pin is not None:
            salt = bytes.fromhex(pin.hash.split("$")[1])
            if not hmac.compare_digest(await self._hashed(command.pin, salt), pin.hash):
                self.throttle.wrong(device_id)
                raise SignInRefused
        self.throttle.right(device_id)
        return replace(command, staff_id=staff.id, code=None, pin=None if pin is None else PROVEN)

    async def _hashed(self, pin: str, salt: bytes) -> str:
        keyed = hmac.digest(self._secret, pin.encode(), sha256)
        async with self._one:
            made = await asyncio.to_thread(
                scrypt,
                keyed,
                salt=salt,
                n=1 << _COST_LOG2,
                r=_BLOCK,
                p=_LANES,
                maxmem=_MEMORY_MAX,
                dklen=_BYTES,
            )
        return f"scrypt-{_COST_LOG2}-{_BLOCK}-{_LANES}${salt.hex()}${made.hex()}"
