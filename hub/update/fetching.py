"""A bundle, or the word of a server about one, over https: so much at most, in so long at most."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from hub.settings import on_loopback
from hub.update.layout import UpdateError

FETCH_S: Final = 1800.0
SILENT_S: Final = 30.0


def is_address(given: str) -> bool:
    return given.startswith(("https://", "http://"))


def fetch(url: str, target: Path, *, bytes_max: int) -> None:
    """Write what the address answers to the new file `target`. Raises UpdateError."""
    parts = urlsplit(url)
    if parts.scheme == "http" and not on_loopback(parts.hostname or ""):
        raise UpdateError(f"{url}: only https can be asked for an update")
    until = time.monotonic() + FETCH_S
    size = 0
    try:
        with (
            httpx.Client(timeout=SILENT_S, follow_redirects=False) as client,
            client.stream("GET", url) as answer,
            target.open("xb") as file,
        ):
            if answer.status_code != 200:
                raise UpdateError(f"{url} answers {answer.status_code}")
            for piece in answer.iter_raw():
                size += len(piece)
                if size > bytes_max or time.monotonic() > until:
                    raise UpdateError(f"{url} is too large or too slow: {size} bytes came")
                file.write(piece)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise UpdateError(f"{url}: {error}") from error
