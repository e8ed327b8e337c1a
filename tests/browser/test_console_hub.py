"""The console before the real hub: `storehub run`, a code from its command line, orders and sales from a register."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from console_page import shows
from program import STORE, Program, sign_in

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


@pytest_asyncio.fixture(loop_scope="session")
async def start_hub(tmp_path: Path) -> AsyncIterator[Any]:
    """`await start_hub(*arguments of run)` -> Program. Asked for before open_page, it outlives the pages."""
    started: list[Program] = []

    async def start(*run: str) -> Program:
        always = ["--data", str(tmp_path / "box")]
        one = Program("hub", tmp_path / "hub.log", run=["--no-mdns", *run], always=always)
        started.append(one)
        await one.start()
        return one

    yield start
    for one in started:
        await one.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def hub(start_hub: Any) -> Program:
    return await start_hub("--http")  # type: ignore[no-any-return]


@pytest_asyncio.fixture(loop_scope="session")
async def cloud(tmp_path: Path) -> AsyncIterator[Program]:
    one = Program(
        "cloud", tmp_path / "cloud.log", run=[], always=["--db", f"sqlite:///{tmp_path / 'cloud.db'}"]
    )
    await one.start()
    yield one
    await one.stop()


async def till_of(hub: Program, folder: Path) -> httpx.AsyncClient:
    """A register's client, with the menu imported."""
    menu = folder / "menu.json"
    menu.write_text(json.dumps(MENU))
    await hub.command("import", str(menu))
    token = re.search(
        r"token=(\S+)", await hub.command("device", "add", "--name", "レジ<b>1", "--role", "register")
    )
    assert token is not None
    return httpx.AsyncClient(base_url=hub.url, headers={"authorization": f"Bearer {token[1]}"})


async def sell(till: httpx.AsyncClient, name: str) -> None:
    """Three skewers for ¥660, ordered and paid in cash."""
    lines = [{"product_id": "negima", "quantity": 3}]
    order = await till.post(
        "/v1/orders", json={"table_id": "t1", "lines": lines}, headers={"idempotency-key": f"order-{name}"}
    )
    assert order.status_code == 201, order.text
    tenders = [{"method": "cash", "amount": 660, "tendered": 1000}]
    sale = await till.post(
        "/v1/sales",
        json={"check_id": order.json()["check_id"], "tenders": tenders},
        headers={"idempotency-key": f"sale-{name}"},
    )
    assert sale.status_code == 201, sale.text


async def test_a_manager_signs_in_and_sees_a_sale_the_moment_it_is_made(
    hub: Program, open_page: Any, tmp_path: Path
) -> None:
    page = await open_page(f"{hub.url}/")
    feeds: list[str] = []
    page.on("request", lambda made: "/v1/events" in made.url and feeds.append(made.url))
    async with await till_of(hub, tmp_path) as till:
        await sign_in(hub, page, "manager")
        await shows(page, "#store", STORE)
        await shows(page, "#link-title", "No cloud is set up")
        await shows(page, "#devices", "レジ<b>1")
        await shows(page, "#sales-body", "¥0")
        await shows(page, "#live", "live")
        assert await page.evaluate("document.cookie") == ""

        await sell(till, "1")
        await shows(page, ".takings", "¥660", 3000)
        await shows(page, "#sales-body", "現金")
        await shows(page, ".drawer", "¥660", 3000)
        await page.get_by_role("button", name="Close the day").click()
        await page.locator("#ask-yes").click()
        await shows(page, ".standing", "Closed", 3000)
        await shows(page, "#toast", "The day is closed.")
        await shows(page, "#unsent-facts", "¥660")

        await page.get_by_role("button", name="Show the code").click()
        assert await page.locator(".qr").evaluate(
            "async img => { await img.decode(); return img.naturalWidth > 20 }"
        )
        typed = await page.locator(".typed").first.inner_text()
        joined = await till.post(
            "/v1/pairings", json={"code": typed, "name": "ハンディ 9"}, headers={"authorization": ""}
        )
        assert joined.status_code == 201, joined.text
        await shows(page, "#pairing-body", "Paired: ハンディ 9", 3000)

        await page.get_by_role("button", name="Lock out ハンディ 9").click()
        await page.locator("#ask-yes").click()
        await shows(page, "#toast", "ハンディ 9 is locked out.")
        gone = await till.get("/v1/menu", headers={"authorization": f"Bearer {joined.json()['token']}"})
        assert gone.json()["slug"] == "device-revoked"
    # One stream all the time: a feed that breaks off and starts again would look alive, too.
    assert len(feeds) == 1


