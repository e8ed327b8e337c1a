"""The console before the real hub: `storehub run`, a code from its command line, orders and sales from a register."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

MENU = {
    "version": "1", "currency": "JPY",
    "categories": [{"id": "c1", "name": "串焼き"}],
    "products": [{"id": "negima", "code": "1", "name": "ねぎま", "category_id": "c1", "price": 220,
                  "tax_class": "standard", "tax_included": True, "option_group_ids": [], "open_price": False,
                  "stock_tracked": False, "availability": "orderable"}],
    "option_groups": [],
    "tax_rates": [{"tax_class": "standard", "rate": "0.10", "from": "2019-10-01T00:00:00+09:00"}],
    "tables": [{"id": "t1", "name": "1番", "area": "1階"}],
    "tender_methods": [{"id": "cash", "name": "現金", "kind": "cash", "needs_network": False}],
    "staff": [],
}  # fmt: skip


class Hub:
    """A hub process of this test alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self._process: asyncio.subprocess.Process | None = None

    async def storehub(self, *words: str) -> str:
        """What a command of the hub prints. Fails the test when the command fails."""
        process = await asyncio.create_subprocess_exec(
            *_command(*words, "--data", str(self.folder)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode()

    async def start(self, port: int = 0) -> None:
        with (self.folder.parent / "hub.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *_command("run", "--http", "--no-mdns", "--port", str(port), "--data", str(self.folder)),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, "STOREHUB_STORE_NAME": "炭火やきとり 渋谷店"},
            )
        assert self._process.stdout is not None
        line = (await asyncio.wait_for(self._process.stdout.readline(), 20)).decode()
        found = re.match(r"storehub ready (\S+) ", line)
        assert found, (line, (self.folder.parent / "hub.log").read_text()[-2000:])
        self.url = found[1]

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(how)
            await asyncio.wait_for(self._process.wait(), 20)


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "hub", *words]


@pytest_asyncio.fixture(loop_scope="session")
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    one = Hub(tmp_path / "box")
    await one.start()
    yield one
    await one.stop()


async def shows(page: Any, selector: str, text: str, timeout_ms: float = 6000) -> None:
    await page.locator(selector).filter(has_text=text).first.wait_for(timeout=timeout_ms)


async def test_a_manager_signs_in_and_sees_a_sale_the_moment_it_is_made(hub: Hub, open_page: Any, tmp_path: Path) -> None:
    menu = tmp_path / "menu.json"
    menu.write_text(json.dumps(MENU))
    await hub.storehub("import", str(menu))
    register = await hub.storehub("device", "add", "--name", "レジ<b>1", "--role", "register")
    token = re.search(r"token=(\S+)", register)
    made = re.search(r"code=(\S+)", await hub.storehub("device", "code", "--role", "manager"))
    assert token is not None
    assert made is not None

    page = await open_page(f"{hub.url}/")
    feeds: list[str] = []
    page.on("request", lambda made: "/v1/events" in made.url and feeds.append(made.url))
    await page.locator("#code:focus").wait_for()
    await page.fill("#code", made[1].lower())
    await page.press("#code", "Enter")
    await shows(page, "#store", "炭火やきとり 渋谷店")
    await shows(page, "#link-title", "No cloud is set up")
    await shows(page, "#devices", "レジ<b>1")
    await shows(page, "#sales-body", "¥0")
    await shows(page, "#live", "live")
    assert await page.evaluate("document.cookie") == ""

    async with httpx.AsyncClient(base_url=hub.url, headers={"authorization": f"Bearer {token[1]}"}) as till:
        lines = [{"product_id": "negima", "quantity": 3}]
        order = await till.post(
            "/v1/orders", json={"table_id": "t1", "lines": lines}, headers={"idempotency-key": "order-1"}
        )
        assert order.status_code == 201, order.text
        sale = await till.post(
            "/v1/sales",
            json={"check_id": order.json()["check_id"], "tenders": [{"method": "cash", "amount": 660, "tendered": 1000}]},
            headers={"idempotency-key": "sale-1"},
        )
        assert sale.status_code == 201, sale.text
        await shows(page, ".takings", "¥660", 3000)
        await shows(page, "#sales-body", "現金")
        await shows(page, "#unsent-facts", "¥660")

        await page.get_by_role("button", name="Show the code").click()
        assert await page.locator(".qr").evaluate("async img => { await img.decode(); return img.naturalWidth > 20 }")
        typed = await page.locator(".typed").first.inner_text()
        joined = await till.post(
            "/v1/pairings", json={"code": typed, "name": "ハンディ 9"}, headers={"authorization": ""}
        )
        assert joined.status_code == 201, joined.text
        await shows(page, "#pairing-body", "Paired: ハンディ 9", 3000)

        await page.get_by_role("button", name="Lock out ハンディ 9").click()
        await page.locator("#ask-yes").click()
        await shows(page, "#toast", "ハンディ 9 is locked out.")
        token_now = joined.json()["token"]
        gone = await till.get("/v1/menu", headers={"authorization": f"Bearer {token_now}"})
        assert gone.json()["slug"] == "device-revoked"
    # One stream all the time: a feed that breaks off and starts again would look alive, too.
    assert len(feeds) == 1


async def test_the_page_finds_a_hub_again_that_was_killed_and_is_still_signed_in(hub: Hub, open_page: Any) -> None:
    open_page.complaints.expect("net::ERR_", "EventSource")
    made = re.search(r"code=(\S+)", await hub.storehub("device", "code", "--role", "technician"))
    assert made is not None
    page = await open_page(f"{hub.url}/console")
    await page.fill("#code", made[1])
    await page.press("#code", "Enter")
    await shows(page, "#sales", "Sales figures are not shown to technicians.")
    await shows(page, "#live", "live")
    port = int(hub.url.rsplit(":", 1)[1])
    await hub.stop(signal.SIGKILL)
    await shows(page, ".notice.red", "The box does not answer", 9000)
    await hub.start(port)
    await page.wait_for_selector("#notices .notice.red", state="detached", timeout=12_000)
    await shows(page, "#live", "live")
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_selector("#signin:not([hidden])")
    await page.locator("#code:focus").wait_for()
