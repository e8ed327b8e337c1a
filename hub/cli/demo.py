"""storehub demo."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hub.demo.tickets import Evening

COUNT = 1000
PARTIES = 200
# Public order data that may lie beside a checkout of this project; a package knows none.
SHARED = Path(__file__).resolve().parents[3] / "shared/data/chipotle/chipotle.tsv"


@click.command()
@click.option(
    "--orders", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A file of real orders."
)
@click.option(
    "--count", type=click.IntRange(1), default=COUNT, show_default=True, help="Take the first so many orders."
)
@click.option("--all", "take_all", is_flag=True, help="Take every order of the file.")
@click.option(
    "--currency", metavar="CODE", help="What the file's prices are in  [default: USD; plain CSV: JPY]"
)
@click.option("--handhelds", type=click.IntRange(1, 100), default=12, show_default=True)
@click.option(
    "--seed",
    type=int,
    default=7,
    show_default=True,
    help="Who moves, voids and pays how; the made-up evening.",
)
@click.option("--fast", is_flag=True, help="As fast as the machine can, not as fast as one can watch.")
@click.option("--stay", is_flag=True, help="Leave hub and cloud running afterwards, with the console open.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep everything in this empty directory.",
)
def demo(
    orders: Path | None, count: int, take_all: bool, currency: str | None, handhelds: int, seed: int, fast: bool,
    stay: bool, data: Path | None,
) -> None:  # fmt: skip
    """Show the whole of it on real orders, in about a minute.

    Starts a cloud and a hub, finds the hub by mDNS, pairs simulated handhelds and serves the orders of a file. In the
    middle the WAN is cut and the hub is killed with -9. In the end every acknowledged write must stand once in the
    hub's journal and once in the cloud, byte for byte: only then the exit status is 0.

    FILE may be the Chipotle or the coffee-shop layout, or a plain CSV (docs/demo.md). Without one the demo takes public
    orders that lie beside the project, or makes up a Saturday evening in an izakaya.

    \b
      storehub demo                             about a minute
      storehub demo --orders evening.csv --all  your own orders
      storehub demo --stay                      then look at the console
    """
    from hub.demo.client import NoAnswer, Refused
    from hub.demo.floor import FloorError
    from hub.demo.programs import ProgramError
    from hub.demo.run import DemoError, Wish, run
    from hub.demo.screen import Screen, console_of
    from hub.demo.tickets import OrdersError

    console = console_of()
    try:
        whole = _evening(
            orders, currency, seed, PARTIES if orders is None and not SHARED.is_file() else count
        )
        evening = whole if take_all else replace(whole, tickets=whole.tickets[:count])
        shown = f"all {len(evening.tickets):,} tickets"
        if len(evening.tickets) < len(whole.tickets):
            shown = f"the first {len(evening.tickets):,} of {len(whole.tickets):,} orders"
        console.print(f"[bold]storehub demo[/]  {whole.title}, {shown}\n", highlight=False, soft_wrap=True)
        wish = Wish(evening, handhelds=handhelds, seed=seed, fast=fast, stay=stay, data=data)
        agrees = asyncio.run(run(wish, Screen(console)))
    except (OrdersError, DemoError, FloorError, ProgramError, NoAnswer, Refused, OSError) as error:
        raise click.ClickException(str(error)) from error
    if not agrees:
        raise SystemExit(1)


def _evening(orders: Path | None, currency: str | None, seed: int, parties: int) -> Evening:
    from hub.demo.izakaya import evening
    from hub.demo.readers import read_orders

    if orders is None and SHARED.is_file():
        orders = SHARED
    return evening(seed, parties) if orders is None else read_orders(orders, currency=currency)
