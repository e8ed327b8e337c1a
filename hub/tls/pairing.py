"""What a person or a camera carries from the console to the device, so that it trusts the right box."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit

_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")


class PairUriInvalid(ValueError):
    """Not a storehub pairing link."""


@dataclass(frozen=True, slots=True)
class PairLink:
    url: str
    fingerprint: str
    code: str


def comparison_digits(fingerprint: str) -> str:
    """The six digits that console and device show, "047 281" without the space, for a person to compare.

    SHA-256 over "storehub-compare-1:" and the fingerprint in lower-case hex; its first 8 bytes as a
    big-endian number, modulo 1,000,000. docs/discovery.md says what they protect against and what not.
    """
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise ValueError("a fingerprint is 64 lower-case hex digits")
    digest = hashlib.sha256(b"storehub-compare-1:" + fingerprint.encode()).digest()
    return f"{int.from_bytes(digest[:8], 'big') % 1_000_000:06d}"


def pair_uri(url: str, fingerprint: str, code: str) -> str:
    """The content of the pairing QR code."""
    return (
        f"storehub://pair?u={quote(url, safe='')}&fp={quote(fingerprint, safe='')}&c={quote(code, safe='')}"
    )


def read_pair_uri(uri: str) -> PairLink:
    """The inverse of pair_uri. Raises PairUriInvalid."""
    try:
        parts = urlsplit(uri)
        fields = parse_qs(parts.query, strict_parsing=True, keep_blank_values=True)
        link = PairLink(*(fields[key][0] for key in ("u", "fp", "c")))
    except (ValueError, KeyError) as error:
        raise PairUriInvalid("not a storehub pairing link") from error
    plain = link.url.startswith("http://") and link.fingerprint == ""
    if (parts.scheme, parts.netloc) != ("storehub", "pair") or not (
        plain or (link.url.startswith("https://") and _FINGERPRINT.fullmatch(link.fingerprint))
    ):
        raise PairUriInvalid("not a storehub pairing link")
    return link
