"""The doctor's examinations of what is around the box: port, certificate, mDNS, cloud."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from hub.cli.checkup import CERTIFICATE_WARN, Finding
from hub.datadir import DataDir
from hub.settings import Settings


def examine(
    settings: Settings, folder: DataDir, running: dict[str, Any] | None, *, wait_s: float
) -> Iterator[Finding]:
    yield _port(settings, running)
    yield _certificate(settings, folder)
    yield _mdns(settings, folder, running, wait_s)
    yield from _cloud(settings, folder, running)


def _port(settings: Settings, running: dict[str, Any] | None) -> Finding:
    if running is not None:
        url = running.get("base_url") or ""
        parts = urlsplit(url)
        try:
            with socket.create_connection(
                (parts.hostname or "127.0.0.1", parts.port or settings.port), timeout=3
            ):
                return Finding("port", "ok", "ours", {"url": url})
        except OSError as error:
            return Finding("port", "fail", "mute", {"url": url, "error": str(error)})
    if settings.port == 0:
        return Finding("port", "ok", "any")
    try:
        with socket.create_server(
            (settings.listen_host if ":" not in settings.listen_host else "", settings.port)
        ):
            return Finding("port", "ok", "free", {"port": settings.port})
    except OSError as error:
        what = "taken" if error.errno == errno.EADDRINUSE else "refused"
        return Finding("port", "fail", what, {"port": settings.port, "error": error.strerror})


def _certificate(settings: Settings, folder: DataDir) -> Finding:
    from hub.tls.server import FACTS_FILE

    if settings.http:
        return Finding("certificate", "warn", "plain")
    try:
        facts = msgspec.json.decode((folder.tls / FACTS_FILE).read_bytes())
        start, end = (datetime.fromisoformat(facts[key]) for key in ("not_before", "not_after"))
    except FileNotFoundError:
        return Finding("certificate", "ok", "none")
    except (OSError, msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        return Finding("certificate", "fail", "damaged", {"error": str(error)})
    now = datetime.now(UTC)
    words = {"until": end.date().isoformat(), "names": ", ".join(facts.get("names", [])[:6])}
    if not start <= now < end:
        return Finding("certificate", "fail", "expired", words)
    return Finding("certificate", "warn" if end - now < CERTIFICATE_WARN else "ok", "until", words)


def _mdns(settings: Settings, folder: DataDir, running: dict[str, Any] | None, wait_s: float) -> Finding:
    if not settings.mdns:
        return Finding("mdns", "warn", "off")
    if running is None:
        return Finding("mdns", "ok", "stopped")
    if running["beacon"]["state"] == "off":
        return Finding("mdns", "warn", "off")
    from hub.discovery.browse import find_hubs

    identity = folder.known_identity()
    wanted = identity.hub_id if identity else None
    try:
        hubs = asyncio.run(find_hubs(wait_s, wanted))
    except OSError as error:
        return Finding("mdns", "fail", "impossible", {"error": str(error)})
    if not hubs:
        return Finding("mdns", "fail", "unseen", {"seconds": wait_s, "reason": running["beacon"]["reason"]})
    return Finding("mdns", "ok", "seen", {"name": hubs[0].name, "addresses": ", ".join(hubs[0].addresses)})


def _cloud(settings: Settings, folder: DataDir, running: dict[str, Any] | None) -> Iterator[Finding]:
    if settings.cloud_url is None:
        # The hub may have been told by a flag: then it knows best.
        if running is not None and not running["link"]["reason"].startswith("not-configured"):
            yield _link(running)
        else:
            yield Finding("cloud", "warn", "none")
        return
    yield _call(settings, folder)
    if running is not None:
        yield _link(running)


def _link(running: dict[str, Any]) -> Finding:
    link, unsent = running["link"], running["unsent"]["count"]
    words = {
        "state": link["state"],
        "reason": link["reason"] or "ok",
        "since": link["since"],
        "unsent": unsent,
    }
    state = {"online": "ok", "refused": "fail"}.get(link["state"], "warn")
    if running["quarantined"]:
        return Finding("link", "fail", "aside", {**words, "count": len(running["quarantined"])})
    return Finding("link", state, "state", words)  # type: ignore[arg-type]


def _call(settings: Settings, folder: DataDir) -> Finding:
    """Ask the cloud for this hub's cursor, as the hub itself does."""
    import httpx

    identity = folder.known_identity()
    hub_id = settings.hub_id or (identity.hub_id if identity else "")
    words: dict[str, Any] = {"url": settings.cloud_url}
    began = time.monotonic()
    try:
        answer = httpx.get(
            f"{(settings.cloud_url or '').rstrip('/')}/v1/hubs/{hub_id}/cursor",
            headers={"authorization": f"Bearer {settings.cloud_token}"},
            timeout=10.0,
        )
    except httpx.HTTPError as error:
        return Finding("cloud", "fail", "unreachable", {**words, "error": str(error) or type(error).__name__})
    words["ms"] = int(1000 * (time.monotonic() - began))
    if answer.status_code in (401, 403, 404):
        return Finding("cloud", "fail", "refused", {**words, "status": answer.status_code})
    try:
        words["seq"] = int(answer.json()["seq"])
    except (ValueError, KeyError, TypeError):
        return Finding("cloud", "fail", "strange", {**words, "status": answer.status_code})
    return Finding("cloud", "ok", "fine", words)
