"""storehub device …"""

from __future__ import annotations

from pathlib import Path

import click

from hub.cli.common import data_option, operate

ROLES = click.Choice(["handheld", "register", "kitchen", "table", "manager", "technician"])


@click.group()
def device() -> None:
    """Pair devices, list them, lock them out."""


@device.command()
@data_option
@click.option("--role", type=ROLES, default="handheld", show_default=True)
@click.option("--table", "table_id", help="The table of a table tablet.")
@click.option("--minutes", type=click.IntRange(1, 1440), default=10, show_default=True)
def code(data: Path | None, role: str, table_id: str | None, minutes: int) -> None:
    """Make a one-time pairing code."""
    made = operate(data, "device.code", role=role, minutes=minutes, table_id=table_id)
    click.echo(f"code={made['code']} role={made['role']} expires={made['expires_at']}")
    if made["uri"]:
        click.echo(f"uri={made['uri']}")
    if made["digits"]:
        click.echo(f"digits={made['digits']}")


@device.command()
@data_option
@click.option("--name", required=True)
@click.option("--role", type=ROLES, required=True)
@click.option("--table", "table_id", help="The table of a table tablet.")
def add(data: Path | None, name: str, role: str, table_id: str | None) -> None:
    """Pair a device without a code and print its token."""
    made = operate(data, "device.add", name=name, role=role, table_id=table_id)
    click.echo(f"device={made['device_id']} token={made['token']}")


@device.command("list")
@data_option
def list_(data: Path | None) -> None:
    """All devices of the store."""
    for row in operate(data, "device.list"):
        click.echo(f"{row['device_id']} {row['role']} {row['name']} {'revoked' if row['revoked_at'] else ''}")


@device.command()
@data_option
@click.argument("device_id")
def revoke(data: Path | None, device_id: str) -> None:
    """Lock a device out, at once."""
    operate(data, "device.revoke", device_id=device_id)
    click.echo(f"revoked {device_id}")
