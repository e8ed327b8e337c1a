"""storehub import."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from hub.cli.common import data_option, operate


@click.command("import")
@data_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_menu(data: Path | None, file: Path) -> None:
    """Import a menu: JSON in the shape of GET /v1/menu, or CSV."""
    from hub.domain.menu_file import MenuFileError, command_of, read_menu

    try:
        found = read_menu(file.read_bytes(), name=file.name)
    except MenuFileError as error:
        raise click.ClickException(str(error)) from error
    command = command_of(found)
    made = operate(
        data,
        "master.apply",
        changes=[msgspec.to_builtins(change) for change in command.changes if change.kind != "setting"],
        full=command.full,
        kinds=list(command.kinds),
        currency=found.currency,
    )
    click.echo(f"imported {len(found.menu.products)} products ({made['changes']} changes, seq {made['seq']})")
