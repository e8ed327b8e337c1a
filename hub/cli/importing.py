"""storehub import."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from hub.cli.common import data_option, json_option, operate
from hub.cli.showing import bar

if TYPE_CHECKING:
    from hub.domain.facts import MasterChange

# A menu is one command: all of it holds from one moment on, or none of it. Customers are many and do not depend on each
# other, so they go in parts, and devices are served in between.
CUSTOMERS_AT_ONCE = 1000


@click.command("import")
@data_option
@json_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_(data: Path | None, as_json: bool, file: Path) -> None:
    """Import a menu or customers.

    \b
    Menu:       JSON in the shape of GET /v1/menu, or CSV with a header line:
                id, code, name, kana, category, price, tax_class, tax_included, open_price, stock_tracked, remaining
    Customers:  CSV with the columns id, code and points. Names and telephone numbers are not taken yet.

    A menu is taken as a whole: what it speaks of is afterwards as it says, and what is not in it is gone; a file of
    products alone leaves tables, staff and tenders as they are. Portions left and "sold out" stay as the store set
    them. Customers are added or changed, none is removed. A file with an error is not taken at all; each error is
    named with its line. Importing the same file again changes nothing.

    \b
      storehub import menu.json
      storehub import products.csv
      storehub import customers.csv
    """
    from hub.domain.menu_file import MenuFileError

    raw = file.read_bytes()
    try:
        made = _customers(data, raw, file, show=not as_json) if _is_customers(raw) else _menu(data, raw, file)
    except MenuFileError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(made))
    elif made["applied"]:
        click.echo(f"imported {made['count']:,} {made['kind']} (seq {made['seq']})")
    else:
        click.echo(f"nothing to change: the store has these {made['count']:,} {made['kind']} already")


def _menu(data: Path | None, raw: bytes, file: Path) -> dict[str, Any]:
    from hub.domain.menu_file import command_of, read_menu

    found = read_menu(raw, name=file.name)
    command = command_of(found)
    made = operate(
        data,
        "master.apply",
        changes=_plain(change for change in command.changes if change.kind != "setting"),
        full=command.full,
        kinds=list(command.kinds),
        currency=found.currency,
    )
    return {**made, "kind": "products", "count": len(found.menu.products)}


def _customers(data: Path | None, raw: bytes, file: Path, *, show: bool) -> dict[str, Any]:
    from hub.cli.customers import read_customers

    changes = read_customers(raw, file.name)
    seq = 0
    with bar("customers", show=show) as progress:
        for start in range(0, len(changes), CUSTOMERS_AT_ONCE):
            part = changes[start : start + CUSTOMERS_AT_ONCE]
            made = operate(data, "master.apply", changes=_plain(part), full=False, kinds=["customer"])
            seq = max(seq, made["seq"])
            progress("customers", start + len(part), len(changes))
    return {
        "seq": seq,
        "changes": len(changes),
        "applied": seq > 0,
        "kind": "customers",
        "count": len(changes),
    }


def _plain(changes: Any) -> list[Any]:
    found: list[MasterChange] = list(changes)
    return [msgspec.to_builtins(change) for change in found]


def _is_customers(raw: bytes) -> bool:
    """A CSV whose header speaks of points."""
    header = raw[:4096].decode("utf-8-sig", "replace").partition("\n")[0].lower()
    return not header.lstrip().startswith("{") and "points" in [cell.strip() for cell in header.split(",")]
