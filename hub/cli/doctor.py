"""storehub doctor."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import click

from hub.cli.common import data_option, folder_of, json_option, settings_of
from hub.cli.showing import console

MARKS = {"ok": ("✓", "green"), "skip": ("-", "dim"), "warn": ("!", "yellow"), "fail": ("✗", "red")}
# Beside CONTRACT's 0 for success and 1 for failure: something to look at, nothing broken.
EXITS = {"ok": 0, "warn": 3, "fail": 1}


def language_option(command: click.decorators.FC) -> click.decorators.FC:
    return click.option("--lang", type=click.Choice(["en", "ja"]), help="[default: from LANG]")(command)


@click.command()
@data_option
@json_option
@language_option
@click.option(
    "--wait", "wait_s", type=click.FloatRange(0.5, 30), default=3.0, help="Seconds to listen on the network."
)
def doctor(data: Path | None, as_json: bool, lang: str | None, wait_s: float) -> None:
    """Look at everything that a store's box needs, and say what to do where something is wrong.

    Exit status 0: all is well. 1: something is broken. 3: nothing is broken, but look at the warnings.
    Leaves everything as it is, and may be run at any time.
    """
    from hub.doctor.examine import examine
    from hub.doctor.findings import worst
    from hub.doctor.texts import rows

    settings = settings_of({"data": str(data) if data else None})
    findings = examine(settings, folder_of(data), wait_s=wait_s)
    state = worst(findings)
    told = rows(findings, lang or language_of(os.environ))
    if as_json:
        click.echo(json.dumps({"state": state, "checks": told}, ensure_ascii=False))
    else:
        show_rows(told)
    if EXITS[state]:
        raise SystemExit(EXITS[state])


def show_rows(told: list[dict[str, str]]) -> None:
    """A line for each finding, and below it what to do."""
    from rich.markup import escape

    out = console()
    for row in told:
        mark, colour = MARKS[row["state"]]
        out.print(f"[{colour}]{mark}[/] [bold]{row['title']}[/]  {escape(row['detail'])}", soft_wrap=True)
        if row["advice"]:
            out.print(f"    → {escape(row['advice'])}", soft_wrap=True)


def language_of(environment: Mapping[str, str]) -> str:
    """'ja' when the terminal's language is Japanese, as setlocale(3) looks for it."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environment.get(name):
            return "ja" if environment[name].startswith("ja") else "en"
    return "en"
