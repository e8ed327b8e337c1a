"""Nothing long is begun while the battery of a UPS lasts."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

ANSWER_S_MAX = 10.0


def held_back(control: Path) -> str:
    """Why something long should wait; '' when it need not. The hub that runs is asked: it watches the UPS.

    Without a hub, a UPS or an answer nothing is held back: then nobody knows better.
    """
    from hub.control import ControlError, ask

    async def asked() -> dict[str, object] | None:
        async with asyncio.timeout(ANSWER_S_MAX):
            found: dict[str, object] | None = (await ask(control, "status"))["box"]["ups"]
            return found

    try:
        ups = asyncio.run(asked())
    except (OSError, TimeoutError, ControlError, KeyError):
        return ""
    if ups is None or ups["state"] not in ("battery", "low"):
        return ""
    minutes = "" if ups["minutes_left"] is None else f", for {ups['minutes_left']} more minutes"
    return f"the UPS runs on its battery{minutes}: begun when the power is back"


def if_power(control: Path) -> None:
    """End with status 75, "not now", for which the units' timers try again, while something long has to wait."""
    if reason := held_back(control):
        click.echo(reason, err=True)
        raise SystemExit(os.EX_TEMPFAIL)
