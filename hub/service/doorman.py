"""Who is asking: device tokens, console sessions, pairing codes, and patience with those who guess."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct

from hub.domain.device import Device, Role
from hub.domain.errors import (
    DeviceRevoked,
    PairingCodeInvalid,
    TooManyRequests,
    Unauthenticated,
)
from hub.domain.facts import DevicePaired, Fact, MasterApplied, TokenOffered, TokenTaken
from hub.domain.facts import DeviceRevoked as DeviceRevokedFact
from hub.domain.state import Meta, State
from hub.ports import Notes

# No 0/O, 1/I/L: codes are read from a screen and typed on a handheld. 10 of 31 signs: 49 bits.
CODE_SIGNS: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODE_LENGTH: Final = 10
CODES_MAX: Final = 200
# After this many wrong codes or tokens from one address it waits; each further one doubles the wait.
GUESSES_FREE: Final = 5
GUESS_WAIT_S_MAX: Final = 300
ADDRESSES_MAX: Final = 4096

_CHANGE_DEVICES: Final = frozenset({DevicePaired, DeviceRevokedFact, MasterApplied, TokenOffered, TokenTaken})


def token_hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def new_token() -> str:
    return secrets.token_urlsafe(32)


class Code(Struct):
    """A one-time code as it is kept: only its hash. ends_s: monotonic time in that boot; a reboot ends it too."""

    hash: str
    role: Role
    ends_s: float = 0.0
    table_id: str | None = None
    boot_id: str = ""


class Guest(Struct):
    """A session at a box that may write nothing down, until it may; a restart of the machine ends it."""

    device: Device
    boot_id: str


class Throttle:
    """Wrong guesses by address; a right one clears them."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._wrong: dict[str, tuple[int, float]] = {}

    def check(self, address: str) -> None:
        """Raises TooManyRequests."""
        count, until = self._wrong.get(address, (0, 0.0))
        wait = until - self._now()
        if count > GUESSES_FREE and wait > 0:
            raise TooManyRequests(retry_after_s=int(wait) + 1)

    def wrong(self, address: str) -> None:
        count = self._wrong.pop(address, (0, 0.0))[0] + 1
        wait = min(2.0 ** (count - GUESSES_FREE), GUESS_WAIT_S_MAX) if count > GUESSES_FREE else 0.0
        if len(self._wrong) >= ADDRESSES_MAX:
            del self._wrong[next(iter(self._wrong))]
        self._wrong[address] = (count, self._now() + wait)

    def right(self, address: str) -> None:
        self._wrong.pop(address, None)


