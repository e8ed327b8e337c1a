"""The store's box dies, and a manager takes over with the standby, on the page: two real boxes, real Chromium."""

from __future__ import annotations

import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from console_page import shows
from program import Program, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


class Pair:
    """A primary at 127.0.0.1 and its standby at localhost: two hosts, so that a browser keeps their cookies apart."""

    def __init__(self, folder: Path) -> None:
        self.primary = self._program(folder, "first", "127.0.0.1")
        self.standby = self._program(folder, "second", "localhost")
        self.log = folder / "second.log"

    @staticmethod
    def _program(folder: Path, name: str, host: str) -> Program:
        always = ["--data", str(folder / name)]
        run = ["--no-mdns", "--http", "--host", host]
        return Program("hub", folder / f"{name}.log", run=run, always=always)

    async def __aenter__(self) -> Pair:
        await self.primary.start()
        made = re.search(r"code=(\S+)", await self.primary.command("device", "code", "--role", "standby"))
        assert made is not None
        await self.standby.command("standby", self.primary.url, "--code", made[1])
        await self.standby.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.standby.stop()
        await self.primary.stop()

    @property
    def page(self) -> str:
        """Of the standby's console."""
        return f"http://localhost:{self.standby.port}/console"

    async def box(self) -> str:
        """The primary's name."""
        async with httpx.AsyncClient() as http:
            return str((await http.get(f"{self.primary.url}/.well-known/storehub")).json()["box"])


@pytest_asyncio.fixture(loop_scope="session")
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with Pair(tmp_path) as boxes:
        yield boxes


async def test_a_manager_takes_over_on_the_page_and_is_still_signed_in(pair: Pair, open_page: Any) -> None:
    page = await open_page(pair.page, locale="en-GB")
    page.complaints.expect("409", "net::ERR_", "EventSource", "503")
    # With a code of the store's box: ready before that box is dead.
    await sign_in(pair.primary, page, "manager")
    await shows(page, "#link-title", "This box is the standby")
    await shows(page, "#copy-count", "0 records missing")
    name = await pair.box()
    await shows(page, "#copy-facts", name)
    for part in ("#day", "#pairing", "#devices", "#reconciliation", "#unsent"):
        assert await page.locator(part).is_hidden()

    take = page.get_by_role("button", name="Take over with this box")
    await take.click()
    await shows(page, "#ask-body", "Unplug the old box first")
    await shows(page, "#ask-body", "last heard at")
    assert await page.locator("#ask-yes").is_disabled()
    await page.fill("#ask-word", "something")
    assert await page.locator("#ask-yes").is_disabled()
    await page.fill("#ask-word", name.upper())
    # Enter does what the button does. The old box is still there: it is refused, and nothing has happened.
    await page.press("#ask-word", "Enter")
    await shows(page, "#toast", "still answers")
    await shows(page, "#link-title", "This box is the standby")

    await pair.primary.stop(signal.SIGKILL)
    await shows(page, "#link-title", "The store's box does not answer", 20_000)
    await shows(page, "#link-todo", "If it is dead, unplug it")
    await take.click()
    await page.fill("#ask-word", name)
    await page.locator("#ask-yes").click()
    await shows(page, "#toast", "This box is the store's box now.", 20_000)
    await shows(page, "#link-title", "No cloud is set up")
    await shows(page, "#day-body", "No register")
    assert await page.locator("#copy").is_hidden()
    await page.reload()
    await shows(page, "#live", "live", 20_000)

    # The old box is plugged in again. It finds out, and says so.
    await pair.primary.start()
    old = await open_page(f"{pair.primary.url}/console")
    await sign_in(pair.primary, old, "manager")
    await shows(old, "#link-title", "Another box has taken this one's place")
    await shows(old, "#link-todo", "Unplug this box")
    assert await old.get_by_role("button", name="Take over").count() == 0
    await old.get_by_role("button", name="Sign out").click()
    await old.locator("#code:focus").wait_for()


async def no_one_else_can(pair: Pair, page: Any) -> None:
    """A technician, or a page of another site in the session's name."""
    await sign_in(pair.standby, page, "technician")
    await shows(page, "#link-title", "The store's box does not answer", 20_000)
    assert await page.get_by_role("button", name="Take over").count() == 0
    refused = await page.evaluate(
        "fetch('/v1/standby/promote', {method: 'POST', body: '{\"unplugged\": true}'}).then(a => a.status)"
    )
    assert refused == 403
    page.complaints.expect("403")
    async with httpx.AsyncClient(base_url=f"http://localhost:{pair.standby.port}") as http:
        (cookie,) = await page.context.cookies()
        answer = await http.post(
            "/v1/standby/promote",
            json={"unplugged": True},
            headers={"cookie": f"storehub={cookie['value']}", "origin": "http://evil.example"},
        )
        assert answer.status_code == 401


async def test_a_guest_of_the_standby_becomes_a_device_of_the_store(pair: Pair, open_page: Any) -> None:
    """With the old box dead, a code that the technician makes on the standby is the only way in."""
    name = await pair.box()
    await pair.primary.stop(signal.SIGKILL)
    await no_one_else_can(pair, await open_page(pair.page))
    page = await open_page(pair.page)
    page.complaints.expect("403", "net::ERR_", "EventSource", "503")
    await page.locator("#code:focus").wait_for()
    await page.fill("#code", "AAAAA-AAAAA")
    await page.press("#code", "Enter")
    await shows(page, "#signin-wrong", "not valid", 12_000)
    await sign_in(pair.standby, page, "manager")
    await page.get_by_role("button", name="Take over with this box").click()
    await page.fill("#ask-word", name)
    await page.locator("#ask-yes").click()
    await shows(page, "#toast", "This box is the store's box now.", 20_000)
    await shows(page, "#devices", "this page")
