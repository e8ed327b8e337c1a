"""storehub backup and storehub restore."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from hub.cli.common import data_option, folder_of, json_option, reading
from hub.cli.showing import bar, size


@click.command()
@data_option
@json_option
@click.argument("target", metavar="FILE|DIR", type=click.Path(path_type=Path))
def backup(data: Path | None, as_json: bool, target: Path) -> None:
    """Copy everything that this store's hub is into one file: journal, identity, certificate authority.

    The copy is of one moment, while the hub goes on. In a directory the file gets a name with hub and time. An existing
    file is never replaced. Keep it like a key: whoever has it can be this store's hub.

    \b
      storehub backup /media/usb
      storehub backup before-update.tar
    """
    from hub.cli.archive import ArchiveError, name_for, write_backup
    from hub.datadir import DataDirError

    folder = folder_of(data)
    try:
        identity = folder.known_identity()
        if target.is_dir() and identity is not None:
            target = target / name_for(identity.hub_id, datetime.now(UTC))
        with reading(data) as journal, bar("backup", show=not as_json) as progress:
            made = write_backup(journal, folder, target.absolute(), progress)
    except (ArchiveError, DataDirError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(
            json.dumps({"file": str(target), "bytes": target.stat().st_size, **msgspec.to_builtins(made)})
        )
    else:
        click.echo(f"{target}: {made.last_seq:,} entries of {made.hub_id}, {size(target.stat().st_size)}")


@click.command()
@data_option
@json_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(data: Path | None, as_json: bool, file: Path) -> None:
    """Fill an empty data directory from a backup: a new box, or a new disk.

    Unplug the old box first: two boxes must never be the same store at the same time. The next start begins a new epoch
    and a new series of receipt numbers, because nobody knows how far the old one had come; what the cloud has beyond
    the backup comes back from there.

    \b
      storehub restore /media/usb/storehub-hub-1f3a-20260401-050000.tar --data /var/lib/storehub
    """
    from hub.cli.archive import ArchiveError, restore_backup
    from hub.datadir import DataDirError

    folder = folder_of(data)
    try:
        with bar("restore", show=not as_json) as progress:
            made = restore_backup(file, folder, progress)
    except (ArchiveError, DataDirError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps({"data": str(folder.path), **msgspec.to_builtins(made)}))
    else:
        click.echo(
            f"{folder.path}: hub {made.hub_id} as of entry {made.last_seq:,}, saved {made.made_at}\n"
            "Next: storehub verify, then start the hub."
        )
