"""What doctor and drill say, in English and Japanese: texts.toml and drill.toml."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from hub.doctor.findings import Finding


@cache
def texts(book: str = "texts") -> dict[str, Any]:
    return tomllib.loads(files("hub.doctor").joinpath(f"{book}.toml").read_text(encoding="utf-8"))


def title(finding: Finding, language: str, book: str = "texts") -> str:
    return str(texts(book)[finding.check][language])


def detail(finding: Finding, language: str, book: str = "texts") -> str:
    return str(texts(book)[finding.check][finding.what][language]).format(**finding.words).strip()


def advice(finding: Finding, language: str, book: str = "texts") -> str:
    """What to do; empty when nothing has to be."""
    if finding.state == "ok":
        return ""
    return str(texts(book)[finding.check][finding.what].get(f"{language}_do", "")).format(**finding.words)


def rows(findings: list[Finding], language: str, book: str = "texts") -> list[dict[str, str]]:
    """The findings as `storehub doctor --json` and GET /v1/doctor give them."""
    return [
        {
            "id": finding.id,
            "check": finding.check,
            "state": finding.state,
            "title": title(finding, language, book),
            "detail": detail(finding, language, book),
            "advice": advice(finding, language, book),
        }
        for finding in findings
    ]
