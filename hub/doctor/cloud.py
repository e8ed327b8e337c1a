"""The cloud, step by step as a connection is made, so that the finding names the step that fails."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from hub.doctor.findings import Finding, Patient, State
from hub.doctor.scrubbing import plain_url

STEP_S_MAX: Final = 6.0


def cloud(patient: Patient) -> Iterator[Finding]:
    settings, running = patient.settings, patient.running
    if settings.cloud_url is not None:
        yield _called(patient)
    elif running is None or running["link"]["reason"].startswith("not-configured"):
        # A hub may have been told by a flag: then it knows best, and `link` says how it goes.
        yield Finding("cloud", "warn", "none")


def link(patient: Patient) -> Iterator[Finding]:
    running = patient.running
    if running is None or running["link"]["reason"].startswith("not-configured"):
        return
    link = running["link"]
    words = {
        "state": link["state"],
        "reason": link["reason"] or "ok",
        "since": link["since"],
        "unsent": running["unsent"]["count"],
    }
    if running["quarantined"]:
        yield Finding("link", "fail", "aside", {**words, "count": len(running["quarantined"])})
        return
    states: dict[str, State] = {"online": "ok", "refused": "fail"}
    yield Finding("link", states.get(link["state"], "warn"), link["state"], words)


def _called(patient: Patient) -> Finding:
    """Name, connection, certificate, answer: each has its own cause and its own remedy."""
    url = patient.settings.cloud_url or ""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    words: dict[str, Any] = {"url": plain_url(url), "host": host}
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return Finding("cloud", "fail", "dns", {**words, "error": error.strerror or str(error)})
    began = time.monotonic()
    try:
        with socket.create_connection((host, port), timeout=STEP_S_MAX) as line:
            if parts.scheme == "https":
                with ssl.create_default_context().wrap_socket(line, server_hostname=host):
                    pass
    except ssl.SSLError as error:
        return Finding(
            "cloud", "fail", "tls", {**words, "error": getattr(error, "verify_message", "") or str(error)}
        )
    except OSError as error:
        return Finding("cloud", "fail", "unreachable", {**words, "error": error.strerror or str(error)})
    return _asked(patient, words, began)


def _asked(patient: Patient, words: dict[str, Any], began: float) -> Finding:
    """Ask for this hub's cursor, as the hub itself does."""
    import httpx

    settings = patient.settings
    identity = patient.folder.known_identity()
    hub_id = settings.hub_id or (identity.hub_id if identity else "")
    try:
        answer = httpx.get(
            f"{(settings.cloud_url or '').rstrip('/')}/v1/hubs/{hub_id}/cursor",
            headers={"authorization": f"Bearer {settings.cloud_token}"},
            timeout=STEP_S_MAX,
        )
    except httpx.HTTPError as error:
        return Finding("cloud", "fail", "unreachable", {**words, "error": str(error) or type(error).__name__})
    words = {**words, "ms": int(1000 * (time.monotonic() - began)), "status": answer.status_code}
    if answer.is_redirect or "text/html" in answer.headers.get("content-type", ""):
        return Finding("cloud", "fail", "portal", words)
    if answer.status_code in (401, 403, 404):
        return Finding("cloud", "fail", "refused", words)
    try:
        words["seq"] = int(answer.json()["seq"])
    except (ValueError, KeyError, TypeError):
        return Finding("cloud", "fail", "strange", words)
    return Finding("cloud", "ok", "fine", words)
