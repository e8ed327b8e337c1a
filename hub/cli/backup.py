"""storehub backup and storehub restore."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from hub.cli.common import data_option, folder_of, if_power_option, json_option, reading, settings_of
from hub.cli.showing import bar, size

PASSPHRASE = click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Its first line opens the backup, and nothing else does.",
)


@click.command()
@data_option
@json_option
@if_power_option
@PASSPHRASE
@click.option(
    "--rotate", is_flag=True, help="To `backup_dir` of the settings; the oldest beyond `backup_keep` go."
)
@click.argument("target", metavar="[FILE|DIR]", type=click.Path(path_type=Path), required=False)
def backup(
    data: Path | None,
    as_json: bool,
    if_power: bool,
    target: Path | None,
    passphrase_file: Path | None,
    rotate: bool,
) -> None:
    """Copy everything that this store's hub is into one file: journal, identity, certificate authority.

    The copy is of one moment, while the hub goes on. In a directory the file gets a name with hub and time. An existing
    file is never replaced. Keep it like a key: whoever has it can be this store's hub. With a passphrase it is sealed,
    and opens with the passphrase alone.

    \b
      storehub backup /media/usb
      storehub backup before-update.tar
      storehub backup --passphrase-file /root/passphrase /media/usb
    """
    from hub.cli import mains, rotating
    from hub.cli.archive import ArchiveError
    from hub.cli.sealed import SealError
    from hub.datadir import DataDirError

    if rotate == (target is not None):
        raise click.UsageError("name a file or a folder, or --rotate")
    folder, gone = folder_of(data), []
    if if_power:
        mains.if_power(folder.control)
    settings = settings_of({"data": str(data) if data else None})
    if target is None and not settings.backup_dir:
        click.echo("backup_dir is not set: no backup is made")
        return
    try:
        place = target or rotating.second_medium(folder, settings.backup_dir)
        with reading(data) as journal, bar("backup", show=not as_json) as progress:
            secret = rotating.passphrase_file(passphrase_file)
            place, made = rotating.back_up(journal, folder, place, progress, passphrase=secret)
        if rotate:
            gone = rotating.drop_oldest(place.parent, made.hub_id, settings.backup_keep)
    except (ArchiveError, SealError, DataDirError, OSError) as error:
        raise click.ClickException(str(error)) from error
    size_now = place.stat().st_size
    if as_json:
        said = {"file": str(place), "bytes": size_now, "removed": gone, **msgspec.to_builtins(made)}
        click.echo(json.dumps(said))
        return
    click.echo(f"{place}: {made.last_seq:,} entries of {made.hub_id}, {size(size_now)}")
    for name in gone:
        click.echo(f"removed {name}")


@click.command()
@data_option
@json_option
@PASSPHRASE
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(data: Path | None, as_json: bool, file: Path, passphrase_file: Path | None) -> None:
    """Fill an empty data directory from a backup: a new box, or a new disk.

    Unplug the old box first: two boxes must never be the same store at the same time. The next start begins a new epoch
    and a new series of receipt numbers, because nobody knows how far the old one had come; what the cloud has beyond
    the backup comes back from there.

    \b
      storehub restore /media/usb/storehub-hub-1f3a-20260401-050000.tar --data /var/lib/storehub
    """
    from hub.cli.archive import ArchiveError, restore_backup
    from hub.cli.sealed import SealError
    from hub.datadir import DataDirError

    folder = folder_of(data)
    try:
        with bar("restore", show=not as_json) as progress, unsealed(file, passphrase_file) as plain:
            made = restore_backup(plain, folder, progress)
    except (ArchiveError, SealError, DataDirError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps({"data": str(folder.path), **msgspec.to_builtins(made)}))
    else:
        click.echo(
            f"{folder.path}: hub {made.hub_id} as of entry {made.last_seq:,}, saved {made.made_at}\n"
            "Next: storehub verify, then start the hub."
        )


@contextmanager
def unsealed(file: Path, passphrase_file: Path | None) -> Iterator[Path]:
    """The backup in the clear, for as long as it is needed. Raises SealError, OSError."""
    from hub.cli.sealed import SealError, is_sealed, passphrase_of, private_file, unseal

    if not is_sealed(file):
        yield file
        return
    if passphrase_file is None:
        raise SealError(f"{file} is sealed: name the file with its passphrase, --passphrase-file")
    with tempfile.TemporaryDirectory(prefix="storehub-restore-") as work:
        plain = Path(work) / "plain.tar"
        with private_file(plain) as target:
            unseal(file, target, passphrase_of(passphrase_file))
        yield plain
