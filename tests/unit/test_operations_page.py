"""The operations reference tells every setting, metric and finding, in both languages, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from hub.api.metrics import render
from hub.app import open_hub
from hub.datadir import DataDir
from hub.settings import Settings
from tests.support.operations_page import PAGES, rendered

METRICS = Path(__file__).parents[2] / "hub/api/metrics.py"
AGAIN = "python -m tests.support.operations_page"
LANGUAGES = pytest.mark.parametrize("language", ["en", "ja"])


def section(language: str, number: int) -> str:
    """The text below the page's second-level heading of that number."""
    return re.split(r"(?m)^## ", PAGES[language].read_text())[number]


@LANGUAGES
def test_every_setting_with_its_default(language: str) -> None:
    told = dict(re.findall(r"(?m)^\| `([a-z_]+)` \|(?: `([^`]*)`)? *\|", section(language, 1)))
    real = {
        field.name: ""
        if field.default in (None, "")
        else str(field.default).replace("True", "true").replace("False", "false")
        for field in msgspec.structs.fields(Settings)
    }
    assert told == real, f"add or remove the row in {PAGES[language].name}"


@LANGUAGES
async def test_every_metric_with_its_type(language: str, tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    assert data.lock()
    async with open_hub(Settings(data=str(data.path)), data, replay=False) as hub:
        said = (await render(hub.box)).decode()
    data.unlock()
    real = set(re.findall(r"(?m)^# TYPE (\S+) (\w+)$", said))
    # Those that only some boxes have are in the source alone.
    for kind, name in re.findall(r'(Counter|Gauge)MetricFamily\(\s*"(storehub_\w+)"', METRICS.read_text()):
        real.add((f"{name}_total" if kind == "Counter" else name, kind.lower()))
    told = re.findall(
        r"(?m)^\| `(storehub_\w+)(?:\{[^`]*\})?` \| (\w+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$",
        section(language, 2),
    )
    assert {(name, kind) for name, kind, *_ in told} == real, (
        f"add or remove the row in {PAGES[language].name}"
    )
    assert all(cell.strip() for line in told for cell in line)


@LANGUAGES
def test_every_finding_notice_and_reason(language: str) -> None:
    page = PAGES[language].read_text()
    assert page == rendered(page, language), f"write it anew: {AGAIN}"


@LANGUAGES
def test_both_pages_have_the_same_parts(language: str) -> None:
    first, other = (re.findall(r"(?m)^## ", PAGES[each].read_text()) for each in ("en", "ja"))
    assert len(first) == len(other)
    commands = [set(re.findall(r"`(storehub [a-z]+)", PAGES[each].read_text())) for each in ("en", "ja")]
    assert commands[0] == commands[1]
