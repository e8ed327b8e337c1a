"""Taking secrets and people out of text that others wrote: logs above all.

The hub itself writes neither to its log. This is the second lock on that door: whatever looks like one goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from hub.domain.cards import holds_card_number

GONE: Final = "[removed]"
# In this order: what is named first may hold what comes later.
_PATTERNS: Final = (
    re.compile(r"-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|\Z)", re.DOTALL),
    re.compile(r"(?i)(?<=bearer )[^\s'\"]+"),
    # A value behind a name that tells what it is: token=..., "pin": "4711", STOREHUB_CLOUD_TOKEN=...
    re.compile(
        r"(?i)(?<![a-z])((?:[a-z]+_)?(?:token|password|passwd|secret|pin|code|api_?key|store_?key|cookie|authorization))"
        r"(\"?\s*[=:]\s*\"?)(?!\"|set\b|not set\b)[^\s\",;&}\]]+"
    ),
    re.compile(r"(?<=://)[^/\s@]+@"),
    re.compile(r"(?<=[?&])[^\s#\"']+"),
    re.compile(r"storehub://\S+"),
    re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    # Telephone numbers; cards have a look of their own. Times and seqs have other punctuation or no leading zero.
    re.compile(
        r"(?<![\w.:+-])(?=\+?(?:[- ]?\d){10,12}(?!\d))(?:\+81[- ]?|0)\d{1,4}[- ]?\d{1,4}[- ]?\d{3,4}(?![\w:.-]*\d)"
    ),
    # Keys and tokens in hex or base64; a UUID or a version has less in one piece.
    re.compile(r"(?<![\w/+-])(?=[\w+/-]*\d)[A-Za-z0-9_+/-]{40,}={0,2}(?![\w/+-])"),
)
_DIGITS: Final = re.compile(r"\d(?:[ -]?\d){13,}")
# Shorter ones are words that happen to be secrets somewhere: replacing them would spoil the text.
SECRET_LENGTH_MIN: Final = 4


class Scrubber:
    """known: secrets and names that must not appear, whatever they look like."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        long_first = sorted(
            {one for one in known if len(one) >= SECRET_LENGTH_MIN or (not one.isascii() and len(one) > 1)},
            key=len,
            reverse=True,
        )
        self._known = re.compile("|".join(map(re.escape, long_first))) if long_first else None

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(GONE, text)
        for pattern in _PATTERNS:
            text = pattern.sub(_replaced, text)
        return _DIGITS.sub(lambda run: GONE if holds_card_number(run[0]) else run[0], text)


def _replaced(found: re.Match[str]) -> str:
    name = found[1] + found[2] if found.re.groups else ""
    return f"{name}{GONE}"


def plain_url(url: str | None) -> str | None:
    """Scheme, host and port: what else stands in an address may be secret."""
    if not url:
        return url
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return GONE
    return f"{parts.scheme}://{parts.hostname or ''}{port}"
