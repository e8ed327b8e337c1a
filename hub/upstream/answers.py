"""The cloud's answers (CONTRACT section 9). Fields we do not know are passed over."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from hub.domain.facts import After


class Position(Struct, frozen=True):
    """A cursor as the cloud writes it. Nothing is believed of it before it is found in our journal."""

    epoch: str
    seq: int
    hash: str

    def as_after(self) -> After:
        return After(self.epoch, self.seq, self.hash)


class Refusal(Struct, frozen=True):
    seq: int
    reason: str = ""


class Totals(Struct, frozen=True):
    entries: int
    sales: int
    total: int
    last_seq: int
    hash: str


class MasterAnswer(Struct, frozen=True):
    """The changes are looked at one by one, so that a bad one does not hold up the others."""

    cursor: str
    changes: list[dict[str, Any]]
    full: bool = False


class Problem(Struct, frozen=True):
    """What we show of an error answer."""

    title: str = ""
    detail: str = ""
    reason: str = ""
    error: Any = UNSET
    slug: str | UnsetType = UNSET
    # With `superseded`: who calls in this box's place.
    box: str = ""

    def words(self) -> str:
        return self.detail or self.reason or self.title or (self.error if isinstance(self.error, str) else "")


class Conflict(Struct, frozen=True):
    """409: what was sent does not continue what the cloud has."""

    at: After
    words: str = ""


class TooLarge(Struct, frozen=True):
    """413: send less."""


class KeptKeys(Struct, frozen=True):
    """Of PUT …/keys. held: how many the cloud has. destroyed: of those sent, the ones it knows to be destroyed."""

    held: int
    destroyed: list[str] = []


class WrappedKey(Struct, frozen=True):
    """wrapped: base64."""

    id: str
    wrapped: str


class KeyPage(Struct, frozen=True):
    keys: list[WrappedKey]
    next: str | None = None
