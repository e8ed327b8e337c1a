"""Rehearse the death of the box: fill an empty directory from a copy, check it, serve there, sell, throw it away.

The rehearsed hub listens on the loopback, announces nothing and knows no cloud: the real one and the real cloud never
meet it. This store's own directory is only read.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import click
import httpx
import msgspec

from hub.control import ask
from hub.datadir import DataDir
from hub.doctor.drill_copy import Copy, fill
from hub.doctor.findings import Finding
from hub.settings import Settings

START_S_MAX: Final = 120.0
STOP_S_MAX: Final = 20.0
# Where the newest receipts are looked for: a day of a large store.
ENTRIES_SEARCHED: Final = 20_000
# What the rehearsed hub is told of this store; nothing of network and cloud.
KEPT: Final = ("store_id", "store_name", "timezone", "day_change_time", "currency", "retention_days")
# What systemd tells and hands the hub: the rehearsed one has no token, and shows nothing on the box's login screen.
OF_THE_SERVICE: Final = (
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "CREDENTIALS_DIRECTORY",
    "RUNTIME_DIRECTORY",
)
Told = Callable[[str], None]


def rehearse_box(
    settings: Settings,
    folder: DataDir,
    *,
    copy: Copy,
    room: Path | None,
    told: Told = lambda text: None,
) -> list[Finding]:
    """room: where the copies may lie for a moment; they hold keys and are taken away whatever happens."""
    with tempfile.TemporaryDirectory(prefix="drill-", dir=room) as work:
        return list(_steps(settings, folder, copy, Path(work), told))


def _steps(settings: Settings, folder: DataDir, copy: Copy, work: Path, told: Told) -> Iterator[Finding]:
    new = DataDir(work / "d")
    told("filling an empty directory from the copy")
    began = time.monotonic()
    for finding in fill(folder, new, copy, work):
        yield finding
        if finding.state == "fail":
            return
        if finding.what == "made":
            began = time.monotonic()
    told("checking every entry")
    entries, fault = _verified(new)
    if fault:
        yield Finding("restored", "fail", "broken", {"fault": fault})
        return
    words = {"entries": entries, "seconds": round(time.monotonic() - began, 1)}
    yield Finding("restored", "ok", "whole", words)
    told("starting the rehearsed hub")
    found, sold_at = asyncio.run(_served(settings, folder, new, work))
    yield from found
    if sold_at is not None:
        yield Finding("whole", "ok", "time", {"seconds": round(sold_at - began, 1)})
    yield Finding("whole", "ok", "gone")


def _verified(new: DataDir) -> tuple[int, str]:
    from hub.cli.common import reading
    from hub.cli.verifying import verify

    try:
        with reading(new.path) as journal:
            report = verify(journal, None, lambda *_: None, new.customers_secret(make=False))
    except (click.ClickException, OSError, ValueError) as error:
        return 0, str(error)
    return report.entries, report.faults[0] if report.faults else ""


async def _served(
    settings: Settings, folder: DataDir, new: DataDir, work: Path
) -> tuple[list[Finding], float | None]:
    """What the rehearsed hub did; when it had made its first sale."""
    began = time.monotonic()
    try:
        async with _hub(settings, new, work) as url:
            seconds = round(time.monotonic() - began, 1)
            look = await ask(new.control, "look")
            present = [device for device in look["devices"] if device["revoked_at"] is None]
            made = await ask(new.control, "device.add", name="drill", role="register")
            async with httpx.AsyncClient(
                base_url=url,
                trust_env=False,
                timeout=20.0,
                headers={"authorization": f"Bearer {made['token']}"},
            ) as http:
                checks = (await http.get("/v1/checks", params={"status": "open"})).json().get("checks", [])
                ready = Finding(
                    "serving",
                    "ok",
                    "ready",
                    {"seconds": seconds, "checks": len(checks), "devices": len(present)},
                )
                return [ready, finding := await _sale(http, folder)], (
                    time.monotonic() if finding.what == "taken" else None
                )
    except (OSError, TimeoutError, httpx.HTTPError) as error:
        return [Finding("serving", "fail", "dead", {"error": str(error)[-400:] or repr(error)})], None


@asynccontextmanager
async def _hub(settings: Settings, new: DataDir, work: Path) -> AsyncIterator[str]:
    """A hub on the loopback that nobody else can find; its address."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STOREHUB_")}
    for name in OF_THE_SERVICE:
        environment.pop(name, None)
    kept = {name: getattr(settings, name) for name in KEPT}
    environment.update({f"STOREHUB_{name.upper()}": str(value) for name, value in kept.items()})
    with (work / "hub.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hub", "run", "--data", str(new.path)),
            *("--http", "--host", "127.0.0.1", "--port", "0", "--no-mdns"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env=environment,
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )
    try:
        assert process.stdout is not None  # noqa: S101 - asked for above
        async with asyncio.timeout(START_S_MAX):
            words = (await process.stdout.readline()).decode().split()
        if words[:2] != ["storehub", "ready"]:
            raise OSError((work / "hub.log").read_text(errors="replace").strip()[-400:] or "it said nothing")
        yield words[2]
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(STOP_S_MAX):
                await process.communicate()
        except TimeoutError:
            process.kill()
            await process.communicate()


