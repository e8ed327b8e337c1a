"""storehub device …"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from hub.cli.common import data_option, json_option, look, operate
from hub.cli.showing import ago, console

ROLES = click.Choice(["handheld", "register", "kitchen", "table", "manager", "technician", "standby"])


@click.group()
def device() -> None:
    """Pair devices, list them, lock them out."""


@device.command()
@data_option
@json_option
@click.option("--role", type=ROLES, default="handheld", show_default=True, help="What the device may do.")
@click.option("--table", "table_id", help="The table of a table tablet.")
@click.option(
    "--minutes", type=click.IntRange(1, 1440), default=10, show_default=True, help="How long it holds."
)
def code(data: Path | None, as_json: bool, role: str, table_id: str | None, minutes: int) -> None:
    """Make a one-time pairing code, with its QR code on a terminal.

    A device that scans the QR code knows the hub's address and whom to trust. Where the code is typed, compare the six
    digits that device and terminal show. While no hub runs there is the code alone: it holds when the hub is started.

    \b
      storehub device code
      storehub device code --role table --table t-4 --minutes 60
    """
    made = operate(data, "device.code", role=role, minutes=minutes, table_id=table_id)
    if as_json:
        click.echo(json.dumps(made, ensure_ascii=False))
        return
    show_code(made)


def show_code(made: dict[str, Any]) -> None:
    """A pairing code, with its QR code on a terminal."""
    if sys.stdout.isatty() and made["uri"]:
        import segno

        segno.make(made["uri"], error="m", micro=False).terminal(compact=True, border=2)
    click.echo(f"code={made['code']} role={made['role']} expires={made['expires_at']}")
    if made["uri"]:
        click.echo(f"uri={made['uri']}")
    if made["digits"]:
        click.echo(f"digits={made['digits']}")


@device.command()
@data_option
@json_option
@click.option("--name", required=True, help="What people call it: handheld 3.")
@click.option("--role", type=ROLES, required=True, help="What the device may do.")
@click.option("--table", "table_id", help="The table of a table tablet.")
def add(data: Path | None, as_json: bool, name: str, role: str, table_id: str | None) -> None:
    """Pair a device without a code and print its token, once: the hub keeps only its hash.

    \b
      storehub device add --name backoffice --role manager
    """
    made = operate(data, "device.add", name=name, role=role, table_id=table_id)
    click.echo(json.dumps(made) if as_json else f"device={made['device_id']} token={made['token']}")


@device.command("list")
@data_option
@json_option
def list_(data: Path | None, as_json: bool) -> None:
    """All devices of the store, those that were locked out too."""
    rows = look(data)["devices"]
    if as_json:
        click.echo(json.dumps({"devices": rows}, ensure_ascii=False))
        return
    if not rows:
        click.echo("no device is paired yet: storehub device code")
        return
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        "device", "name", "role", "table", "paired", "last seen", "", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for row in rows:
        state = "[red]locked out[/]" if row["revoked_at"] else "[green]online[/]" if row["online"] else ""
        seen = ago(row["last_seen_at"])
        table.add_row(
            row["device_id"],
            escape(row["name"]),
            row["role"],
            row.get("table_id") or "",
            ago(row["paired_at"]),
            seen,
            state,
        )
    console().print(table)


@device.command()
@data_option
@click.argument("device_id")
def revoke(data: Path | None, device_id: str) -> None:
    """Lock a device out, at once: its token is worth nothing any more, and its open streams end."""
    operate(data, "device.revoke", device_id=device_id)
    click.echo(f"revoked {device_id}")
