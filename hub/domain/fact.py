"""What every fact has: a type, a subject, and JSON data in the field names of the answers."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct


class Fact(Struct, frozen=True, omit_defaults=True, gc=False):
    """Base of all facts. TYPE is `<noun>.<past verb>`; subject() names the thing that the fact is about."""

    TYPE: ClassVar[str]

    def subject(self) -> str:
        raise NotImplementedError

    def entry_type(self) -> str:
        return f"storehub.{self.TYPE}.v1"


class OfCheck(Fact, frozen=True, omit_defaults=True, kw_only=True):
    """A fact about one check."""

    check_id: str

    def subject(self) -> str:
        return f"checks/{self.check_id}"