class Doorman:
    def __init__(
        self, state: State, notes: Notes, *, wall: Callable[[], float] = time.time, boot_id: str = ""
    ) -> None:
        """wall: what people are shown. Nothing ends by it: it may jump."""
        self._wall = wall
        self._boot = boot_id
        self._state = state
        self._notes = notes
        self._by_token: dict[str, Device] = {}
        self._codes: list[Code] = []
        self._guests: list[Guest] = []
        self.throttle = Throttle()
        # device id -> unix time of its last request, and how many feeds it has open.
        self.seen_at: dict[str, float] = {}
        self.online: dict[str, int] = {}
        self._on_revoked: list[Callable[[str], None]] = []
        # Devices that have used their new token while the fact of it is on its way to the disk.
        self._taken: set[str] = set()
        self.on_taken: Callable[[Device], None] = lambda device: None

    async def start(self) -> None:
        raw = await self._notes.get("pairing_codes")
        codes = msgspec.json.decode(raw, type=list[Code]) if raw else []
        self._codes = [code for code in codes if code.boot_id == self._boot]
        raw = await self._notes.get("guests")
        guests = msgspec.json.decode(raw, type=list[Guest]) if raw else []
        self._guests = [guest for guest in guests if guest.boot_id == self._boot]
        self.committed_devices()

    # -- devices ------------------------------------------------------------------------------------------------

    def committed(self, facts: Iterable[tuple[Fact, Meta]]) -> None:
        """Called after each commit: who was paired or locked out is known from this moment."""
        for fact, _ in facts:
            if type(fact) in _CHANGE_DEVICES:
                self.committed_devices()
                return

    def committed_devices(self) -> None:
        before = self._by_token
        devices = self._state.devices.committed.values()
        # Those whose new token is the only one by now need not be remembered.
        self._taken = {
            device.device_id for device in devices if device.next_hash and device.device_id in self._taken
        }
        self._by_token = {guest.device.token_hash: guest.device for guest in self._guests}
        self._by_token.update(
            {device.token_hash: device for device in devices if device.device_id not in self._taken}
        )
        self._by_token.update(
            {device.next_hash: device for device in devices if device.next_hash is not None}
        )
        for token, device in self._by_token.items():
            was = before.get(token)
            if device.revoked_at is not None and (was is None or was.revoked_at is None):
                for callback in self._on_revoked:
                    callback(device.device_id)

    def on_revoked(self, callback: Callable[[str], None]) -> None:
        self._on_revoked.append(callback)

    def device_of(self, token: str) -> Device:
        """Raises Unauthenticated or DeviceRevoked."""
        device = self._by_token.get(token_hash(token))
        if device is None:
            raise Unauthenticated
        if device.revoked_at is not None:
            raise DeviceRevoked
        if device.next_hash is not None:
            self._uses_next(device, token)
        self.seen_at[device.device_id] = self._wall()
        return device

    def _uses_next(self, device: Device, token: str) -> None:
        """The new token's first use ends the old one, here at once and for good with the fact of it."""
        if device.device_id not in self._taken and token_hash(token) == device.next_hash:
            self._taken.add(device.device_id)
            self._by_token.pop(device.token_hash, None)
            self.on_taken(device)

    def known_token(self, token: str) -> Device | None:
        """The device that had this token, also when it was locked out."""
        return self._by_token.get(token_hash(token))

    # -- sessions of a box that is not the store's -------------------------------------------------------------------

    @property
    def guests(self) -> list[Device]:
        """Who was let in while nothing could be written down."""
        return [guest.device for guest in self._guests]

    async def admit(self, device: Device) -> None:
        """Let in by its token, though the journal does not know it. Raises StoreError."""
        await self._keep([*self._guests, Guest(device, self._boot)])

    async def dismiss(self, device_id: str) -> None:
        """Forget a guest: it has left, or the journal knows it by now. Raises StoreError."""
        await self._keep([guest for guest in self._guests if guest.device.device_id != device_id])

    async def _keep(self, guests: list[Guest]) -> None:
        await self._notes.put("guests", msgspec.json.encode(guests))
        self._guests = guests
        self.committed_devices()

    # -- pairing codes ------------------------------------------------------------------------------------------

    async def issue_code(
        self, role: Role, *, minutes: float, table_id: str | None = None
    ) -> tuple[str, float]:
        """A new one-time code and when it ends (unix time)."""
        code = "".join(secrets.choice(CODE_SIGNS) for _ in range(CODE_LENGTH))
        now = time.monotonic()
        self._codes = [old for old in self._codes if old.ends_s > now][-CODES_MAX + 1 :]
        self._codes.append(Code(token_hash(code), role, now + minutes * 60, table_id, self._boot))
        await self._save_codes()
        return f"{code[:5]}-{code[5:]}", self._wall() + minutes * 60

    async def take_code(
        self, code: str, role: Role | None, *, address: str, roles: tuple[Role, ...] = ()
    ) -> Code:
        """Use a code up. Raises PairingCodeInvalid or TooManyRequests."""
        self.throttle.check(address)
        wanted = token_hash(code.upper().replace("-", "").replace(" ", ""))
        found = next((known for known in self._codes if secrets.compare_digest(known.hash, wanted)), None)
        fits = (
            found is not None
            and found.ends_s > time.monotonic()
            and (role is None or role == found.role)
            and (not roles or found.role in roles)
        )
        if found is None or not fits:
            self.throttle.wrong(address)
            raise PairingCodeInvalid
        self.throttle.right(address)
        self._codes.remove(found)
        await self._save_codes()
        return found

    async def _save_codes(self) -> None:
        await self._notes.put("pairing_codes", msgspec.json.encode(self._codes))
