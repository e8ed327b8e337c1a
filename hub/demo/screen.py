"""What the demo shows: bars with live counts on a terminal, plain lines a few seconds apart anywhere else."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

LINE_EVERY_S: Final = 5.0
MARKS: Final = {"good": ("✓", "green"), "bad": ("✗", "red"), "break": ("▼", "yellow"), "note": ("·", "dim")}


class Counts(Protocol):
    """What is shown, as it is now."""

    tickets: int
    tickets_all: int
    entries: int
    acked: int
    seen: int
    line: str
    hub: str
    retried: int


class Screen:
    """Use as a context manager around the time in which counts move."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._began = time.monotonic()
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._next_line = 0.0

    def say(self, text: str, mark: str = "good") -> None:
        """A line that stays."""
        sign, style = MARKS[mark]
        self.console.print(f"  [{style}]{sign}[/] {text}", highlight=False, soft_wrap=True)

    def happened(self, text: str, mark: str) -> None:
        """A line that stays, with the moment at which it happened."""
        sign, style = MARKS[mark]
        self.console.print(
            f"  [{style}]{sign}[/] [dim]{time.monotonic() - self._began:5.1f} s[/]  {text}",
            highlight=False,
            soft_wrap=True,
        )

    def __enter__(self) -> Screen:
        self._began = time.monotonic()
        if self.console.is_terminal:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            self._bars = Progress(
                TextColumn("  {task.description:<22}"),
                BarColumn(bar_width=36),
                MofNCompleteColumn(),
                TextColumn("[dim]{task.fields[note]}"),
                console=self.console,
                transient=True,
            )
            for name in ("tickets served", "entries at the cloud", "kitchen display"):
                self._tasks[name] = self._bars.add_task(name, total=None, note="")
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def show(self, counts: Counts) -> None:
        behind = counts.entries - counts.acked
        if self._bars is not None:
            tasks, bars = self._tasks, self._bars
            bars.update(
                tasks["tickets served"],
                completed=counts.tickets,
                total=counts.tickets_all,
                note=f"hub {counts.hub}" + (f", {counts.retried} sent again" if counts.retried else ""),
            )
            note = f"WAN {counts.line}" + (f", {behind:,} waiting" if behind > 0 else "")
            bars.update(
                tasks["entries at the cloud"], completed=counts.acked, total=counts.entries, note=note
            )
            bars.update(
                tasks["kitchen display"], completed=counts.seen, total=counts.entries, note="live feed"
            )
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_EVERY_S
            self.happened(
                f"{counts.tickets:,} of {counts.tickets_all:,} tickets, {counts.acked:,} of {counts.entries:,} entries"
                f" at the cloud, WAN {counts.line}, hub {counts.hub}",
                "note",
            )


def console_of(*, stderr: bool = False) -> Any:
    """A console that colours on a terminal only and never for those who set NO_COLOR."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    # In a log file lines may be as long as they like.
    return Console(stderr=stderr, width=None if stream.isatty() else 160, highlight=False)


def money(amount: int, currency: str) -> str:
    if currency == "JPY":
        return f"¥{amount:,}"
    sign = "-" if amount < 0 else ""
    return (
        f"{sign}{'$' if currency == 'USD' else currency + ' '}{abs(amount) // 100:,}.{abs(amount) % 100:02}"
    )
