"""storehub clock …"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hub.cli.common import data_option, json_option, operate

SOURCES = {
    "ntp": "a time server (NTP)",
    "cloud": "the cloud",
    "person": "a person",
    "earlier": "what was known earlier since the machine started",
    "rtc": "the machine's own battery-backed clock",
    "system": "the machine's clock, which nobody has confirmed",
    "journal": "the last entry before the machine started: it is later than that",
    "hint": "a server with a certificate of the cloud's name, not yet proved to be the cloud",
    "none": "nothing",
}


@click.group(invoke_without_command=True)
@data_option
@json_option
@click.pass_context
def clock(context: click.Context, data: Path | None, as_json: bool) -> None:
    """What time the box thinks it is, who says so, and whether that is sure."""
    if context.invoked_subcommand is not None:
        return
    _show(operate(data, "clock"), as_json=as_json)


@clock.command("set")
@data_option
@json_option
@click.argument("time")
def set_(data: Path | None, as_json: bool, time: str) -> None:
    """Say what time it is: "2026-11-21 18:03", by the clock on the store's wall.

    For a box that has neither a time server nor the cloud. What it had recorded with a wrong time is corrected.
    A hub has to be running.
    """
    _show(operate(data, "clock.set", time=time), as_json=as_json)


def _show(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        import json

        click.echo(json.dumps(found))
        return
    sure = "sure" if found["trusted"] else 'NOT SURE: say `storehub clock set "YYYY-MM-DD HH:MM"`'
    click.echo(f"{found['time']}  {sure}")
    click.echo(f"from {SOURCES.get(found['source'], found['source'])}")
    if found["unsure_entries"]:
        click.echo(f"up to {found['unsure_entries']:,} entries are corrected once the right time is known")
