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
    from hub.domain.menu_file import MenuFileError, changes_of, read_menu

    try:
        menu = read_menu(file.read_bytes(), name=file.name)
    except MenuFileError as error:
        raise click.ClickException(str(error)) from error
    changes = [msgspec.to_builtins(change) for change in changes_of(menu)]
    made = operate(data, "master.apply", changes=changes, full=True, currency=menu.currency)
    click.echo(f"imported {len(menu.products)} products ({made['changes']} changes, seq {made['seq']})")
