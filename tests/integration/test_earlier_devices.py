"""Devices of an earlier version at the hub of today: their recorded requests have the same effect and answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.conftest import shop_in
from tests.integration.recording import Names, ask, crew

RECORDINGS = sorted((Path(__file__).parent / "earlier").glob("*.json"))
# What is another one each time, and what tells of the machine and the version.
PASSING: Final = {
    "accepted_at", "opened_at", "closed_at", "ordered_at", "served_at", "billed_at", "settled_at", "changed_at",
    "paired_at", "last_seen_at", "started_at", "since", "time", "at", "version", "epoch", "acked_epoch", "mac",
    "free_bytes", "journal_bytes", "days_left", "box", "id", "hub_id", "fp", "order_id", "line_id", "event_id",
    "seq", "last_seq", "master_version", "trusted", "source", "sale_id", "hour",
}  # fmt: skip


def missing(then: Any, now: Any, path: str = "") -> Iterator[str]:
    """What was answered then and is not answered so today. More than then is no harm."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key, value in then.items():
            if key not in now:
                yield f"{path}.{key} is gone"
            elif key not in PASSING or isinstance(value, (dict, list)):
                yield from missing(value, now[key], f"{path}.{key}")
    elif isinstance(then, list) and isinstance(now, list):
        if len(then) != len(now):
            yield f"{path} has {len(now)} items, and had {len(then)}"
        for place, (a, b) in enumerate(zip(then, now, strict=False)):
            yield from missing(a, b, f"{path}[{place}]")
    elif _plain(then) != _plain(now):
        yield f"{path} is {now!r}, and was {then!r}"


def _plain(value: Any) -> Any:
    """Words for people may be put better; times and ids inside are another's each time.

    A business day ends after midnight: the date of a time may be that of the day, or the one behind it.
    """
    if isinstance(value, str):
        return re.sub(r"(\d{4}-\d\d-\d\d|\{today\})T[\d:.]+(Z|[+-][\d:]+)", "<time>", value)
    return value


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
async def test_what_worked_then_works_now(recording: Path, tmp_path: Path) -> None:
    names, problems = Names(), []
    async with shop_in(tmp_path / "data") as shop:
        devices = await crew(shop, names)
        for number, step in enumerate(json.loads(recording.read_text(encoding="utf-8"))):
            status, answer = await ask(devices[step["who"]], step, names)
            about = f"{number}: {step['method']} {step['path']}"
            if status != step["status"]:
                problems.append(f"{about}: {status}, and was {step['status']}: {answer}")
                continue
            then = step["answer"]
            if status >= 400:
                # A refusal keeps its slug; its sentence may become clearer.
                then = {"slug": then["slug"], "status": then["status"]}
            problems += [f"{about}: {text}" for text in missing(then, answer)]
    assert not problems, "\n".join(problems)


def test_there_is_a_recording() -> None:
    assert RECORDINGS
