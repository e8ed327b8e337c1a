"""storehub mirror prepare."""

from __future__ import annotations

from pathlib import Path

import click

from hub.cli.common import data_option, folder_of, settings_of
from hub.datadir import DataDirError


@click.group()
def mirror() -> None:
    """The copy of the journal on a second medium."""


@mirror.command()
@data_option
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def prepare(data: Path | None, folder: Path) -> None:
    """Make a folder on a second medium this store's, and show the recovery key.

    Then set mirror_dir to it and restart the service. The store's secrets lie there sealed with the recovery key: write
    it down and keep it away from the box. Safe to run twice.

    \b
      storehub mirror prepare /media/usb/storehub
    """
    from hub.mirror.medium import FORMAT, Mark, MediumError
    from hub.mirror.medium import prepare as prepare_medium

    home = folder_of(data)
    try:
        known = home.known_identity()
        if known is None:
            raise click.ClickException(f"there is no hub in {home.path}: start it once")
        settings = settings_of({"data": str(data) if data else None}).with_store(home.store_settings())
        prepare_medium(folder, Mark(FORMAT, known.hub_id, settings.store_id))
        key = home.recovery_key(make=True)
    except (MediumError, DataDirError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{folder}: ready for hub {known.hub_id}")
    click.echo(f"recovery key: {key}")
    click.echo(
        "Write it down: without it a new box starts with this copy's records, but every device pairs again."
    )
