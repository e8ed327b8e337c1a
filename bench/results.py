"""Rows of the table: what was measured, beside its target, as a ratio where the issue states one."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One line. ``value`` is judged against ``at_least`` or ``at_most``; with neither it is only stated."""

    section: str
    what: str
    value: float
    unit: str
    detail: str = ""
    at_least: float | None = None
    at_most: float | None = None
    rounds: list[float] = field(default_factory=list)

    @property
    def passed(self) -> bool | None:
        if self.at_least is not None:
            return self.value >= self.at_least
        if self.at_most is not None:
            return self.value <= self.at_most
        return None

    @property
    def target(self) -> str:
        if self.at_least is not None:
            return f"≥ {self.at_least:g}{self.unit}"
        if self.at_most is not None:
            return f"≤ {self.at_most:g}{self.unit}"
        return "stated"


def median(values: list[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def ratios(these: list[float], those: list[float]) -> list[float]:
    """The ratio of each round."""
    return [one / other for one, other in zip(these, those, strict=True)]


def p(values: list[float], share: float) -> float:
    """The value that ``share`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def number(value: float) -> str:
    """Three significant figures, or whole when large."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def table(rows: list[Row], title: str) -> Table:
    """For a terminal or a page."""
    from rich.table import Table

    grid = Table(title=title, title_justify="left")
    for heading, justify in (
        ("what", "left"),
        ("measured", "right"),
        ("target", "right"),
        ("", "center"),
        ("each round", "left"),
        ("how it comes about", "left"),
    ):
        grid.add_column(heading, justify=justify)  # type: ignore[arg-type]
    section = ""
    for row in rows:
        if row.section != section:
            if section:
                grid.add_section()
            section = row.section
        mark = {True: "[green]✓[/]", False: "[red]✗[/]", None: ""}[row.passed]
        spread = " ".join(number(v) for v in row.rounds)
        grid.add_row(row.what, f"{number(row.value)}{row.unit}", row.target, mark, spread, row.detail)
    return grid


def write_json(rows: list[Row], facts: dict[str, object], path: Path) -> None:
    """The same for programs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = [{**asdict(row), "passed": row.passed} for row in rows]
    path.write_text(json.dumps({**facts, "rows": listed}, ensure_ascii=False, indent=1) + "\n")