async def test_the_page_follows_the_cloud_away_and_back_and_shows_that_it_agrees(
    cloud: Program, start_hub: Any, open_page: Any, tmp_path: Path
) -> None:
    token = re.search(r"hub=(\S+) token=(\S+)", await cloud.command("hub", "add", "--store", "1"))
    assert token is not None
    box = await start_hub("--http", "--cloud", cloud.url, "--cloud-token", token[2], "--hub-id", token[1])
    page = await open_page(f"{box.url}/console")
    async with await till_of(box, tmp_path) as till:
        await sign_in(box, page, "manager")
        await shows(page, "#link-title", "Connected to the cloud", 10_000)
        await sell(till, "1")
        await shows(page, ".takings", "¥660", 3000)
        await shows(page, "#unsent-count", "0 records")
        await shows(page, "#reconciliation .result", "Agrees", 20_000)

        port = cloud.port
        await cloud.stop()
        await sell(till, "2")
        await shows(page, ".takings", "¥1,320", 3000)
        await shows(page, "#link-title", "The cloud cannot be reached", 10_000)
        await shows(page, "#link-reason", "connect-refused")
        await shows(page, "#unsent-facts", "¥660")

        await cloud.start(port)
        await page.get_by_role("button", name="Try now").click()
        await page.locator("#ask-yes").click()
        await shows(page, "#link-title", "Connected to the cloud", 10_000)
        await shows(page, "#unsent-count", "0 records")

        await page.get_by_role("button", name="Pause sending").click()
        await page.locator("#ask-yes").click()
        await shows(page, "#link-title", "Sending is paused", 3000)
        await sell(till, "3")
        await shows(page, "#unsent-facts", "¥660", 3000)
        await page.get_by_role("button", name="Resume sending").click()
        await page.locator("#ask-yes").click()
        await shows(page, "#unsent-count", "0 records")


async def test_the_page_finds_a_hub_again_that_was_killed_and_is_still_signed_in(
    hub: Program, open_page: Any
) -> None:
    open_page.complaints.expect("net::ERR_", "EventSource")
    page = await open_page(f"{hub.url}/console")
    await sign_in(hub, page, "technician")
    await shows(page, "#sales", "Sales figures are not shown to technicians.")
    await shows(page, "#live", "live")
    port = hub.port
    await hub.stop(signal.SIGKILL)
    await shows(page, ".notice.red", "The box does not answer", 9000)
    await hub.start(port)
    await page.wait_for_selector("#notices .notice.red", state="detached", timeout=12_000)
    await shows(page, "#live", "live")
    await page.get_by_role("button", name="Sign out").click()
    await page.locator("#code:focus").wait_for()


async def test_over_tls_the_session_is_bound_to_this_very_host(start_hub: Any, open_page: Any) -> None:
    box = await start_hub("--host", "127.0.0.1")
    page = await open_page(f"https://127.0.0.1:{box.port}/console", ignore_https_errors=True)
    await sign_in(box, page, "manager")
    await shows(page, "#live", "live")
    await shows(page, "#box-body", "Certificate authority")
    (cookie,) = await page.context.cookies()
    assert cookie["name"] == "__Host-storehub"
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Strict")
    await page.get_by_role("button", name="Show the code").click()
    digits = (await page.locator(".typed.digits").inner_text()).replace(" ", "")
    told = re.search(r"digits=(\d{6})", await box.command("device", "code"))
    assert told is not None
    assert digits == told[1]


async def test_the_reference_of_the_api_is_no_wider_than_its_window(hub: Program, open_page: Any) -> None:
    page = await open_page(f"{hub.url}/console", viewport={"width": 1280, "height": 800})
    await page.goto(f"{hub.url}/docs")
    await shows(page, "#schemas", "DrillsView")
    for width in (1280, 390):
        await page.set_viewport_size({"width": width, "height": 800})
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
