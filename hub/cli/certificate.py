"""storehub certificate."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import click

from hub.cli.common import data_option, folder_of, json_option


@click.command()
@data_option
@json_option
@click.option(
    "--renew", is_flag=True, help="Make it anew now, if its end is near or an address is missing in it."
)
def certificate(data: Path | None, as_json: bool, renew: bool) -> None:
    """The certificate that devices are served with: its names, and until when it is good.

    The hub renews it by itself, 30 days before its end and when the box gets another address; connections that are open
    go on. The store's certificate authority, which devices trust, stays the same. Asked of the hub that runs: one that
    does not makes what it needs at its start.
    """
    found = asyncio.run(_asked(folder_of(data).control, renew=renew))
    if as_json:
        click.echo(json.dumps({"running": found is not None, **(found or {})}))
    elif found is None:
        click.echo("the hub does not run: it looks after its certificate when it starts")
    elif not found["not_after"]:
        click.echo("the hub serves plain HTTP")
    else:
        made = ", made just now" if found["renewed"] else ""
        click.echo(f"good until {found['not_after']}{made}, for {', '.join(found['names'])}")


async def _asked(socket: Path, *, renew: bool) -> dict[str, Any] | None:
    from hub.control import ControlError, ask

    try:
        return dict(await ask(socket, "certificate", renew=renew))
    except ControlError as error:
        raise click.ClickException(str(error)) from error
    except PermissionError as error:
        raise click.ClickException(f"{socket}: only the hub's own user may ask it") from error
    except OSError:
        return None
