"""The console in real Chromium, before a box that can be in any state."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from console_stub import EPOCH, HUB, Box, ago, business_date, serve, side

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

MANAGER, TECHNICIAN = "mgr7-kq2p", "tec4-hw9x"
# Shorter than the page's own slow poll: what shows up within it came by the feed.
BY_FEED_MS = 3000


async def sign_in(page: Any, code: str = MANAGER) -> Any:
    await page.fill("#code", code)
    await page.press("#code", "Enter")
    await page.wait_for_selector("#box-body .gauges")
    await page.wait_for_selector("#devices-body li")
    return page


async def shows(page: Any, selector: str, text: str, timeout_ms: float = 6000) -> None:
    await page.locator(selector).filter(has_text=text).first.wait_for(timeout=timeout_ms)


async def until(true: Callable[[], Any], *, seconds: float = 8) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_a_code_signs_in_and_the_session_is_out_of_reach_of_scripts(
    address: str, open_page: Any, box: Box
) -> None:
    open_page.complaints.expect("403")
    page = await open_page(f"{address}/")
    assert urlsplit(page.url).path == "/console"
    await page.locator("#code:focus").wait_for()
    await shows(page, "#signin", "storehub device code --role manager")
    await page.fill("#code", "no-such-code")
    await page.click("#signin-form button")
    await shows(page, "#signin-wrong", "not valid")
    await page.fill("#code", "HND2-AAAA")
    await page.click("#signin-form button")
    await shows(page, "#signin-wrong", "for another role")
    await sign_in(page)
    await shows(page, "#store", HUB["name"])
    await shows(page, "#person", "(Manager)")
    assert await page.evaluate("document.cookie") == ""
    await page.reload()
    await page.wait_for_selector("#box-body .gauges")
    await page.click("#signout")
    await page.wait_for_selector("#signin:not([hidden])")
    assert box.sessions == {}
    assert await page.locator("#console").is_hidden()


async def test_a_session_that_ends_elsewhere_ends_here_at_once(
    address: str, open_page: Any, box: Box
) -> None:
    page = await sign_in(await open_page(f"{address}/console"))
    page.complaints.expect("401")
    await until(lambda: box.feeds)
    box.sessions.clear()
    box.tell("storehub.device.revoked.v1")
    await shows(page, "#signin", "You have been signed out", BY_FEED_MS)


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
    reads = box.count("GET", "/v1/sync")
    for total in range(1, 401):
        box.report["sales"] = {"count": 58 + total, "total": 187_520 + total}
        box.tell("storehub.sale.completed.v1")
        await asyncio.sleep(0.002)
    await shows(page, ".takings", "¥187,920", BY_FEED_MS)
    await shows(page, ".takings", "458 sales")
    assert box.count("GET", "/v1/sync") - reads <= 8


async def test_pausing_asks_first_and_resuming_goes_on(address: str, open_page: Any, box: Box) -> None:
    page = await sign_in(await open_page(f"{address}/console"))
    await page.get_by_role("button", name="Pause sending").click()
    await shows(page, "#ask", "The store goes on")
    await page.get_by_role("button", name="Cancel").click()
    assert box.count("POST", "/v1/sync/pause") == 0
    await page.get_by_role("button", name="Pause sending").click()
    await page.locator("#ask-yes").click()
    await shows(page, "#link-title", "Sending is paused")
    await page.get_by_role("button", name="Resume sending").click()
    await page.locator("#ask-yes").click()
    await shows(page, "#link-title", "Connected to the cloud")
    await page.get_by_role("button", name="Try now").click()
    await page.locator("#ask-yes").click()
    await shows(page, "#toast", "Trying now.")
    assert [path for method, path, _ in box.requests if method == "POST"][1:] == [
        "/v1/sync/pause", "/v1/sync/resume", "/v1/sync/retry",
    ]  # fmt: skip


async def test_a_lost_device_is_locked_out_once_however_often_the_answer_is_lost(
    address: str, open_page: Any, box: Box
) -> None:
    page = await sign_in(await open_page(f"{address}/console"))
    page.complaints.expect("503")
    box.lose_answers = 2
    await page.get_by_role("button", name="Lock out ハンディ 2").click()
    await shows(page, "#ask-title", "Lock out ハンディ 2?")
    await page.locator("#ask-yes").click()
    await shows(page, "#toast", "ハンディ 2 is locked out.")
    assert len(box.keys) == 3
    assert len(set(box.keys)) == 1
    assert len(box.keys[0]) >= 16
    await shows(page, "#devices summary", "Former devices (2)")
    await shows(page, "#devices-count", "4 of 5 online")


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


async def test_pairing_shows_a_code_to_scan_and_to_type_and_notices_its_use(
    address: str, open_page: Any, box: Box
) -> None:
    page = await sign_in(await open_page(f"{address}/console"))
    await page.select_option("#pairing-role", "table")
    await page.fill("#pairing-table", "t2")
    await page.select_option("#pairing-minutes", "10")
    await page.get_by_role("button", name="Show the code").click()
    assert await page.locator(".qr").evaluate(
        "async img => { await img.decode(); return img.naturalWidth > 20 }"
    )
    for text in ("F3KX-9TQM-2B", "418 205", "Table tablet", "valid for 9 min", "https://192.168.10.20:8443"):
        await shows(page, "#pairing-body", text)
    assert box.of("POST")[-1][2] == {"role": "table", "minutes": 10, "table_id": "t2"}
    box.devices.append(
        {**box.devices[4], "device_id": "dev-new", "name": "窓ぎわ", "paired_at": ago(seconds=0)}
    )
    box.tell("storehub.device.paired.v1")
    await shows(page, "#pairing-body", "Paired: 窓ぎわ", BY_FEED_MS)
    await page.get_by_role("button", name="Done").click()
    await page.get_by_role("button", name="Show the code").wait_for()


async def test_a_pairing_code_that_ran_out_is_taken_away(address: str, open_page: Any, box: Box) -> None:
    box.code_seconds = 1.5
    page = await sign_in(await open_page(f"{address}/console"))
    await page.get_by_role("button", name="Show the code").click()
    await page.wait_for_selector(".qr")
    await shows(page, "#pairing-body", "This code has expired.")
    assert await page.locator(".qr").count() == 0


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


async def test_names_and_reasons_from_outside_stay_text(address: str, open_page: Any, box: Box) -> None:
    attack = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
    box.devices[0]["name"] = attack
    box.devices[1].update(name=attack, revoked_at=ago(hours=1))
    box.sync["hub"]["version"] = box.sync["beacon"]["reason"] = attack
    box.link("refused", f"denied: {attack}")
    box.sync["journal"] = {"state": "full", "since": ago(minutes=1), "reason": attack}
    box.sync["quarantined"] = [
        {"epoch": EPOCH, "seq": 5, "type": attack, "business_date": business_date(), "hash": attack, "reason": attack,
         "at": ago(hours=1)},
    ]  # fmt: skip
    box.report["tenders"][0]["name"] = box.report["products"][0]["name"] = attack
    page = await sign_in(await open_page(f"{address}/console"))
    for part in ("#devices", "#quarantine", "#sales", "#link-reason", "#notices", "#box"):
        await shows(page, part, "<img src=x")
    await page.get_by_role("button", name="Lock out <img").first.click()
    await shows(page, "#ask-title", "<img src=x")
    await page.locator("#ask-yes").click()
    await shows(page, "#toast", "<img src=x")
    assert await page.locator("main img, dialog img, .toast img, main script").count() == 0
    assert await page.evaluate("window.hacked") is None


async def test_strings_cannot_become_markup_even_by_mistake(address: str, open_page: Any) -> None:
    page = await open_page(f"{address}/console")
    page.complaints.expect("Trusted", "CSP require-trusted-types-for", "CSP script-src", "inline")
    for mistake in ("document.body.innerHTML = '<b>x</b>'", "document.body.setAttribute('onclick', 'x()')"):
        assert (
            await page.evaluate(f"() => {{ try {{ {mistake} }} catch (e) {{ return e.name }} }}")
            == "TypeError"
        )


async def test_the_language_follows_the_browser_until_a_person_chooses(
    address: str, open_page: Any, box: Box
) -> None:
    page = await sign_in(await open_page(f"{address}/console", locale="ja-JP"))
    await shows(page, "#link-title", "クラウドにつながっています")
    await shows(page, ".takings", "会計 58 件")
    await shows(page, ".takings", "¥187,520")
    assert await page.evaluate("document.documentElement.lang") == "ja"
    await page.get_by_role("button", name="Switch to English").click()
    await shows(page, "#link-title", "Connected to the cloud")
    await shows(page, "#pairing-role", "Kitchen display")
    await page.reload()
    await shows(page, "#link-title", "Connected to the cloud")
    assert "rows" in await page.locator("#devices-body ul").first.get_attribute("class")


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


async def test_a_technician_sees_the_box_and_no_sales(address: str, open_page: Any, box: Box) -> None:
    box.sync["unsent"]["sales_total"] = None
    for row in box.sync["reconciliation"]:
        row["hub"]["total"] = None
    page = await sign_in(await open_page(f"{address}/console"), TECHNICIAN)
    await shows(page, "#sales", "Sales figures are not shown to technicians.")
    await shows(page, "#box-body", "412 days")
    assert "¥" not in await page.locator("#unsent-facts").inner_text()
    await page.get_by_role("button", name="Lock out レジ").wait_for()
    assert not [path for _, path, _ in box.requests if path.startswith("/v1/reports")]


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


@pytest.mark.parametrize(
    ("width", "scheme", "locale"),
    [(390, "light", "ja-JP"), (390, "dark", "en-GB"), (768, "light", "ja-JP"), (1280, "dark", "en-GB")],
)
async def test_nothing_sticks_out_on_any_screen(
    address: str, open_page: Any, box: Box, width: int, scheme: str, locale: str
) -> None:
    box.devices[0]["name"] = "長い名前" * 12
    box.devices[2]["name"] = "W" * 60
    box.link("captive_portal", "html: " + "x" * 120)
    page = await open_page(
        f"{address}/console", viewport={"width": width, "height": 844}, color_scheme=scheme, locale=locale
    )
    assert await _sticks_out(page) == 0
    await sign_in(page)
    await page.locator("#pairing-form button").click()
    await page.wait_for_selector(".qr")
    assert await _sticks_out(page) == 0
    small = "all => all.filter(b => b.offsetParent && b.offsetHeight < 44).map(b => b.id || b.textContent)"
    assert await page.locator("button, select, input").evaluate_all(small) == []


async def _sticks_out(page: Any) -> int:
    return int(
        await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    )


async def test_the_keyboard_keeps_its_place_while_the_page_refreshes(
    address: str, open_page: Any, box: Box
) -> None:
    page = await sign_in(await open_page(f"{address}/console"))
    await until(lambda: box.feeds)
    button = page.get_by_role("button", name="Lock out レジ")
    await button.focus()
    box.devices[1].update(online=False, last_seen_at=ago(minutes=4))
    box.tell("storehub.device.paired.v1")
    await shows(page, "#devices", "4 min", BY_FEED_MS)
    assert await page.evaluate("document.activeElement.getAttribute('aria-label')") == "Lock out レジ"
    outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline in ("none", "solid")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Shift+Tab")
    assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


async def test_every_control_and_field_has_a_name(address: str, open_page: Any) -> None:
    page = await sign_in(await open_page(f"{address}/console"))
    nameless = """all => all.filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length))
      .map(e => e.outerHTML)"""
    assert await page.locator("button:not(#ask-yes)").evaluate_all(nameless) == []
    fields = "all => all.filter(e => !e.labels?.length).map(e => e.outerHTML)"
    assert await page.locator("input, select").evaluate_all(fields) == []
    assert await page.locator("section:not([aria-labelledby])").count() == 0
