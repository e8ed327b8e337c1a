"""Who is signed in where, and which staff roles may do an operation now: questions to the state."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Protocol, TypeVar

from hub.domain.device import Device
from hub.domain.menu import Staff
from hub.domain.staff import DEFAULTS, EVERYONE, MANAGER, MINUTES_MAX, STAFF_REQUIRED, Operation, StaffSession
from hub.domain.state import State

_YES: Final = frozenset({"1", "true", "yes", "on"})
V_co = TypeVar("V_co", covariant=True)


class Found(Protocol[V_co]):
    def get(self, key: str, /) -> V_co | None: ...


class People(Protocol):
    """What the questions look at: the state as it is decided, or what of it is committed."""

    @property
    def settings(self) -> Found[str]: ...

    @property
    def staff(self) -> Found[Staff]: ...

    @property
    def staff_sessions(self) -> Found[StaffSession]: ...


class Committed:
    """For readers: what is on disk."""

    def __init__(self, state: State) -> None:
        self.settings: Found[str] = state.settings.committed
        self.staff: Found[Staff] = state.staff.committed
        self.staff_sessions: Found[StaffSession] = state.staff_sessions.committed


def unix_of(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp()


def required(state: People) -> bool:
    """Whether nobody works at a shared device without signing in."""
    word = state.settings.get(STAFF_REQUIRED)
    return word is not None and word.strip().lower() in _YES


def minutes_of(state: People, name: str, default: int) -> int:
    """A setting in minutes. What is no number from 1 to a day's minutes must not stop the store: then the default."""
    text = state.settings.get(name) or ""
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    return value if 1 <= value <= MINUTES_MAX else default


def roles_for(state: People, operation: Operation) -> frozenset[str] | None:
    """The staff roles that may do it without asking; None: the store does not look."""
    listed = state.settings.get(f"permission.{operation}")
    if listed is not None:
        return frozenset(role.strip() for role in listed.split(",") if role.strip())
    return DEFAULTS[operation] if required(state) else None


def session_at(state: People, device_id: str, unix_s: float) -> StaffSession | None:
    """Who is signed in at the device: not whose time is over, nor who has left the staff master since."""
    session = state.staff_sessions.get(device_id)
    if session is None or unix_s >= session.expires_unix_s or state.staff.get(session.staff_id) is None:
        return None
    return session


def role_at(state: People, device: Device, unix_s: float) -> str | None:
    """The staff role that counts at the device. A manager's own device is a manager's while nobody is signed in."""
    session = session_at(state, device.device_id, unix_s)
    if session is not None:
        staff = state.staff.get(session.staff_id)
        return None if staff is None else staff.role
    return MANAGER if device.role == "manager" else None


def may_do(roles: frozenset[str], role: str | None) -> bool:
    return role is not None and (role in roles or EVERYONE in roles)


def find_staff(state: State, staff_id: str | None, code: str | None) -> Staff | None:
    """The member of staff with this id, else with this code. A code that two have is nobody's."""
    if staff_id is not None:
        return state.staff.get(staff_id)
    found = [staff for _, staff in state.staff.items() if code and staff.code == code]
    return found[0] if len(found) == 1 else None
