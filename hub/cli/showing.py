"""Tables and bars for people. rich is loaded only where one is shown; colour is for terminals, without NO_COLOR."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_UNSEEN = 160


def console() -> Console:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else WIDTH_UNSEEN, highlight=False)


@contextmanager
def bar(title: str, *, show: bool = True) -> Iterator[Callable[[str, int, int | None], None]]:
    """A progress bar on standard error: call it with what is done, how far, of how much. Nothing off a terminal."""
    if not show or not sys.stderr.isatty():
        yield lambda what, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(title, total=None)
        yield lambda what, done, total: shown.update(task, description=what, completed=done, total=total)


def size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def ago(time: str | None, now: datetime | None = None) -> str:
    """'2026-04-01T12:00:00+09:00' -> '3 min ago'; '-' for none."""
    if not time:
        return "-"
    try:
        then = datetime.fromisoformat(time)
    except ValueError:
        return time
    seconds = ((now or datetime.now(UTC)) - then).total_seconds()
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if abs(seconds) < limit:
            return f"{seconds / unit:.0f} {name} ago"
    return f"{seconds / 86_400:.0f} days ago"


def amount(value: int | None, currency: str) -> str:
    if value is None:
        return "-"
    if currency in ("JPY", "KRW"):
        return f"{value:,} {currency}"
    sign = "-" if value < 0 else ""
    return f"{sign}{abs(value) // 100:,}.{abs(value) % 100:02} {currency}"
