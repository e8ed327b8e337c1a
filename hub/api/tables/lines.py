"""Lines on a check: quantities, courses, what was served by mistake; and options that run out."""

from __future__ import annotations

from typing import Final

from hub.api.tables.write import Write
from hub.domain import commands_lines, facts_lines

_LINES: Final = {"lines": [{"line_id": "l-1", "quantity": 1}]}

WRITES: Final[tuple[Write, ...]] = (
    Write(
        "POST", "/v1/checks/{id}/quantity", commands_lines.ChangeQuantity, facts_lines.LinesChanged, ("check",),
        "Change how many of a line there are", match="honoured", refusals=("check-closed", "sold-out"),
        example={"lines": [{"line_id": "l-1", "quantity": 3}], "reason": "one more guest"},
    ),
    Write(
        "POST", "/v1/checks/{id}/fire", commands_lines.FireLines, facts_lines.LinesFired, ("serve",),
        "Let the kitchen begin with a course or lines", refusals=("check-closed", "conflict"),
        example={"course": "main"},
    ),
    Write(
        "POST", "/v1/checks/{id}/hold", commands_lines.HoldLines, facts_lines.LinesHeld, ("serve",),
        "Let the kitchen wait with a course or lines", refusals=("check-closed", "conflict"),
        example={"lines": [{"line_id": "l-1"}]},
    ),
    Write(
        "POST", "/v1/checks/{id}/recall", commands_lines.RecallLines, facts_lines.LinesRecalled, ("serve",),
        "Take a serve back", refusals=("check-closed",), example=_LINES,
    ),
    Write(
        "PATCH", "/v1/option-groups/{id}", commands_lines.ChangeOption, facts_lines.OptionChanged, ("product",),
        "An option is sold out, or so many portions are left", example={"option_id": "o-2", "remaining": 12},
    ),
)  # fmt: skip
