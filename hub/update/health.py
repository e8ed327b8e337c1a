"""Whether the hub that runs is the release that should, and takes orders."""

from __future__ import annotations

import asyncio
import http.client
import time
from typing import Any, Final
from urllib.parse import urlsplit

from hub import unverified
from hub.control import ControlError, ask
from hub.update.layout import SERVICE, Layout

WITHIN_S: Final = 60.0
EVERY_S: Final = 0.1
# A release that answers once and falls over is not well: it must still be the same start after this long.
STAYS_S: Final = 3.0
ANSWER_S: Final = 5.0


class Health:
    """orders_back_s: when it first answered, counted from `since`."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.orders_back_s: float | None = None
        self.reason = "it never answered"


async def wait(
    layout: Layout, *, release: str, version: str, since: float, within_s: float = WITHIN_S
) -> Health:
    """Wait until the release is well, or until `since` (monotonic) is so long ago; `reason` is "" when it is well."""
    health = Health(since)
    epoch, first = "", 0.0
    while True:
        now = time.monotonic()
        found = await _look(layout)
        if found is None:
            epoch = ""
        elif (wrong := await _wrong(layout, found, release, version)) is not None:
            health.reason, epoch = wrong, ""
        elif found["epoch"] != epoch:
            if epoch:
                health.reason = "it ended and was started again"
            epoch, first = found["epoch"], now
            if health.orders_back_s is None:
                health.orders_back_s = round(now - since, 2)
        elif now - first >= STAYS_S:
            health.reason = ""
            return health
        if now - since > within_s:
            return health
        await asyncio.sleep(EVERY_S)


async def _look(layout: Layout) -> dict[str, Any] | None:
    try:
        async with asyncio.timeout(ANSWER_S):
            return dict(await ask(layout.data / "control.sock", "look"))
    except (OSError, TimeoutError, ControlError):
        return None


async def _wrong(layout: Layout, found: dict[str, Any], release: str, version: str) -> str | None:
    """Why the hub that says this of itself is not the one, or is not well."""
    if found.get("release", release) != release or found["hub"]["version"] != version:
        return f"version {found['hub']['version']} answers, not {version}"
    if found["journal"]["state"] != "writable":
        return f"its journal is {found['journal']['state']}: {found['journal']['reason']}"
    # Type=notify: active means that it said that it takes orders.
    if not await asyncio.to_thread(layout.systemctl, "is-active", "--quiet", SERVICE, check=False):
        return "systemd does not call it active"
    status = await asyncio.to_thread(_readyz, found["base_url"])
    return None if status in (None, 200) else f"/readyz answers {status}"


def _readyz(base_url: str) -> int | None:
    """The status of GET /readyz on loopback; None when the hub was told to listen on another address alone."""
    parts = urlsplit(base_url)
    line: http.client.HTTPConnection
    if parts.scheme == "https":
        # The socket in the data directory told the port; what counts here is that it answers.
        line = http.client.HTTPSConnection(
            "127.0.0.1", parts.port, timeout=ANSWER_S, context=unverified.context()
        )
    else:
        line = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=ANSWER_S)
    try:
        line.request("GET", "/readyz")
        return line.getresponse().status
    except ConnectionRefusedError:
        return None
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        line.close()
