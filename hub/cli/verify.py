"""storehub verify."""

from __future__ import annotations

import json
from pathlib import Path

import click

from hub.cli.common import data_option, folder_of, if_power_option, json_option, reading
from hub.cli.showing import bar


@click.command()
@data_option
@json_option
@if_power_option
@click.option("--quick", is_flag=True, help="Only the newest 5,000 entries, and SQLite's quick check.")
def verify(data: Path | None, as_json: bool, if_power: bool, quick: bool) -> None:
    """Prove that the journal is whole: every entry, the chain, the tables beside it.

    Reads every kept entry: its bytes' hash is what the next one says it is, seq has no gap, each epoch follows the
    one before; SQLite's own check; the state made again from the first entry is what the tables hold. A journal whose
    oldest entries were removed (they are at the cloud) is checked from the first one kept, without its tables. Every
    customer who was not deleted has a key that customers.key opens, and nobody else has one.

    Works while the hub runs and while it does not, and changes nothing. Exit status 1 when something is broken; the
    first broken entry is named.
    """
    from hub.cli import mains, verifying
    from hub.store.highwater import HighWater

    if if_power:
        mains.if_power(folder_of(data).control)
    with reading(data) as journal, bar("verify", show=not as_json) as progress:
        folder = folder_of(data)
        try:
            secret = folder.customers_secret(make=False)
        except (OSError, ValueError) as error:
            raise click.ClickException(str(error)) from error
        mark = HighWater(folder.highwater).read()
        if quick:
            from hub.cli.verifying_quick import verify_quick

            report = verify_quick(journal, mark)
        else:
            report = verifying.verify(journal, mark, progress, secret)
    if as_json:
        click.echo(json.dumps(verifying.summary(report), ensure_ascii=False))
    elif report.ok:
        tables = (
            f", {report.tables_compared:,} rows of state agree with them" if report.tables_compared else ""
        )
        click.echo(
            f"{report.entries:,} entries, {report.first_seq:,} to {report.last_seq:,}, in {report.epochs} epochs:"
            f" the chain holds{tables}\nhead {report.head}"
        )
    else:
        for fault in report.faults:
            click.echo(fault, err=True)
        if report.broken_seq is not None:
            click.echo(f"first broken entry: {report.broken_seq}", err=True)
        click.echo(
            "Stop the hub, then: storehub repair --dry-run, storehub repair (docs/repair.md). It keeps the damaged"
            " files.",
            err=True,
        )
    if not report.ok:
        raise SystemExit(1)
