"""storehub doctor."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import click

from hub.cli.common import data_option, folder_of, json_option, settings_of
from hub.cli.showing import console

MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}
# Beside CONTRACT's 0 for success and 1 for failure: something to look at, nothing broken.
EXIT_WARNINGS = 3


@click.command()
@data_option
@json_option
@click.option("--lang", type=click.Choice(["en", "ja"]), help="[default: from LANG]")
@click.option(
    "--wait", "wait_s", type=click.FloatRange(0.5, 30), default=3.0, help="Seconds to listen for mDNS."
)
def doctor(data: Path | None, as_json: bool, lang: str | None, wait_s: float) -> None:
    """Look at everything that a store's box needs, and say what to do where something is wrong.

    Exit status 0: all is well. 1: something is broken. 3: nothing is broken, but look at the warnings.
    Changes nothing, and may be run at any time.
    """
    from hub.cli.checkup import examine
    from hub.cli.doctor_texts import advice, detail, title

    settings = settings_of({"data": str(data) if data else None})
    language = lang or language_of(os.environ)
    findings = examine(settings, folder_of(data), wait_s=wait_s)
    rows = [
        {
            "check": finding.check,
            "state": finding.state,
            "title": title(finding, language),
            "detail": detail(finding, language),
            "advice": advice(finding, language),
        }
        for finding in findings
    ]
    worst = max((("ok", "warn", "fail").index(finding.state) for finding in findings), default=0)
    if as_json:
        click.echo(json.dumps({"state": ("ok", "warn", "fail")[worst], "checks": rows}, ensure_ascii=False))
    else:
        from rich.markup import escape

        out = console()
        for row in rows:
            mark, colour = MARKS[row["state"]]
            out.print(f"[{colour}]{mark}[/] [bold]{row['title']}[/]  {escape(row['detail'])}", soft_wrap=True)
            if row["advice"]:
                out.print(f"    → {escape(row['advice'])}", soft_wrap=True)
    if worst:
        raise SystemExit((0, EXIT_WARNINGS, 1)[worst])


def language_of(environment: Mapping[str, str]) -> str:
    """'ja' when the terminal's language is Japanese, as setlocale(3) looks for it."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environment.get(name):
            return "ja" if environment[name].startswith("ja") else "en"
    return "en"
