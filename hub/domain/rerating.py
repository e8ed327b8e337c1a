"""The tax rates of a check's lines, changed after they were ordered: the guest now eats elsewhere than was said."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from hub.domain.check import Check, Line, Sums, add_lines


def rerated(check: Check, rates: Mapping[str, str | None]) -> tuple[tuple[Line, ...], Sums]:
    """The check's lines and sums with these rates, by line id. A line that has gone since is passed over."""
    before = [line for line in check.lines if line.line_id in rates]
    after = {line.line_id: replace(line, tax_rate=rates[line.line_id]) for line in before}
    lines = tuple(after.get(line.line_id, line) for line in check.lines)
    return lines, add_lines(add_lines(check.sums, before, -1), after.values())
