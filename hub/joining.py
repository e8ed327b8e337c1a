"""Becoming a standby: paired by a code like any device, then filled with everything that the store is."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from hub.datadir import DataDir, Identity, Primary
from hub.mirror.primary import PrimaryClient, PrimaryTrouble
from hub.settings import on_loopback
from hub.tls import PairUriInvalid, WrongAuthority, client_context, fetch_authority, read_pair_uri


class JoinError(Exception):
    """This box cannot become a standby; the message says why."""


async def join(
    data: DataDir, link: str, *, code: str | None = None, fingerprint: str | None = None
) -> Primary:
    """Fill an empty directory from the primary, which is running. Raises JoinError, DataDirError, OSError."""
    url, fingerprint, code = _read(link, code, fingerprint)
    if data.journal.exists() or data.standby.exists():
        raise JoinError(f"{data.path} holds a hub already: a standby begins with an empty directory")
    if not data.lock():
        raise JoinError(f"{data.path} is in use")
    try:
        pem, tls = "", None
        if url.startswith("https"):
            parts = urlsplit(url)
            pem = await fetch_authority(parts.hostname or "", parts.port or 443, fingerprint)
            tls = client_context(pem, fingerprint)
        box = secrets.token_hex(4)
        device_id, token = await _pair(url, code, box, tls)
        async with PrimaryClient(url, token, tls) as client:
            estate = await client.secrets()
            await _fetch(client, data.journal)
        data.adopt(
            Identity(estate["hub_id"], box, estate["store_key"], estate["term"]),
            tls=estate["tls"],
            customers_key=estate["customers_key"],
        )
        primary = Primary(url, fingerprint, token, device_id, estate["box"], estate["store"])
        data.follow(primary)
        return primary
    except (PrimaryTrouble, WrongAuthority, httpx.HTTPError, TimeoutError, KeyError) as error:
        data.journal.unlink(missing_ok=True)
        raise JoinError(f"{url}: {error!r}") from error
    finally:
        data.unlock()


def _read(link: str, code: str | None, fingerprint: str | None) -> tuple[str, str, str]:
    if link.startswith("storehub://"):
        try:
            found = read_pair_uri(link)
        except PairUriInvalid as error:
            raise JoinError(str(error)) from error
        url, fingerprint, code = found.url, found.fingerprint, found.code
    else:
        url = link.rstrip("/")
    parts = urlsplit(url)
    if code is None or parts.hostname is None:
        raise JoinError("give the primary's link, or its URL with --code and --fingerprint")
    if parts.scheme == "http" and not on_loopback(parts.hostname):
        raise JoinError("the store's secrets travel over TLS only (plain http: on loopback)")
    if parts.scheme == "https" and not fingerprint:
        raise JoinError("without the fingerprint (--fingerprint) nobody knows which box answers")
    return url, fingerprint or "", code


async def _pair(url: str, code: str, box: str, tls: Any) -> tuple[str, str]:
    async with httpx.AsyncClient(verify=tls if tls is not None else False, trust_env=False) as http:
        answer = await http.post(
            f"{url}/v1/pairings", json={"code": code, "name": f"standby {box}", "role": "standby"}
        )
    if answer.status_code != 201:
        try:
            words = str(answer.json()["detail"])
        except (ValueError, KeyError):
            words = f"answer {answer.status_code}"
        raise JoinError(f"{url} does not pair this box: {words}")
    paired = msgspec.json.decode(answer.content)
    return paired["device_id"], paired["token"]


async def _fetch(client: PrimaryClient, target: Path) -> None:
    draft = target.with_suffix(".joining")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            async for piece in client.base():
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)
