"""Real Chromium. One browser for all tests; each test gets a page of its own that may not complain."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from console_stub import Box, serve

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-component-update",
    "--disable-sync", "--disable-quic",
]  # fmt: skip


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Any]:
    driver = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM} (set CHROMIUM)")
    async with driver.async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def box() -> Box:
    return Box()


@pytest_asyncio.fixture(loop_scope="session")
async def address(box: Box) -> AsyncIterator[str]:
    async with serve(box) as url:
        yield url


class Complaints(list[str]):
    """What the browser reported; `expect` names what a test provokes on purpose."""

    def __init__(self) -> None:
        super().__init__()
        self.expected: tuple[str, ...] = ()

    def expect(self, *parts: str) -> None:
        self.expected += parts

    def unexpected(self) -> list[str]:
        return [one for one in self if not any(part in one for part in self.expected)]


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Any) -> AsyncIterator[Any]:
    """`await open_page(url, **context options)` -> page. At the end: no error, failed request or CSP violation."""
    complaints = Complaints()
    async with contextlib.AsyncExitStack() as stack:

        async def open_one(url: str, **options: Any) -> Any:
            context = await browser.new_context(
                **{"locale": "en-GB", "viewport": {"width": 1280, "height": 900}, **options}
            )
            stack.push_async_callback(context.close)
            page = await context.new_page()
            page.set_default_timeout(30_000)
            page.complaints = complaints
            page.on(
                "console", lambda said: said.type in ("error", "warning") and complaints.append(said.text)
            )
            page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
            page.on("requestfailed", lambda lost: _failed(complaints, lost))
            page.on("response", lambda answer: _answered(complaints, answer))
            page.on("request", lambda made: _stays_home(complaints, made, url))
            await page.add_init_script(
                "document.addEventListener('securitypolicyviolation',"
                " (e) => console.error('CSP ' + e.violatedDirective + ' ' + e.blockedURI))"
            )
            await page.goto(url)
            return page

        open_one.complaints = complaints  # type: ignore[attr-defined]
        yield open_one
    assert complaints.unexpected() == []


def _failed(complaints: Complaints, request: Any) -> None:
    # A feed that the page itself closed, and reads that leaving it cut off, are aborted, not failed.
    if request.failure != "net::ERR_ABORTED":
        complaints.append(f"failed {request.failure} {request.url}")


def _answered(complaints: Complaints, response: Any) -> None:
    if response.status >= 400:
        complaints.append(f"{response.status} {response.url.split('/', 3)[3].join(['/', ''])}")


def _stays_home(complaints: Complaints, request: Any, url: str) -> None:
    home = url.split("/console", 1)[0].rstrip("/")
    if not request.url.startswith((home, "data:")):
        complaints.append(f"left the box: {request.url}")
