"""storehub replace."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click
import msgspec

from hub.cli.common import data_option, folder_of, json_option


@click.command()
@data_option
@json_option
@click.option("--backup", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A backup file.")
@click.option(
    "--mirror", type=click.Path(exists=True, file_okay=False, path_type=Path), help="A mirror's folder."
)
@click.option(
    "--recovery-key", help="Opens the secrets on the mirror, as shown by `storehub mirror prepare`."
)
@click.option(
    "--cloud", "cloud_url", metavar="URL", help="The cloud, for what it has beyond the others, or all."
)
@click.option("--cloud-token", metavar="T", help="A new token of this hub (storehub-cloud hub add).")
@click.option("--hub-id", help="With the cloud alone: the hub's id there.")
def replace(
    data: Path | None,
    as_json: bool,
    backup: Path | None,
    mirror: Path | None,
    recovery_key: str | None,
    cloud_url: str | None,
    cloud_token: str | None,
    hub_id: str | None,
) -> None:
    """Fill an empty data directory so that this box takes a dead one's place.

    Unplug the dead box first. Give all the sources there are: each goes on where the one before it ends, in the order
    backup, mirror, cloud. Everything is read back and its chain checked. The next start begins a new epoch and a new
    series of receipt numbers.

    \b
      storehub replace --mirror /media/usb/storehub --recovery-key ABCD-… --data /var/lib/storehub
      storehub replace --backup b.tar --cloud https://cloud.example --cloud-token shc_…
    """
    from hub.cli.archive import ArchiveError
    from hub.cli.journal_file import JournalDamaged
    from hub.cli.replacing import Cloud, ReplaceError, replace_box
    from hub.datadir import DataDirError
    from hub.mirror.medium import MediumError
    from hub.mirror.secrets import SealBroken
    from hub.ports import StoreError

    if cloud_url is not None and cloud_token is None:
        raise click.UsageError("--cloud needs --cloud-token")
    folder = folder_of(data)
    try:
        if cloud_url is not None and hub_id is None and backup is None and mirror is None:
            raise click.UsageError("with the cloud alone, --hub-id says which hub this is")
        cloud = None if cloud_url is None else Cloud(cloud_url.rstrip("/"), cloud_token or "", hub_id or "")
        made = asyncio.run(
            replace_box(folder, backup=backup, mirror=mirror, recovery_key=recovery_key, cloud=cloud)
        )
    except (
        ReplaceError, ArchiveError, MediumError, SealBroken, StoreError, JournalDamaged, DataDirError, OSError,
    ) as error:  # fmt: skip
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps({"data": str(folder.path), **msgspec.to_builtins(made)}))
        return
    click.echo(
        f"{folder.path}: hub {made.hub_id}, {made.entries:,} entries, chain whole, head {made.head[:16]}…"
    )
    for source in made.sources:
        click.echo(f"  from {source}")
    for lacking in made.missing:
        click.echo(f"  MISSING: {lacking}")
    click.echo("Next: storehub verify, then start the hub.")
