"""One line a thing: nobody outside writes lines, levels or colours into the log, and a defect quotes nobody."""

from __future__ import annotations

import io
import logging
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.logs import LINE_CHARACTERS_MAX, Line, plain, set_up


def line(record: logging.LogRecord, *, request: str = "", levels: bool = False) -> str:
    return Line(lambda: request, levels=levels).format(record)


def record(message: str, *arguments: object, error: BaseException | None = None) -> logging.LogRecord:
    told = (type(error), error, error.__traceback__) if error is not None else None
    return logging.LogRecord("hub.api", logging.ERROR, "x.py", 1, message, arguments, told)


@settings(max_examples=60)
@given(st.text())
def test_whatever_is_sent_stays_on_one_line(text: str) -> None:
    said = line(record("a %s failed", text))
    assert len(said.splitlines()) == 1
    assert not any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in said)
    assert len(plain(text)) <= LINE_CHARACTERS_MAX + 30


def test_a_forged_line_is_seen_as_what_it_is() -> None:
    said = line(record("no such path %s", "/x\nERROR hub.store: all is lost\x1b[31m\u202e"), levels=True)
    assert said == "<3>ERROR hub.api: no such path /x\\nERROR hub.store: all is lost\\x1b[31m\\u202e"


def test_the_request_stands_in_its_lines() -> None:
    assert line(record("slow"), request="abc-1").endswith("slow [request abc-1]")
    of_its_own = record("failed")
    of_its_own.request = "given"
    assert line(of_its_own).endswith("[request given]")


def test_a_defect_is_told_without_what_people_typed() -> None:
    try:
        try:
            {}["山田太郎 090-1234-5678"]
        except KeyError as error:
            raise ValueError("山田太郎\nis not a number") from error
    except ValueError as error:
        said = line(record("a request failed", error=error))
    assert "山田" not in said
    assert "test_logs.py" in said
    assert said.splitlines()[-1].strip() == "KeyError"
    assert "ValueError" in said


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), sqlite3.OperationalError("disk I/O error")]
)
def test_what_the_machine_says_is_told(error: Exception) -> None:
    assert str(error) in line(record("failed", error=error))


def test_set_up_takes_the_place_of_what_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    out = io.StringIO()
    monkeypatch.setenv("JOURNAL_STREAM", "8:1234")
    try:
        set_up("warning", lambda: "", out)
        logging.getLogger("hub.x").info("not this")
        logging.getLogger("hub.x").warning("this")
        logging.getLogger("httpx").info("nor this")
    finally:
        for handler in root.handlers[:]:
            root.removeHandler(handler)
        for handler in before:
            root.addHandler(handler)
        root.setLevel(level)
    assert out.getvalue() == "<4>WARNING hub.x: this\n"
