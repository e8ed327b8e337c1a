"""storehub bundle."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from hub.cli.common import data_option, folder_of, json_option, settings_of
from hub.cli.showing import size


@click.command()
@data_option
@json_option
@click.argument("target", metavar="[FILE|DIR]", default=".", type=click.Path(path_type=Path))
@click.option(
    "--wait", "wait_s", type=click.FloatRange(0.5, 30), default=2.0, help="Seconds to listen on the network."
)
def bundle(data: Path | None, as_json: bool, target: Path, wait_s: float) -> None:
    """Pack what support needs to see what is wrong into one .tar.gz: the doctor's findings, settings, log, metrics.

    Without tokens, PINs, keys, customers, orders and amounts; look into it before you send it. Works while the hub runs
    and while it does not, also when the journal is damaged. Never replaces a file.

    \b
      storehub bundle /tmp
      tar -tzf /tmp/storehub-bundle-*.tar.gz
    """
    from hub.doctor.bundle import write_bundle

    settings, folder = settings_of({"data": str(data) if data else None}), folder_of(data)
    if target.is_dir():
        target = target / f"storehub-bundle-{datetime.now(UTC).strftime('%Y%m%d-%H%M%S')}.tar.gz"
    try:
        sizes = write_bundle(settings, folder, target, wait_s=wait_s)
    except OSError as error:
        raise click.ClickException(f"{target}: {error.strerror or error}") from error
    if as_json:
        click.echo(json.dumps({"file": str(target), "bytes": target.stat().st_size, "members": sizes}))
    else:
        click.echo(f"{target}: {size(target.stat().st_size)}, {', '.join(sizes)}")
