"""The reconciliation table at the end: what was taken, what the hub's journal holds, what the cloud holds."""

from __future__ import annotations

from statistics import quantiles
from typing import TYPE_CHECKING

from hub.demo.floor import Floor
from hub.demo.proof import SHOWN_MAX, Proof
from hub.demo.screen import money

if TYPE_CHECKING:
    from rich.console import Console

    from hub.demo.scene import Scene

KINDS = (
    ("orders", "order.placed"),
    ("lines taken off", "lines.voided"),
    ("parties moved", "check.moved"),
    ("sales", "sale.completed"),
    ("sales voided", "sale.voided"),
)


def print_result(console: Console, scene: Scene, floor: Floor, proof: Proof, currency: str) -> None:
    from rich import box
    from rich.table import Table

    taken, hub, cloud = floor.taken, proof.journal, proof.cloud
    table = Table(
        box=box.SIMPLE_HEAD, title="Reconciliation", title_justify="left", title_style="bold", pad_edge=False
    )
    table.add_column("")
    for name in ("taken by devices", "hub's journal", "cloud"):
        table.add_column(name, justify="right")
    table.add_column("")

    def row(name: str, *cells: object) -> None:
        shown = [f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in cells]
        same = len({cell for cell in shown if cell}) <= 1
        table.add_row(name, *shown, "[green]=[/]" if same else "[bold red]≠[/]")

    for name, kind in KINDS:
        if hub.kinds[kind] or taken.kinds[kind]:
            row(name, taken.kinds[kind], hub.kinds[kind], cloud.kinds[kind])
    row("writes acknowledged", len(taken.writes), len(hub.answers), len(cloud.answers))
    for day in sorted(hub.days.keys() | cloud.days.keys()):
        row(
            f"net sales of {day}",
            "",
            money(hub.days.get(day, 0), currency),
            money(cloud.days.get(day, 0), currency),
        )
    row("net sales, all days", *(money(total, currency) for total in (taken.total, hub.total, cloud.total)))
    row("entries", "", hub.entries, cloud.entries)
    row("set aside", "", len(scene.sync["quarantined"]), len(scene.sync["quarantined"]))
    row("chain head", "", f"{hub.head[:12]}…", f"{cloud.head[:12]}…")
    console.print()
    console.print(table)
    if proof.agrees:
        console.print(
            "  [bold green]agrees[/]  "
            "every acknowledged write stands once in the journal and once in the cloud, byte for byte"
        )
    else:
        console.print("  [bold red]DOES NOT AGREE[/]")
        for fault in proof.faults[:SHOWN_MAX]:
            console.print(f"    {fault}")
        if len(proof.faults) > SHOWN_MAX:
            console.print(f"    and {len(proof.faults) - SHOWN_MAX} more")
    _print_traffic(console, scene, floor)


def _print_traffic(console: Console, scene: Scene, floor: Floor) -> None:
    traffic, taken = scene.traffic, floor.taken
    parts = [f"the kitchen display saw {len(scene.feed):,} entries live, also over the kill"]
    parts.append(f"{traffic.sent:,} requests")
    if len(traffic.latencies_s) > 1:
        steps = quantiles(traffic.latencies_s, n=100)
        parts.append(
            f"answered in {steps[49] * 1000:.0f} ms (half of them) and {steps[98] * 1000:.0f} ms (99 %)"
        )
    parts.append(f"{traffic.retried:,} sent again, {traffic.replayed:,} of them had been done already")
    if taken.refused_tenders:
        parts.append(f"{taken.refused_tenders:,} QR payments refused while the WAN was down, paid in cash")
    console.print("  [dim]" + "\n  ".join(parts) + "[/]")
