"""storehub drill."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hub.cli.common import data_option, folder_of, json_option, settings_of
from hub.cli.doctor import EXITS, language_of, language_option, show_rows

if TYPE_CHECKING:
    from hub.datadir import DataDir
    from hub.doctor.drills import Kind
    from hub.doctor.findings import Finding


@click.group()
def drill() -> None:
    """Rehearse what goes wrong before it does: the internet line, the box itself.

    Exit status 0: the store would have gone on. 3: it would, but look at the warnings. 1: it would not.
    The line once a month, the box once a quarter; `storehub doctor` says when it is time.
    """


@drill.command()
@data_option
@json_option
@language_option
@click.option("--seconds", type=click.FloatRange(1, 900), default=60.0, show_default=True, help="How long.")
@click.option(
    "--drain", "drain_s", type=click.FloatRange(1, 3600), default=120.0, help="Wait so long for the backlog."
)
def wan(data: Path | None, as_json: bool, lang: str | None, seconds: float, drain_s: float) -> None:
    """Send nothing to the cloud for a while, as if the line were cut, and report what that came to.

    The store goes on selling meanwhile; payments that need the cloud are refused, as they would be. The hub itself ends
    it after the time, also when this command is stopped. Best in a quiet hour, and once in a busy one.

    \b
      storehub drill wan --seconds 300
    """
    from hub.control import ControlError
    from hub.doctor.drill_wan import rehearse_wan
    from hub.doctor.drills import DrillRefused, alone

    folder = folder_of(data)
    try:
        with alone(folder), _telling(as_json) as told:
            found = asyncio.run(rehearse_wan(folder, seconds=seconds, drain_s=drain_s, told=told))
    except (DrillRefused, ControlError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"no hub runs in {folder.path}, so there is no line to cut") from error
    _report(folder, "wan", found, as_json, lang)


@drill.command()
@data_option
@json_option
@language_option
@click.option(
    "--from", "backup", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Of this backup."
)
@click.option(
    "--mirror",
    is_flag=True,
    help="Of the copy on the second medium (mirror_dir); what --from lacks, if both are given.",
)
@click.option(
    "--recovery-key",
    metavar="KEY",
    help="With --mirror: the key from paper, to see that it is the right one.",
)
@click.option(
    "--room", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Where the copy may lie."
)
def box(
    data: Path | None,
    as_json: bool,
    lang: str | None,
    backup: Path | None,
    mirror: bool,
    recovery_key: str | None,
    room: Path | None,
) -> None:
    """Restore a copy of this store into an empty directory, check it, serve and sell there, throw it away.

    Without --from and --mirror a backup is made first. It says what the copy lacks of this store, so what would have
    been lost, and how long it took from an empty box to the first sale. The rehearsed hub listens on the loopback, is
    not announced and knows no cloud; the store's own journal is only read. Needs room for twice the journal: --room,
    else the temporary folder.

    \b
      storehub drill box --from /media/usb/storehub-hub-1f3a-20260401-050000.tar
      storehub drill box --mirror --recovery-key ABCD-…
    """
    from hub.doctor.drill_box import rehearse_box
    from hub.doctor.drill_copy import Copy
    from hub.doctor.drills import DrillRefused, alone

    settings, folder = settings_of({"data": str(data) if data else None}), folder_of(data)
    if mirror and settings.mirror_dir is None:
        raise click.ClickException("this box has no second medium: set mirror_dir (docs/second-copy.md)")
    if recovery_key is not None and not mirror:
        raise click.ClickException("a recovery key opens the secrets of a mirror: give --mirror too")
    medium = Path(settings.mirror_dir) if mirror and settings.mirror_dir is not None else None
    copy = Copy(backup, medium, recovery_key)
    try:
        with alone(folder), _telling(as_json) as told:
            found = rehearse_box(settings, folder, copy=copy, room=room, told=told)
    except (DrillRefused, OSError) as error:
        raise click.ClickException(str(error)) from error
    _report(folder, "box", found, as_json, lang)


@contextmanager
def _telling(as_json: bool) -> Iterator[Callable[[str], None]]:
    """One line that changes, on a terminal."""
    if as_json or not sys.stderr.isatty():
        yield lambda text: None
        return
    from rich.console import Console

    with Console(stderr=True).status("drill") as status:
        yield lambda text: status.update(text)


def _report(folder: DataDir, kind: Kind, found: list[Finding], as_json: bool, lang: str | None) -> None:
    from hub.doctor.drills import remember
    from hub.doctor.findings import worst
    from hub.doctor.texts import rows

    state = worst(found)
    try:
        remember(folder, kind, state)
    except OSError as error:
        click.echo(f"not noted: {error}", err=True)
    told = rows(found, lang or language_of(os.environ), "drill")
    if as_json:
        named = [{**row, "words": one.words} for row, one in zip(told, found, strict=True)]
        click.echo(json.dumps({"drill": kind, "state": state, "steps": named}, ensure_ascii=False))
    else:
        show_rows(told)
    if EXITS[state]:
        raise SystemExit(EXITS[state])
