"""A real browser's EventSource: it follows the feed, and comes back by itself to where it was."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.process import hub_process

pytestmark = [pytest.mark.browser]

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
LISTEN = """() => {
  window.seen = [];
  window.opened = 0;
  const source = new EventSource("/v1/events");
  source.onopen = () => { window.opened += 1; };
  source.addEventListener("x.acme.note.v1", (event) => {
    window.seen.push([event.lastEventId, JSON.parse(event.data).data]);
  });
}"""


async def test_a_browser_follows_and_resumes(tmp_path: Path) -> None:
    driver = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM} (set CHROMIUM)")
    async with hub_process(tmp_path) as hub, driver.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        try:
            page = await browser.new_page()
            await page.goto(f"{hub.url}/console")
            code = (await hub.do("device.code", role="manager"))["code"]
            signed_in = await page.evaluate(
                """(code) => fetch("/console/session", { method: "POST", body: JSON.stringify({ code }) })
                     .then((answer) => answer.status)""",
                code,
            )
            assert signed_in == 204
            await page.evaluate(LISTEN)
            await _true(page, "window.opened === 1")
            _, token = await hub.device("register")
            await _notes(hub.url, token, range(20))
            await _true(page, "window.seen.length === 20")
            for kill, upto in ((False, 40), (True, 60)):
                await hub.restart(kill=kill)
                # Written before the browser is back, and after.
                await _notes(hub.url, token, range(upto - 20, upto - 10))
                await _true(page, f"window.opened === {1 + upto // 20 - 1}")
                await _notes(hub.url, token, range(upto - 10, upto))
                await _true(page, f"window.seen.length >= {upto}")
            seen: list[Any] = await page.evaluate("window.seen")
            assert [value for _, value in seen] == list(range(60))
            assert len({place for place, _ in seen}) == 60
        finally:
            await browser.close()
            await asyncio.sleep(0)


async def _true(page: Any, expression: str) -> None:
    """Wait for it: the page's own content security lets nothing be evaluated inside it again and again."""
    async with asyncio.timeout(20):
        while not await page.evaluate(expression):
            await asyncio.sleep(0.05)


async def _notes(url: str, token: str, values: range) -> None:
    async with httpx.AsyncClient(base_url=url) as http:
        for value in values:
            headers = {"authorization": f"Bearer {token}", "idempotency-key": f"n{value}"}
            body = {"type": "x.acme.note", "data": value}
            assert (await http.post("/v1/facts", json=body, headers=headers)).status_code == 201
