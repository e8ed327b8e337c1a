"""What the hub logs: one line a thing, for journald, with the request it belongs to and nothing that people typed.

Control characters are written as escapes: whoever sends a line break in a header or a path writes no line of their own,
and no colours into the technician's terminal. Of an error that is a defect the log has the type and the place, not
its message, which may quote a request.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Final, TextIO

LINE_CHARACTERS_MAX: Final = 2_000
# Everything that moves a cursor or begins a line: C0, DEL, C1, and Unicode's own line and direction marks.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
# Their messages are of the system's making: they name a file, an address or what the disk said.
_TOLD: Final = (OSError, sqlite3.Error)
# sd-daemon(3): journald takes the level from the line.
_LEVELS: Final = {
    logging.DEBUG: 7,
    logging.INFO: 6,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}


class Line(logging.Formatter):
    """of_request: the id of the request at work, or ""."""

    def __init__(self, of_request: Callable[[], str], *, levels: bool) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")
        self._of_request = of_request
        self._levels = levels

    def format(self, record: logging.LogRecord) -> str:
        request = getattr(record, "request", "") or self._of_request()
        words = f"{record.levelname} {record.name}: {record.getMessage()}"
        if request:
            words += f" [request {request}]"
        lines = [plain(words)]
        if record.exc_info and record.exc_info[1] is not None:
            lines += [f"  {plain(line)}" for line in _told(record.exc_info[1], record.exc_info[2])]
        level = f"<{_LEVELS.get(record.levelno, 6)}>" if self._levels else ""
        return "\n".join(f"{level}{line}" for line in lines)


def plain(text: str) -> str:
    """The text on one line, as long as a line may be."""
    text = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
    return (
        text
        if len(text) <= LINE_CHARACTERS_MAX
        else f"{text[:LINE_CHARACTERS_MAX]}… ({len(text)} characters)"
    )


def _told(error: BaseException, trace: TracebackType | None) -> list[str]:
    """Where it happened, innermost last, and what it was; then the same of what it came from."""
    lines = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]
    name = type(error).__qualname__
    lines.append(f"{name}: {error}" if isinstance(error, _TOLD) else name)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        lines += ["because of", *_told(cause, cause.__traceback__)]
    return lines[-40:]


def set_up(level: str, of_request: Callable[[], str], stream: TextIO | None = None) -> None:
    """Log like this from now on."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Line(of_request, levels="JOURNAL_STREAM" in os.environ))
    root = logging.getLogger()
    for before in root.handlers[:]:
        root.removeHandler(before)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for noisy in ("httpx", "httpcore", "hpack", "asyncio", "aiosqlite"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
