"""storehub standby and storehub promote."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from hub.cli.common import data_option, folder_of, look, operate, settings_of
from hub.datadir import DataDirError


@click.command()
@data_option
@click.argument("link", metavar="LINK|URL")
@click.option("--code", help="With a URL instead of a link: the code, as shown by the primary.")
@click.option("--fingerprint", help="With a URL: the SHA-256 of the store's certificate authority, hex.")
def standby(data: Path | None, link: str, code: str | None, fingerprint: str | None) -> None:
    """Make this box the standby of another: it will hold everything that box has, and can take its place.

    On the primary: `storehub device code --role standby` shows the link. Then start the service here; it follows the
    primary from then on. Quote the link: it holds an ampersand.

    \b
      storehub standby 'storehub://pair?u=https%3A%2F%2F192.168.1.10%3A8443&fp=…&c=K7QM2-4WX9P'
    """
    from hub.joining import JoinError, join

    settings = settings_of({"data": str(data) if data else None})
    try:
        primary = asyncio.run(join(folder_of(data), link, code=code, fingerprint=fingerprint))
    except (JoinError, DataDirError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(
        f"{settings.data}: standby of box {primary.box} at {primary.url}\nNext: start the service (storehub run)."
    )


@click.command()
@data_option
@click.option("--unplugged", is_flag=True, help="The old box is unplugged: do not ask.")
@click.option("--force", is_flag=True, help="Even though the old box still answers.")
def promote(data: Path | None, unplugged: bool, force: bool) -> None:
    """Make this standby the store's box, because the old one is dead.

    Unplug the old box first: two boxes that cannot see each other cannot know which of them is the store. It is refused
    while the old box answers. Receipt numbers go on in a new series. What the old box acknowledged and this one does
    not have is asked for from the devices.
    """
    folder = folder_of(data)
    if folder.role != "standby":
        raise click.ClickException(f"{folder.path} is no standby (it is {folder.role})")
    found = look(data)
    primary = folder.primary()
    click.echo(
        f"This box is a standby of {primary.box} at {primary.url}; it has {found['last_seq']:,} entries."
    )
    if (state := found.get("standby")) is not None:
        click.echo(f"It last heard from it at {state['heard_at'] or '-'} ({state['state']}).")
    if not unplugged:
        word = click.prompt(f"Unplug the old box, then type its name ({primary.box})")
        if word.strip() != primary.box:
            raise click.ClickException("nothing was done")
    if force:
        click.echo("Even though the old box answers: it must find out by itself and stay out.", err=True)
    if found["running"]:
        operate(data, "standby.promote", unplugged=True, force=force)
        click.echo("It takes over now. Devices find it by themselves within seconds.")
    else:
        if not folder.lock():
            raise click.ClickException(f"{folder.path} is in use")
        try:
            folder.promote()
        except (DataDirError, OSError) as error:
            raise click.ClickException(str(error)) from error
        finally:
            folder.unlock()
        click.echo("Start the service: it is the store's box from then on.")
