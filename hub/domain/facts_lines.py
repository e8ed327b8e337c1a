"""Facts about lines that are on a check, and about options."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from hub.domain.fact import Fact, OfCheck


class _OfLines(OfCheck, frozen=True, omit_defaults=True, kw_only=True):
    """How the check stands after it."""

    check_version: int
    check_total: int


class ChangedLine(Struct, frozen=True):
    """was, quantity: before and after; the kitchen prints the difference. amount: what the line comes to now."""

    line_id: str
    product_id: str
    name: str
    was: int
    quantity: int
    amount: int


class LinesChanged(_OfLines, frozen=True, omit_defaults=True, kw_only=True):
    """The children of a set stand beside it."""

    TYPE: ClassVar[str] = "lines.changed"
    check_no: int
    lines: tuple[ChangedLine, ...]
    reason: str = ""


class KitchenLine(Struct, frozen=True, omit_defaults=True):
    line_id: str
    product_id: str
    name: str
    quantity: int
    course: str = ""


class LinesFired(_OfLines, frozen=True, omit_defaults=True, kw_only=True):
    """The kitchen begins with these lines, which were held."""

    TYPE: ClassVar[str] = "lines.fired"
    check_no: int
    lines: tuple[KitchenLine, ...]


class LinesHeld(_OfLines, frozen=True, omit_defaults=True, kw_only=True):
    """The kitchen waits with these lines."""

    TYPE: ClassVar[str] = "lines.held"
    check_no: int
    lines: tuple[KitchenLine, ...]


class RecalledLine(Struct, frozen=True):
    line_id: str
    quantity: int


class LinesRecalled(_OfLines, frozen=True, omit_defaults=True, kw_only=True):
    """These portions are not served after all."""

    TYPE: ClassVar[str] = "lines.recalled"
    lines: tuple[RecalledLine, ...]


class OptionChanged(Fact, frozen=True, omit_defaults=True, kw_only=True):
    """Only what changed is there; remaining_counted False: no longer counted."""

    TYPE: ClassVar[str] = "option.changed"
    group_id: str
    option_id: str
    availability: Literal["orderable", "sold_out"] | None = None
    remaining: int | None = None
    remaining_counted: bool = True
    menu_version: int = 0

    def subject(self) -> str:
        return f"options/{self.group_id}/{self.option_id}"


LINE_FACTS = (LinesChanged, LinesFired, LinesHeld, LinesRecalled, OptionChanged)
