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
    "--count",
    type=click.IntRange(1),
    help=f"Take the first so many orders  [default: {COUNT}; parties of a made-up evening: {PARTIES}]",
)
@click.option("--all", "take_all", is_flag=True, help="Take every order of the file.")
@click.option(
    "--izakaya", is_flag=True, help="Make up a Saturday evening in an izakaya, also where orders lie about."
)
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
    orders: Path | None, count: int | None, take_all: bool, izakaya: bool, currency: str | None, handhelds: int,
    seed: int, fast: bool, stay: bool, data: Path | None,
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
    import httpx

    from hub.control import ControlError
    from hub.demo.client import NoAnswer, Refused
    from hub.demo.floor import FloorError
    from hub.demo.programs import ProgramError
    from hub.demo.run import run
    from hub.demo.scene import DemoError, Wish
    from hub.demo.screen import Screen, console_of
    from hub.demo.tickets import OrdersError
    from hub.tls import WrongAuthority

    failures = (
        OrdersError,
        DemoError,
        FloorError,
        ProgramError,
        NoAnswer,
        Refused,
        WrongAuthority,
        ControlError,
    )
    console = console_of()
    try:
        evening, shown = _evening(
            orders, count, take_all=take_all, izakaya=izakaya, currency=currency, seed=seed
        )
        console.print(f"[bold]storehub demo[/]  {evening.title}, {shown}\n", highlight=False, soft_wrap=True)
        wish = Wish(evening, handhelds=handhelds, seed=seed, fast=fast, stay=stay, data=data)
        agrees = asyncio.run(run(wish, Screen(console)))
    except (*failures, httpx.HTTPError, OSError) as error:
        raise click.ClickException(str(error) or repr(error)) from error
    if not agrees:
        raise SystemExit(1)


def _evening(
    orders: Path | None, count: int | None, *, take_all: bool, izakaya: bool, currency: str | None, seed: int
) -> tuple[Evening, str]:
    """What is going to be served, and how much of it that is. Raises OrdersError."""
    from hub.demo.izakaya import evening
    from hub.demo.readers import read_orders

    if orders is None and not izakaya and SHARED.is_file():
        orders = SHARED
    if orders is None or izakaya:
        made = evening(seed, count or PARTIES)
        return made, f"{len(made.tickets):,} parties"
    whole = read_orders(orders, currency=currency)
    part = replace(whole, tickets=whole.tickets if take_all else whole.tickets[: count or COUNT])
    if len(part.tickets) == len(whole.tickets):
        return whole, f"all {len(whole.tickets):,} orders"
    return part, f"the first {len(part.tickets):,} of {len(whole.tickets):,} orders"
