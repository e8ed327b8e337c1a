"""What the doctor says, in the language of the terminal: doctor_texts.toml."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from hub.cli.checkup import Finding


@cache
def texts() -> dict[str, Any]:
    return tomllib.loads(files("hub.cli").joinpath("doctor_texts.toml").read_text(encoding="utf-8"))


def title(finding: Finding, language: str) -> str:
    return str(texts()[finding.check][language])


def detail(finding: Finding, language: str) -> str:
    return str(texts()[finding.check][finding.what][language]).format(**finding.words).strip()


def advice(finding: Finding, language: str) -> str:
    """What to do; empty when nothing has to be."""
    if finding.state == "ok":
        return ""
    return str(texts()[finding.check][finding.what].get(f"{language}_do", "")).format(**finding.words)
