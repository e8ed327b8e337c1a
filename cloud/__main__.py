"""The command line of the receiving end: reads arguments and hands over."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

import click

from cloud.errors import CloudError
from cloud.model import HubId, StoreId

if TYPE_CHECKING:
    from cloud.store.ports import Database

_DB = click.option(
    "--db",
    envvar="STOREHUB_CLOUD_DB",
    default="sqlite:///storehub-cloud.db",
    show_default=True,
    show_envvar=True,
    metavar="URL",
    help="Where everything is kept: sqlite:///PATH (four slashes for an absolute path) or postgresql://…",
)
_STORE = click.option("--store", "store_id", required=True, metavar="ID", help="The store.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="storehub", prog_name="storehub-cloud")
def cli() -> None:
    """The receiving end of storehub: keeps what the hubs in the stores send, and proves it.

    \b
    A first store, in three commands:
      storehub-cloud hub add --store shibuya      prints hub=… token=…, for the hub's settings
      storehub-cloud import-master --store shibuya menu.json
      storehub-cloud run                          serves HTTP; put a TLS proxy in front

    All commands work on the same --db while the service runs.
    """


@cli.command()
@_DB
@click.option(
    "--host",
    envvar="STOREHUB_CLOUD_HOST",
    default="127.0.0.1",
    show_default=True,
    show_envvar=True,
    help="Address to listen on. Plain HTTP: anything but loopback belongs behind a TLS proxy.",
)
@click.option(
    "--port",
    envvar="STOREHUB_CLOUD_PORT",
    default=8080,
    show_default=True,
    show_envvar=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--operator-token",
    envvar="STOREHUB_CLOUD_OPERATOR_TOKEN",
    show_envvar=True,
    metavar="TOKEN",
    help="Opens GET /v1/stores. Without it that page is shut; 'storehub-cloud stores' always works.",
)
@click.option(
    "--refuse-type",
    "refuse_types",
    envvar="STOREHUB_CLOUD_REFUSE_TYPE",
    show_envvar=True,
    multiple=True,
    metavar="TYPE",
    help="Refuse entries of this type with 422, to try out quarantine. Repeatable.",
)
def run(db: str, host: str, port: int, operator_token: str | None, refuse_types: tuple[str, ...]) -> None:
    """Serve until SIGTERM. Prints 'storehub-cloud ready <base url>' once requests are answered."""
    from cloud.serve import serve

    with _database(db, service=True) as database:
        serve(
            database,
            host=host,
            port=port,
            refused_types=frozenset(refuse_types),
            operator_token=operator_token or None,
            ready=lambda base_url: print(f"storehub-cloud ready {base_url}", flush=True),
        )


@cli.group()
def hub() -> None:
    """Hubs and their tokens."""


@hub.command("add")
@_DB
@_STORE
@click.option(
    "--hub", "hub_id", metavar="ID", help="The hub; made when not given. A known one gets a new token."
)
def hub_add(db: str, store_id: str, hub_id: str | None) -> None:
    """Give out a hub token. Prints 'hub=<id> token=<token>'; the token is shown only this once.

    For a hub that has a token already, the old one holds until the new one is first used.
    """
    from cloud import hubs

    with _database(db) as database:
        found, token = database.write(
            lambda session: hubs.add(session, HubId(hub_id) if hub_id else None, StoreId(store_id), time())
        )
    print(f"hub={found} token={token}")


@hub.command("revoke")
@_DB
@click.argument("hub_id", metavar="HUB")
def hub_revoke(db: str, hub_id: str) -> None:
    """Take back every token of a hub: a stolen box. What it sent stays."""
    from cloud import hubs

    with _database(db) as database:
        count = database.write(lambda session: hubs.revoke(session, HubId(hub_id), time()))
    print(f"{count} token{'' if count == 1 else 's'} taken back")


@cli.command("import-master")
@_DB
@_STORE
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_master(db: str, store_id: str, file: Path) -> None:
    """Make a store's master data what FILE says: JSON in the shape of GET /v1/menu.

    What differs becomes changes that the store's hubs fetch. A thing that is gone from its section is
    deleted; a section that is absent is left as it is.
    """
    from cloud import master

    with _database(db) as database, _progress("Writing changes") as progress:
        count = database.write(
            lambda session: master.import_menu(
                session, StoreId(store_id), file.read_bytes(), time(), progress
            )
        )
    print(f"{count} change{'' if count == 1 else 's'}")


@cli.group()
def device() -> None:
    """Devices of a store."""


@device.command("revoke")
@_DB
@_STORE
@click.argument("device_id", metavar="DEVICE")
def device_revoke(db: str, store_id: str, device_id: str) -> None:
    """Have the store's hubs lock a device out as soon as they can be reached."""
    from cloud import master

    with _database(db) as database:
        database.write(lambda session: master.revoke_device(session, StoreId(store_id), device_id, time()))
    print(f"device {device_id} revoked")


@cli.command()
@_DB
@click.option("--hub", "hub_id", required=True, metavar="ID", help="The hub.")
def export(db: str, hub_id: str) -> None:
    """Write the hub's entries to standard output, in order, one a line, byte for byte as they were sent.

    Orphans and entries set aside are not among them.
    """
    from cloud import transfer

    with _database(db) as database:
        out = sys.stdout.buffer
        for body in transfer.export(database, HubId(hub_id)):
            out.write(body + b"\n")
        out.flush()


@cli.command()
@_DB
@click.option("--json", "as_json", is_flag=True, help="For scripts: the same as GET /v1/stores.")
def stores(db: str, as_json: bool) -> None:
    """Show every store: who is silent, since when, and what is set aside."""
    from cloud import hubs

    with _database(db) as database:
        found = database.read(lambda session: hubs.overview(session, time()))
    if as_json:
        print(json.dumps({"stores": found}, ensure_ascii=False, indent=1))
    else:
        _print_stores(found)


def main() -> None:
    """Entry point."""
    cli(prog_name="storehub-cloud")


@contextmanager
def _database(url: str, *, service: bool = False) -> Iterator[Database]:
    from cloud.store.urls import open_database

    try:
        database = open_database(url, service=service)
        try:
            yield database
        finally:
            database.close()
    except CloudError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print_stores(found: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("Store", "Hub", "State", "Last heard", "Chain", "Set aside", "Orphans", "Unsent at hub")
    colours = {"heard": "green", "silent": "red", "never_heard": "yellow"}
    for store in found:
        for each in store["hubs"]:
            age_s, state = each["last_heard_s_ago"], each["state"]
            table.add_row(
                store["store_id"],
                each["hub_id"],
                f"[{colours[state]}]{state.replace('_', ' ')}[/]",
                "-" if age_s is None else f"{age_s:.0f} s ago",
                f"{each['cursor']['seq']}",
                f"{len(each['quarantined'])}",
                f"{each['orphans']}",
                str((each["status"] or {}).get("unsent", "-")),
            )
    Console().print(table)


if __name__ == "__main__":
    main()
