"""storehub import."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from hub.cli.common import data_option, json_option, operating
from hub.cli.showing import bar

if TYPE_CHECKING:
    from hub.domain.facts import MasterChange
    from hub.domain.menu_file import RowError

# A restaurant's menu is one command: all of it holds from one moment on, or none of it. What is larger, and customers,
# go in parts, and devices are served in between.
MENU_AT_ONCE = 2000
PART = 1000


@click.command("import")
@data_option
@json_option
@click.option("--good-rows", is_flag=True, help="Take a CSV's good lines, and name the others.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_(data: Path | None, as_json: bool, good_rows: bool, file: Path) -> None:
    """Import a menu, customers, counts, prices, plans, deals or coupons. A CSV is known by its header.

    \b
    Menu:       JSON in the shape of GET /v1/menu, or CSV:
                id, code, name, kana, category, price, tax_class, tax_included, open_price, stock_tracked,
                remaining, stock, tax_shared, set_slots, custom_contents
    Customers:  id, points; points_seq, code, name, kana, phone, email, card, note
    Counts:     product_id, counted; name, quantity
    Prices:     product_id, price_list, price; name
    Plans:      product_id, minutes; name, last_order_minutes, notice_minutes, product_ids, category_ids,
                extension_product_id, extension_minutes
    Deals:      deal_id, name, parts, and one of price, amount, rate, free; from, to
    Coupons:    coupon_id, code, name, kind, value; minimum, from, to, once

    A menu is taken as a whole: what it speaks of is afterwards as it says, and what is not in it is gone; a file of
    products alone leaves tables, staff and tenders as they are. Portions left and "sold out" stay as the store set
    them. All others are added or changed, and none is removed. A file with an error is not taken at all; each error is
    named with its line. With --good-rows the other lines are taken, nothing is removed, and the exit status is 1.
    Importing the same file again changes nothing. Up to 100,000 products, UTF-8 or Shift_JIS.

    \b
      storehub import menu.json
      storehub import products.csv
      storehub import customers.csv
      storehub import --good-rows counts.csv
    """
    from hub.domain.menu_file import MenuFileError

    raw = file.read_bytes()
    skipped: list[RowError] | None = [] if good_rows else None
    try:
        made = _taken(data, raw, file, show=not as_json, skipped=skipped)
    except MenuFileError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps({**made, "skipped": [msgspec.to_builtins(error) for error in skipped or ()]}))
    elif made["applied"]:
        click.echo(f"imported {made['count']:,} {made['kind']} (seq {made['seq']})")
    else:
        click.echo(f"nothing to change: the store has these {made['count']:,} {made['kind']} already")
    if skipped:
        raise click.ClickException(str(MenuFileError(skipped, file.name, taken=made["count"])))


def _taken(
    data: Path | None, raw: bytes, file: Path, *, show: bool, skipped: list[RowError] | None
) -> dict[str, Any]:
    from hub.domain.csv_kinds import kind_of

    if _is_customers(raw):
        return _customers(data, raw, file, show=show, skipped=skipped)
    if (kind := kind_of(_header(raw))) is not None:
        from hub.cli.importing_rows import import_rows

        return import_rows(data, kind, raw, file.name, show=show, skipped=skipped)
    return _menu(data, raw, file, show=show, skipped=skipped)


def _menu(
    data: Path | None, raw: bytes, file: Path, *, show: bool, skipped: list[RowError] | None
) -> dict[str, Any]:
    from hub.domain.menu_file import command_of, read_menu

    found = read_menu(raw, name=file.name, skipped=skipped)
    command = command_of(found)
    changes = [change for change in command.changes if (change.kind, change.id) != ("setting", "currency")]
    about = {"kind": "products", "count": len(found.menu.products)}
    with operating(data) as ask:
        if found.silent:
            changes = _as_named(changes, ask("categories"))
        if len(changes) <= MENU_AT_ONCE:
            whole = {
                "full": command.full,
                "kinds": list(command.kinds),
                "currency": found.currency,
                "silent": found.silent,
            }
            return {**ask("master.apply", changes=_plain(changes), **whole), **about}
        made = _in_parts(ask, changes, "products", show=show, currency=found.currency, silent=found.silent)
        keep = {kind: [change.id for change in changes if change.kind == kind] for kind in command.kinds}
        gone = ask("master.prune", keep=keep)
    seq = max(made["seq"], gone["seq"])
    return {"seq": seq, "changes": made["changes"] + gone["changes"], "applied": seq > 0, **about}


def _as_named(changes: Sequence[MasterChange], known: dict[str, str]) -> list[MasterChange]:
    """A CSV says a category's name only: where the store has one of that name, that is the one."""
    same = {
        change.id: known[change.value["name"]]
        for change in changes
        if change.kind == "category" and change.value["name"] in known
    }
    renamed = []
    for change in changes:
        if change.kind == "category" and (own := same.get(change.id)):
            change = msgspec.structs.replace(change, id=own, value={**change.value, "id": own})
        elif change.kind == "product" and (own := same.get(change.value["category_id"])):
            change = msgspec.structs.replace(change, value={**change.value, "category_id": own})
        renamed.append(change)
    return renamed


def _customers(
    data: Path | None, raw: bytes, file: Path, *, show: bool, skipped: list[RowError] | None
) -> dict[str, Any]:
    from hub.cli.customers import read_customers

    changes = read_customers(raw, file.name, skipped)
    with operating(data) as ask:
        made = _in_parts(ask, changes, "customers", show=show)
    return {**made, "kind": "customers", "count": len(changes)}


def _in_parts(
    ask: Callable[..., Any],
    changes: Sequence[MasterChange],
    what: str,
    *,
    show: bool,
    **more: Any,
) -> dict[str, Any]:
    seq = 0
    with bar(what, show=show) as progress:
        for start in range(0, len(changes), PART):
            part = changes[start : start + PART]
            made = ask("master.apply", changes=_plain(part), full=False, **more)
            seq = max(seq, made["seq"])
            progress(what, start + len(part), len(changes))
    return {"seq": seq, "changes": len(changes), "applied": seq > 0}


def _plain(changes: Any) -> list[Any]:
    found: list[MasterChange] = list(changes)
    return [msgspec.to_builtins(change) for change in found]


def _header(raw: bytes) -> str:
    return raw[:4096].decode("utf-8-sig", "replace").partition("\n")[0]


def _is_customers(raw: bytes) -> bool:
    """A CSV whose header speaks of points."""
    header = _header(raw).lower()
    return not header.lstrip().startswith("{") and "points" in [cell.strip() for cell in header.split(",")]