async def _sale(http: httpx.AsyncClient, folder: DataDir) -> Finding:
    """One portion of whatever can be sold just so, ordered and paid in cash."""
    menu = (await http.get("/v1/menu")).json()
    product = next((one for one in menu.get("products", ()) if _plain(one)), None)
    if product is None:
        return Finding("sale", "skip", "nothing")
    lines = [{"product_id": product["id"], "quantity": 1}]
    began = time.monotonic()
    where: dict[str, Any] = {}
    if menu["tables"]:
        order = await _post(
            http, "drill-order", "/v1/orders", {"table_id": menu["tables"][0]["id"], "lines": lines}
        )
        if order.status_code != 201:
            return Finding("sale", "warn", "refused", {"slug": order.json().get("slug", order.status_code)})
        where = {"check_id": order.json()["check_id"]}
        total = order.json()["check_total"]
    else:
        where, total = {"lines": lines}, product["price"]
    cash = next((one["id"] for one in menu["tender_methods"] if one["kind"] == "cash"), "cash")
    sale = await _paid(http, where, cash, total)
    if sale.status_code == 422 and isinstance(sale.json().get("total"), int):
        # Charges, discounts or tax that a check's total does not show: the hub has named the right one.
        sale = await _paid(http, where, cash, sale.json()["total"])
    if sale.status_code != 201:
        return Finding("sale", "warn", "refused", {"slug": sale.json().get("slug", sale.status_code)})
    number = str(sale.json()["receipt_no"])
    words = {"ms": round(1000 * (time.monotonic() - began)), "receipt_no": number}
    again = _given_out(folder, number)
    return Finding("sale", "fail" if again else "ok", "again" if again else "taken", words)


def _plain(product: dict[str, Any]) -> bool:
    return (
        product["availability"] == "orderable"
        and not product["open_price"]
        and not product["option_group_ids"]
        and product["price"] > 0
        and product.get("kind", "single") not in ("set", "plan")
        and not product.get("plan")
        and not product.get("slots")
    )


async def _paid(http: httpx.AsyncClient, where: dict[str, Any], method: str, total: int) -> httpx.Response:
    body = {**where, "tenders": [{"method": method, "amount": total}]}
    return await _post(http, f"drill-sale-{total}", "/v1/sales", body)


async def _post(http: httpx.AsyncClient, key: str, path: str, body: dict[str, Any]) -> httpx.Response:
    return await http.post(path, json=body, headers={"idempotency-key": key})


def _given_out(folder: DataDir, number: str) -> bool:
    """Whether this box's own journal has a sale with that receipt number."""
    from hub.cli.common import reading
    from hub.domain import entries

    with reading(folder.path) as journal:
        last = journal.last()
        for _, raw in journal.entries(max(1, (last[0] if last else 0) - ENTRIES_SEARCHED)):
            if number.encode() not in raw:
                continue
            envelope = entries.read(raw)
            given = msgspec.json.decode(bytes(envelope.data)).get("receipt_no")
            if envelope.type == "storehub.sale.completed.v1" and given == number:
                return True
    return False
