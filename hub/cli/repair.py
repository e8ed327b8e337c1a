"""storehub repair."""

from __future__ import annotations

import json
from pathlib import Path

import click

from hub.cli.common import data_option, folder_of, json_option, settings_of


@click.command()
@data_option
@json_option
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
def repair(data: Path | None, as_json: bool, dry_run: bool) -> None:
    """Make a damaged journal good, as far as hashes prove it, and name what is lost.

    A start does this by itself for what it sees. This reads everything first, as `storehub verify` does, and then also
    makes the tables again. Stop the hub before. The damaged files are kept in the directory `damaged`.

    Exit status 1 when entries are lost, or when it cannot be repaired; docs/repair.md says what then.
    """
    from hub import mending
    from hub.cli import verifying
    from hub.cli.journal_file import JournalDamaged, open_journal
    from hub.datadir import DataDirError
    from hub.ports import StoreError
    from hub.store.highwater import HighWater
    from hub.store.look import look

    folder = folder_of(data)
    settings = settings_of({"data": str(data) if data else None})
    mirror = None if settings.mirror_dir is None else Path(settings.mirror_dir)
    try:
        if not folder.path.is_dir() or not folder.lock():
            raise click.ClickException(
                f"{folder.path} is in use or is not there: stop the hub first (systemctl stop storehub)"
            )
        mark = HighWater(folder.highwater).read()
        why = look(folder.journal, mark)
        if not why:
            try:
                with open_journal(folder.journal) as journal:
                    faults = verifying.verify(journal, mark, lambda *_: None).faults
            except JournalDamaged as error:
                faults = [str(error)]
            why = "; ".join(faults)[:500]
        report = mending.mended(folder, why, mirror, rebuild=True, dry=dry_run) if why else None
    except (StoreError, DataDirError, OSError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        folder.unlock()
    if as_json:
        click.echo(json.dumps({"why": why, "repair": None if report is None else mending.view_of(report)}))
    elif report is None:
        click.echo("nothing to repair")
    else:
        click.echo(("would be: " if dry_run else "") + report.sentence())
    if report is not None and (report.lost or report.holes):
        raise SystemExit(1)
