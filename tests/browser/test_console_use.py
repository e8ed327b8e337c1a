"""What people do with the console, in real Chromium: sign in, switch, lock out, pair, read on any screen."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from console_page import BY_FEED_MS, TECHNICIAN, shows, sign_in, until
from console_stub import EPOCH, HUB, Box, ago, business_date

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


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


async def test_a_new_address_of_the_box_makes_a_new_qr_code(address: str, open_page: Any, box: Box) -> None:
    page = await sign_in(await open_page(f"{address}/console"))
    await page.locator("#pairing-form button").click()
    await shows(page, "#pairing-body", "https://192.168.10.20:8443")
    before = await page.get_attribute(".qr", "src")
    box.sync["hub"]["url"] = "https://192.168.10.99:8443"
    await shows(page, "#pairing-body", "https://192.168.10.99:8443", 8000)
    await shows(page, "#box-body", "https://192.168.10.99:8443")
    assert await page.get_attribute(".qr", "src") != before
    assert box.count("POST", "/console/pairing-codes") == 2


async def test_the_doctor_says_what_is_wrong_and_what_to_do(address: str, open_page: Any, box: Box) -> None:
    page = await sign_in(await open_page(f"{address}/console"), TECHNICIAN)
    await page.click("#doctor-run")
    await shows(page, "#doctor-body", "Something is broken.")
    shown = page.locator("#doctor-body > ul .finding")
    assert await shown.evaluate_all("all => all.map(one => one.dataset.id)") == [
        "disk.low",
        "isolation.guest",
    ]
    await shows(page, '[data-id="isolation.guest"] .todo', "client isolation")
    await shows(page, "#doctor-body summary", "2 other checks")
    assert box.count("GET", "/v1/doctor") == 2, "asked again while it ran"
    await page.click("#language")
    await shows(page, '[data-id="isolation.guest"] .todo', "プライバシーセパレーター")


async def test_a_drill_is_begun_ended_and_told_in_both_languages(
    address: str, open_page: Any, box: Box
) -> None:
    page = await sign_in(await open_page(f"{address}/console"))
    await shows(page, '[data-kind="box"] .todo', "once there is a mirror or a standby")
    assert await page.locator('[data-kind="box"] button').count() == 0
    await page.locator('[data-kind="wan"] button').click()
    await shows(page, "#ask-body", "Payments that need the cloud are refused meanwhile")
    assert not box.of("POST")[1:], "nothing before the person has agreed"
    await page.locator("#ask-yes").click()
    await shows(page, "#drill-body .notice", "A drill is running")
    assert box.of("POST")[-1] == ("POST", "/v1/drills", {"kind": "wan", "seconds": 60})
    assert await page.locator("#drill-body .drill button").count() == 0, "one at a time"
    await page.get_by_role("button", name="End it now").click()
    await shows(page, "#toast", "The drill has ended")
    assert box.count("POST", "/v1/sync/resume") == 1
    box.drills = {**Box._drills(), "last": {"kind": "wan", "at": ago(seconds=2), "state": "ok"}}
    # Asked again by itself while it ran.
    await shows(page, "#drill-body .notice", "The store would have gone on.")
    await shows(page, '[data-id="backlog.drained"]', "14 entries waited")
    await page.click("#language")
    await shows(page, "#drill-body .notice", "営業を続けられる結果でした")
    await shows(page, '[data-id="backlog.drained"]', "最大 14 件が待ち")


async def test_a_pairing_code_that_ran_out_is_taken_away(address: str, open_page: Any, box: Box) -> None:
    box.code_seconds = 1.5
    page = await sign_in(await open_page(f"{address}/console"))
    await page.get_by_role("button", name="Show the code").click()
    await page.wait_for_selector(".qr")
    await shows(page, "#pairing-body", "This code has expired.")
    assert await page.locator(".qr").count() == 0


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


async def test_the_doctors_worst_comes_first_and_support_gets_its_file(
    address: str, open_page: Any, box: Box
) -> None:
    box.findings = {language: rows[::-1] for language, rows in box.findings.items()}
    page = await sign_in(await open_page(f"{address}/console"))
    await page.get_by_role("button", name="Examine the box").click()
    await page.wait_for_selector(".finding")
    ids = await page.locator("#doctor-body > ul .finding").evaluate_all("all => all.map(f => f.dataset.id)")
    assert ids == ["disk.low", "isolation.guest"]
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Save a file for support").click()
    saved = await saving.value
    assert saved.suggested_filename.startswith("storehub-bundle-2")
    assert Path(await saved.path()).read_bytes() == b"packed"
    await shows(page, "#toast", "The file for support is saved.")


async def test_a_manager_says_what_time_it_is(address: str, open_page: Any, box: Box) -> None:
    page = await sign_in(await open_page(f"{address}/console", timezone_id="America/New_York"))
    assert await page.locator("#clock").is_hidden()
    box.sync["clock"] = {"trusted": False, "source": "journal", "time": ago(hours=0), "unsure_entries": 42}
    box.tell("synced")
    await shows(page, "#clock-why", "no earlier than the last record", BY_FEED_MS)
    await shows(page, "#clock-shift", "The box believes the same.")
    field = page.locator("#clock-time")
    # By the clock on the store's wall, wherever this browser stands.
    assert (await field.input_value())[:13] == datetime.now(ZoneInfo("Asia/Tokyo")).isoformat()[:13]
    await field.fill("2031-05-06T07:08")
    await shows(page, "#clock-shift", "The box goes forward by")
    await page.get_by_role("button", name="This is the right time").click()
    await shows(page, "#ask-title", "May 6, 2031, 07:08")
    await shows(page, "#ask-body", "up to 42 records")
    await page.locator("#ask-yes").click()
    await shows(page, "#toast", "The box knows the time now.")
    assert box.of("POST")[-1] == ("POST", "/v1/clock", {"time": "2031-05-06T07:08"})
    await page.wait_for_selector("#clock", state="hidden")
