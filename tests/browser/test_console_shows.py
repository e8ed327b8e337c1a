"""What the console shows, in real Chromium, before a box that can be in any state."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from console_page import BY_FEED_MS, shows, sign_in, until
from console_stub import EPOCH, Box, ago, business_date, serve, side

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_everything_the_manager_needs_is_on_the_page(address: str, open_page: Any, box: Box) -> None:
    page = await sign_in(await open_page(f"{address}/console"))
    await shows(page, "#link", "Connected to the cloud")
    await shows(page, "#link-since", "(5 hr 12 min)")
    await shows(page, "#unsent-count", "0 records")
    await shows(page, "#unsent-facts", "Last confirmed by the cloud")
    await shows(page, ".takings", "¥187,520")
    for text in ("58 sales", "クレジットカード", "¥74,860", "ねぎま", "Reduced 8%", "Orders"):
        await shows(page, "#sales-body", text)
    assert await page.locator("#sales-body .bar").count() == 10
    assert "19:00: ¥38,900" in await page.locator("#sales-body svg").get_attribute("aria-label")
    for text in (
        "412 days",
        "21.7 GB free",
        "148 MB",
        "right",
        "announced",
        "192.168.10.20",
        "a41f09be",
        "0.1.0",
    ):
        await shows(page, "#box-body", text)
    await shows(page, "#devices-count", "5 of 6 online")
    await shows(page, "#live", "live")


async def test_another_business_day_can_be_read(address: str, open_page: Any) -> None:
    page = await sign_in(await open_page(f"{address}/console"))
    await shows(page, ".takings", "¥187,520")
    assert await page.locator("#sales-later").is_disabled()
    await page.click("#sales-earlier")
    await shows(page, "#sales-body", "No sales yet on this day.")
    await shows(page, "#sales-body", "Day closed")
    await page.click("#sales-later")
    await shows(page, ".takings", "¥187,520")


async def test_the_business_day_and_its_drawers_are_shown_and_follow_the_feed(
    address: str, open_page: Any, box: Box
) -> None:
    page = await sign_in(await open_page(f"{address}/console"))
    await until(lambda: box.feeds)
    for text in (
        "Open",
        "¥185,780",
        "Checks still open 2",
        "¥6,580",
        "opened 2× without a sale",
        "¥50 short",
    ):
        await shows(page, "#day-body", text)
    drawers = await page.locator("#day-body .drawer").all_inner_texts()
    assert ["レジ" in drawers[0], "¥122,310" in drawers[0]] == [True, True]
    assert ["counter-2" in drawers[1], "settled" in drawers[1], "exact" in drawers[1]] == [True] * 3
    box.business["registers"][0].update(expected=99_000)
    box.tell("storehub.drawer.moved.v1")
    await shows(page, "#day-body", "¥99,000", BY_FEED_MS)
    figures = box.business["figures"]
    box.business |= {
        "status": "amended", "closed_at": ago(hours=2), "closed_by": "auto", "frozen": {**figures, "net": 184_000},
        "late": {"count": 2, "total": 1_780},
    }  # fmt: skip
    box.tell("storehub.day.closed.v1")
    for text in ("Changed after closing", "by itself", "¥184,000", "Came in later +2", "¥1,780"):
        await shows(page, "#day-body", text, BY_FEED_MS)


async def test_a_manager_closes_the_day_on_the_page(address: str, open_page: Any, box: Box) -> None:
    page = await sign_in(await open_page(f"{address}/console", locale="ja-JP"))
    await page.get_by_role("button", name="営業日を締める").click()
    await shows(page, "#ask-body", "未会計の伝票が 2 件")
    await shows(page, "#ask-body", "精算していないレジが 1 台")
    await page.locator("#ask-yes").click()
    await shows(page, "#day-body", "締め済み", BY_FEED_MS)
    assert box.of("POST")[-1] == ("POST", f"/v1/days/{business_date()}/close", {"open_checks": "carry"})
    assert await page.get_by_role("button", name="営業日を締める").count() == 0


STATES = [
    (
        "offline",
        "dns: no address for cloud.example",
        "amber",
        "The cloud cannot be reached",
        "restart the router",
    ),
    ("degraded", "slow: answers take 9 s", "amber", "The connection is unsteady", ""),
    (
        "captive_portal",
        "html: answers 200 with text/html",
        "red",
        "The line asks for a sign-in",
        "complete the provider",
    ),
    ("refused", "denied: token unknown", "red", "The cloud refuses this box", "Tell your technician"),
    ("paused", "paused: by hand", "amber", "Sending is paused", "Resume sending"),
    (
        "offline",
        "not-configured: no cloud is configured",
        "amber",
        "No cloud is set up",
        "STOREHUB_CLOUD_URL",
    ),
    ("offline", "starting: not tried yet", "amber", "Connecting to the cloud", ""),
    ("something_new", "", "amber", "State not known", ""),
    ("online", "", "green", "Connected to the cloud", ""),
]


async def test_every_state_is_told_in_words_and_by_an_icon_and_with_what_to_do(
    address: str, open_page: Any, box: Box
) -> None:
    page = await sign_in(await open_page(f"{address}/console"))
    await until(lambda: box.feeds)
    drawn = {}
    for state, reason, lamp, title, todo in STATES:
        box.link(state, reason)
        box.tell("link", {"state": state})
        await shows(page, "#link-title", title, BY_FEED_MS)
        lit = page.locator(".lamp.lit")
        assert await lit.count() == 1
        assert await lit.get_attribute("id") == f"lamp-{lamp}"
        drawn[title] = await lit.locator("path").evaluate_all(
            "all => all.map(p => p.getAttribute('d')).join()"
        )
        if todo:
            await shows(page, "#link-todo", todo)
        else:
            assert await page.locator("#link-todo").is_hidden()
        if reason:
            await shows(page, "#link-reason", reason)
    told = [
        "The cloud cannot be reached",
        "The line asks for a sign-in",
        "The cloud refuses this box",
        "Sending is paused",
    ]
    assert len({drawn[title] for title in [*told, "Connected to the cloud"]}) == 5
    assert await page.locator("[role=status][aria-live=polite] #link-title").count() == 1


async def test_what_waits_is_shown_with_its_age_and_amount(address: str, open_page: Any, box: Box) -> None:
    page = await sign_in(await open_page(f"{address}/console"))
    await until(lambda: box.feeds)
    box.sync["unsent"] = {"count": 1284, "oldest_at": ago(minutes=47), "sales_total": 96_840}
    box.sync["acked_seq"] = box.sync["last_seq"] // 2
    box.tell("storehub.sale.completed.v1")
    await shows(page, "#unsent-count", "1,284 records", BY_FEED_MS)
    await shows(page, "#unsent-facts", "47 min")
    await shows(page, "#unsent-facts", "¥96,840")
    await shows(page, "#link-title", "Sending to the cloud")
    assert (await page.locator("#unsent-progress span").get_attribute("style")).startswith("width: 49.9")


async def test_the_feed_brings_a_sale_at_once_and_a_rush_does_not_weigh_on_the_box(
    address: str, open_page: Any, box: Box
) -> None:
    page = await sign_in(await open_page(f"{address}/console"))
    await until(lambda: box.feeds)
    reads, began = box.count("GET", "/v1/sync"), time.monotonic()
    for total in range(1, 401):
        box.report["sales"] = {"count": 58 + total, "total": 187_520 + total}
        box.tell("storehub.sale.completed.v1")
        await asyncio.sleep(0.002)
    await shows(page, ".takings", "¥187,920", BY_FEED_MS)
    await shows(page, ".takings", "458 sales")
    assert box.count("GET", "/v1/sync") - reads <= 8 + 2 * (time.monotonic() - began)


async def test_refused_records_are_in_plain_sight_with_the_clouds_reason(
    address: str, open_page: Any, box: Box
) -> None:
    box.sync["quarantined"] = [
        {"epoch": EPOCH, "seq": 18_101, "type": "storehub.sale.completed.v1", "business_date": business_date(),
         "hash": "ab12" * 16, "reason": "unknown tender method", "at": ago(hours=2), "amount": 4830},
    ]  # fmt: skip
    page = await sign_in(await open_page(f"{address}/console"))
    for text in ("Sale #18,101", "unknown tender method", "¥4,830", "2 hr"):
        await shows(page, "#quarantine", text)
    await shows(page, "#quarantine-count", "1")
    await shows(page, "#link-title", "Sent, except what was set aside")
    await page.get_by_role("button", name="Ask the cloud again").click()
    await page.locator("#ask-yes").click()
    await shows(page, "#quarantine", "Nothing was refused by the cloud.")
    assert box.of("POST")[-1] == ("POST", "/v1/sync/retry", {"seq": 18_101})


async def test_the_reconciliation_says_where_the_cloud_differs(
    address: str, open_page: Any, box: Box
) -> None:
    box.sync["reconciliation"][1].update(cloud=side(1387, 190, 600_040), agrees=False)
    page = await sign_in(await open_page(f"{address}/console"))
    results = await page.locator("#reconciliation .result").all_inner_texts()
    assert [text.strip() for text in results[1:]] == ["Not asked yet", "Differs", "Agrees"]
    assert await page.locator("#reconciliation .differs").all_inner_texts() == [
        "1,388",
        "¥604,870",
        "1,387",
        "¥600,040",
    ]


async def test_a_box_that_is_gone_is_said_to_be_gone_and_found_again(open_page: Any, box: Box) -> None:
    open_page.complaints.expect("net::ERR_", "EventSource")
    async with serve(box) as address:
        page = await sign_in(await open_page(f"{address}/console"))
        await until(lambda: box.feeds)
    await shows(page, ".notice.red", "The box does not answer", 9000)
    await shows(page, "#link-state", "Box not reachable")
    await shows(page, "#live", "reconnecting")
    assert await page.locator(".lamp.lit").count() == 0
    await shows(page, ".takings", "¥187,520")
    box.report["sales"] = {"count": 59, "total": 190_000}
    async with serve(box, urlsplit(address).port or 0):
        await shows(page, ".takings", "¥190,000", 12_000)
        await page.wait_for_selector("#notices .notice", state="detached")
        await shows(page, "#live", "live")
        await shows(page, "#link-title", "Connected to the cloud")


async def test_a_reset_feed_reads_everything_again(address: str, open_page: Any, box: Box) -> None:
    page = await sign_in(await open_page(f"{address}/console"))
    await until(lambda: box.feeds)
    await shows(page, "#live", "live")
    box.sync["last_seq"] = 7
    box.devices[0]["name"] = "新しいハンディ"
    box.tell("reset")
    await shows(page, "#devices", "新しいハンディ", BY_FEED_MS)
    await until(lambda: box.after[-1] == f"{EPOCH}:7")


async def test_money_and_times_are_the_stores_not_the_browsers(
    address: str, open_page: Any, box: Box
) -> None:
    box.sync["business_date"] = business_date()
    box.sync["hub"]["currency"] = "USD"
    box.sync["hub"]["timezone"] = "America/New_York"
    box.sync["link"]["since"] = "2026-01-05T12:00:00+00:00"
    page = await sign_in(await open_page(f"{address}/console", timezone_id="Asia/Kolkata"))
    await shows(page, ".takings", "$1,875.20")
    await shows(page, "#link-since", "Jan 5, 07:00")


async def test_trouble_of_the_box_stands_above_everything(address: str, open_page: Any, box: Box) -> None:
    page = await sign_in(await open_page(f"{address}/console"))
    assert await page.locator("#notices .notice").count() == 0
    box.sync["journal"] = {"state": "read_only", "since": ago(minutes=3), "reason": "read-only file system"}
    box.sync["behind"] = {"witness": "device", "epoch": EPOCH, "seq": 18_500}
    box.sync["clock"] = {"trusted": False, "source": "journal"}
    box.sync["storage"]["days_left"] = 6.5
    box.sync["problem"] = "KeyError: 'seq'"
    box.sync["unrecovered"] = ["00aa:12 sold-out"]
    box.sync["master"] = {"problem": "not applied: tax"}
    box.tell("synced")
    await shows(page, "#notices", "The box cannot write to its disk", BY_FEED_MS)
    await shows(page, "#notices", "A device has seen records up to number 18,500")
    await shows(page, "#notices", "The disk holds only 6 more days")
    for text in ("clock is not confirmed", "KeyError", "00aa:12", "not applied: tax"):
        await shows(page, "#notices", text)
    assert await page.locator("#notices[role=alert]").count() == 1
