"""storehub status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from hub.cli.common import data_option, json_option, look
from hub.cli.showing import ago, amount, console, size

GOOD, BAD, UNSURE = "green", "red", "yellow"
LINK_COLOURS = {"online": GOOD, "degraded": UNSURE, "paused": UNSURE}


@click.command()
@data_option
@json_option
def status(data: Path | None, as_json: bool) -> None:
    """How the box is: link, what the cloud has, what is set aside, disk, clock, devices.

    Works while the hub runs and while it does not. With --json: the document of GET /v1/sync, and `running` and
    `devices` beside it.
    """
    found = look(data)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    show(found)


def show(found: dict[str, Any]) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    out = console()
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _rows(found):
        table.add_row(name, text)
    out.print(table)
    if found["reconciliation"]:
        days = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        days.add_column("business day")
        for name in ("entries", "sales", "total here", "total cloud", ""):
            days.add_column(name, justify="right")
        for row in found["reconciliation"]:
            days.add_row(*_day(row, found["currency"]))
        out.print(days)
    for item in found["quarantined"]:
        what = f"entry {item['seq']} ({item['type']}, {item['business_date']})"
        out.print(f"[{BAD}]set aside[/] {what}: {escape(item['reason'])}")
    if found["quarantined"]:
        out.print("[dim]When the cause is repaired: storehub sync retry[/]")


def _rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    from rich.markup import escape

    hub, link, unsent, storage = found["hub"], found["link"], found["unsent"], found["storage"]
    running = (
        f"[{GOOD}]running[/] since {hub['started_at']}" if found["running"] else f"[{BAD}]not running[/]"
    )
    sentence = link["reason"].partition(": ")[2] or link["reason"]
    reason = f", {sentence}" if sentence else ""
    colour = LINK_COLOURS.get(link["state"], BAD)
    rows = [
        ("hub", f"{escape(hub['name'])}, {hub['id']} of store {hub['store_id']}, version {hub['version']}"),
        ("", running),
        ("link", f"[{colour}]{link['state']}[/]{escape(reason)} [dim](since {ago(link['since'])})[/]"),
        ("journal", _journal(found)),
        ("at the cloud", f"up to entry {found['acked_seq']:,}, last heard {ago(found['last_ack_at'])}"),
        ("unsent", _unsent(unsent, found["currency"])),
        (
            "disk",
            f"{size(storage['free_bytes'])} free, journal {size(storage['journal_bytes'])}"
            f"{_days(storage)}{_low(storage)}",
        ),
        ("clock", _clock(found["clock"])),
        (
            "mDNS",
            " ".join((found["beacon"]["state"], *found["beacon"]["addresses"], found["beacon"]["reason"])),
        ),
    ]
    known = [device for device in found["devices"] if device["revoked_at"] is None]
    online = sum(1 for device in known if device["online"])
    rows.append(
        ("devices", f"{len(known)} paired" + (f", {online} with an open feed" if found["running"] else ""))
    )
    if found["update"] and found["update"]["state"] != "done":
        rows.append(("update", _update(found["update"])))
    if offer := found.get("update_available"):
        rows.append(
            ("later version", f"{escape(offer['version'])}: sudo storehub update {escape(offer['source'])}")
        )
    rows += _copies(found)
    if found["behind"]:
        behind = found["behind"]
        rows.append(
            (
                "lost",
                f"[{BAD}]the {behind['witness']} knows entry {behind['seq']}: this journal lost entries[/]",
            )
        )
    for one in found.get("repairs", [])[-1:]:
        lost = ", ".join(f"{span['first']} to {span['last']}" for span in found["lost"])
        verdict = f"[{BAD}]entries {lost} are not here[/]" if lost else f"[{GOOD}]nothing of it is missing[/]"
        more = ", and perhaps what came last" if one["unsure"] else ""
        rows.append(("repaired", f"{verdict}{more}, {ago(one['at'])} [dim]({escape(one['why'][:120])})[/]"))
    return rows


def _update(update: dict[str, Any]) -> str:
    from rich.markup import escape

    if update["state"] == "returned":
        words = f"[{UNSURE}]went back[/] to {update['from_version']}"
    elif update["state"] == "stuck":
        words = f"[{BAD}]neither version is well[/]"
    else:
        return f"[{UNSURE}]under way[/] to {update['to_version']}"
    return f"{words}, {update['to_version']}: {escape(update['reason'])} [dim]({ago(update['at'])})[/]"


def _copies(found: dict[str, Any]) -> list[tuple[str, str]]:
    """The second copies of a running hub, and what this box is when it is not the store's."""
    rows = []
    if found.get("role", "primary") != "primary":
        rows.append(("role", f"[{UNSURE}]{found['role']}[/]"))
    if (standby := found.get("standby")) is not None:
        colour = GOOD if standby["state"] == "following" else BAD
        primary = f"{standby['primary']['box']} at {standby['primary']['url']}"
        rows.append(("follows", f"{primary}: [{colour}]{standby['state']}[/] {standby['reason']}"))
    for copy in found.get("mirror", {}).get("copies", ()):
        colour = GOOD if copy["state"] == "following" else BAD
        lag = f", {copy['lag_entries']:,} entries behind" if copy["lag_entries"] else ""
        rows.append((copy["kind"], f"[{colour}]{copy['state']}[/]{lag} {copy['reason']}"))
    return rows


def _journal(found: dict[str, Any]) -> str:
    journal = found["journal"]
    colour = GOOD if journal["state"] == "writable" else UNSURE if journal["state"] == "closed" else BAD
    reason = f", {journal['reason']}" if journal["reason"] else ""
    return f"[{colour}]{journal['state']}[/]{reason}, {found['last_seq']:,} entries, epoch {found['epoch']}"


def _unsent(unsent: dict[str, Any], currency: str) -> str:
    if not unsent["count"]:
        return f"[{GOOD}]nothing[/]"
    total = f", sales of {amount(unsent['sales_total'], currency)}" if unsent["sales_total"] else ""
    return f"[{UNSURE}]{unsent['count']:,} entries[/]{total}, the oldest {ago(unsent['oldest_at'])}"


def _low(storage: dict[str, Any]) -> str:
    return {
        "low": f", [{BAD}]nearly full: only orders and money are taken[/]",
        "full": f", [{BAD}]FULL: nothing is taken[/]",
    }.get(storage.get("state", ""), "")


def _days(storage: dict[str, Any]) -> str:
    return "" if storage["days_left"] is None else f", room for {storage['days_left']:,} days"


def _clock(clock: dict[str, Any]) -> str:
    return (
        f"[{GOOD}]trusted[/] ({clock['source']})"
        if clock["trusted"]
        else f"[{UNSURE}]not trusted[/] ({clock['source']})"
    )


def _day(row: dict[str, Any], currency: str) -> tuple[str, ...]:
    hub, cloud = row["hub"], row["cloud"] or {}
    verdict = {True: f"[{GOOD}]agrees[/]", False: f"[bold {BAD}]DIFFERS[/]", None: "[dim]not compared[/]"}[
        row["agrees"]
    ]
    total = amount(cloud.get("total"), currency)
    return (
        row["business_date"],
        f"{hub['entries']:,}",
        f"{hub['sales']:,}",
        amount(hub["total"], currency),
        total,
        verdict,
    )
