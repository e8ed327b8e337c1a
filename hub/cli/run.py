"""storehub run."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hub.cli.common import TRIES, TRY_EVERY_S, data_option, settings_of
from hub.datadir import DataDir, DataDirError

if TYPE_CHECKING:
    from hub.setup.page import FirstRun


@click.command()
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="A TOML file with settings.")
@data_option
@click.option(
    "--host", help="Listen here only  [STOREHUB_HOST; default: the whole LAN, loopback with --http]"
)
@click.option("--port", type=int, help="[STOREHUB_PORT; default: 8443]  0 takes a free one.")
@click.option("--http", is_flag=True, default=None, help="Plain HTTP instead of TLS, on loopback only.")
@click.option("--insecure-lan", is_flag=True, default=None, help="With --http: serve the LAN without TLS.")
@click.option("--no-mdns", is_flag=True, help="Do not announce the hub on the LAN.")
@click.option("--cloud", "cloud_url", metavar="URL", help="Replay to this cloud  [STOREHUB_CLOUD_URL]")
@click.option("--cloud-token", metavar="T", help="[STOREHUB_CLOUD_TOKEN]")
@click.option("--store-id", help="[STOREHUB_STORE_ID]")
@click.option("--hub-id", help="[STOREHUB_HUB_ID; default: made at the first start]")
@click.option("--store-name", help="[STOREHUB_STORE_NAME]")
def run(config: Path | None, data: Path | None, no_mdns: bool, **flags: Any) -> None:
    """Run the hub in the foreground.

    When it serves it prints one line: `storehub ready <base url> hub=<hub id> store=<store id>`. SIGTERM stops it
    cleanly: the last commit is finished and answered.
    """
    settings = settings_of(
        {**flags, "data": str(data) if data else None, "mdns": False if no_mdns else None}, config, whole=True
    )
    from hub.api.request_id import current
    from hub.logs import set_up

    set_up(settings.log_level, current.get)
    from hub.ports import StoreError

    folder = DataDir(Path(settings.data))
    page = first_run_page(config, folder) if flags["store_id"] is None else None
    try:
        if settings.standby_of and not folder.journal.exists():
            _become_standby(folder, settings.standby_of)
        take(folder)
        # Nothing of what is imported is garbage, and to look for some again and again is a tenth of a start.
        gc.disable()
        # Here and not above: the other commands need neither a web server nor an event loop in C.
        import uvloop

        from hub.serve import serve

        gc.freeze()
        gc.enable()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings, folder, page.stand_before if page else None))
    except (DataDirError, OSError) as error:
        raise click.ClickException(str(error)) from error
    except StoreError as error:
        raise click.ClickException(f"the journal cannot be opened: {error}") from error
    finally:
        if page is not None:
            page.gone()
        folder.unlock()


def first_run_page(config: Path | None, folder: DataDir) -> FirstRun | None:
    """The page with which a box is set up, while nobody has."""
    from hub.setup.state import asks_to_be_set_up

    named = os.environ.get("STOREHUB_CONFIG")
    config = config or (Path(named) if named else None)
    if config is None or not asks_to_be_set_up(config, os.environ):
        return None
    from hub.setup.page import FirstRun

    return FirstRun(config, folder)


def _become_standby(folder: DataDir, link: str) -> None:
    """The first start of a box that is set up to be a standby. Raises ClickException."""
    from hub.joining import JoinError, join

    try:
        asyncio.run(join(folder, link))
    except JoinError as error:
        raise click.ClickException(f"setting standby_of (STOREHUB_STANDBY_OF): {error}") from error


def take(folder: DataDir) -> None:
    """Lock the directory. A command that has it for a moment is waited for, a hub is not. Raises ClickException."""
    for _ in range(TRIES):
        if folder.lock():
            return
        with socket.socket(socket.AF_UNIX) as line, suppress(OSError):
            line.connect(str(folder.control))
            break
        time.sleep(TRY_EVERY_S)
    raise click.ClickException(f"another hub runs in {folder.path}")
