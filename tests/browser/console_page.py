"""What every test of the console does: sign in, wait until the page shows something."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

MANAGER, TECHNICIAN = "mgr7-kq2p", "tec4-hw9x"
# Shorter than the page's own slow poll: what shows up within it came by the feed.
BY_FEED_MS = 15_000


async def sign_in(page: Any, code: str = MANAGER) -> Any:
    await page.fill("#code", code)
    await page.press("#code", "Enter")
    await page.wait_for_selector("#box-body .gauges")
    await page.wait_for_selector("#devices-body li")
    return page


async def shows(page: Any, selector: str, text: str, timeout_ms: float = 20_000) -> None:
    await page.locator(selector).filter(has_text=text).first.wait_for(timeout=timeout_ms)


async def until(true: Callable[[], Any], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
