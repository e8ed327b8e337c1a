"""What one bad client makes the log say: a line a minute, however long it goes on."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from hub.api import server
from hub.api.server import RareWarnings


def record(message: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord("uvicorn.error", logging.WARNING, "", 0, message, args, None)


def test_a_message_comes_once_a_minute_with_the_number_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(server, "time", SimpleNamespace(monotonic=lambda: now[0]))
    rare = RareWarnings(every_s=60.0)
    said = []
    for second in range(300):
        now[0] = float(second)
        for _ in range(10):
            invalid = record("Invalid HTTP request received.")
            if rare.filter(invalid):
                said.append((second, invalid.getMessage()))
    more = "Invalid HTTP request received. (and {} more like it)".format
    assert said == [(0, "Invalid HTTP request received."), *((at, more(599)) for at in (60, 120, 180, 240))]


def test_another_message_is_not_held_back_by_it() -> None:
    rare = RareWarnings()
    first, other = record("ASGI %s", "one"), record("Unsupported upgrade request.")
    assert rare.filter(first)
    assert rare.filter(other)
    assert first.getMessage() == "ASGI one"
    assert not rare.filter(record("ASGI %s", "two"))


def test_messages_without_number_take_no_memory_without_end() -> None:
    rare = RareWarnings()
    for number in range(10_000):
        assert rare.filter(record(f"message {number}"))
    assert len(rare._said) <= 257
