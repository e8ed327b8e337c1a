"""storehub sync …"""

from __future__ import annotations

from pathlib import Path

import click

from hub.cli.common import data_option, operate


@click.group()
def sync() -> None:
    """Stop the replay to the cloud, let it go on, send refused entries again."""


@sync.command()
@data_option
def pause(data: Path | None) -> None:
    """Call the cloud no more, over restarts too, until `resume`. The store goes on as always."""
    operate(data, "sync.pause")
    click.echo("paused: nothing is sent to the cloud until `storehub sync resume`")


@sync.command()
@data_option
def resume(data: Path | None) -> None:
    """Let the replay go on."""
    operate(data, "sync.resume")
    click.echo("resumed")


@sync.command()
@data_option
@click.argument("seq", type=click.IntRange(1), required=False)
def retry(data: Path | None, seq: int | None) -> None:
    """Try the cloud at once, and send the refused entry SEQ again, or all of them. Needs a hub that runs."""
    operate(data, "sync.retry", seq=seq)
    click.echo(f"entry {seq} is sent again" if seq else "trying now")
