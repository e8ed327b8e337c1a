"""What the hub says about itself on the LAN (contract, section 2), and under which name."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SERVICE: Final = "_storehub._tcp.local."
# A DNS label's limit, in bytes of UTF-8: 21 kanji.
LABEL_BYTES_MAX: Final = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class BeaconFacts:
    """What is announced. `fingerprint` is "" without TLS."""

    hub_id: str
    store_id: str
    store_name: str
    box: str
    port: int
    tls: bool
    fingerprint: str = ""
    role: str = "primary"


class Phase(StrEnum):
    OFF = "off"
    # Nothing to announce on yet, or the announcement is under way. Ends by itself.
    WAITING = "waiting"
    ANNOUNCED = "announced"
    # The last try did not work; the next one is on its way.
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class BeaconState:
    """For the console and `storehub doctor`: `reason` is a short code, `detail` its numbers."""

    phase: Phase = Phase.OFF
    reason: str | None = None
    detail: str | None = None
    addresses: tuple[str, ...] = ()
    name: str | None = None
    host: str | None = None


def instance_name(store_name: str, box: str, number: int = 1) -> str:
    """The label shown in a list of hubs: store and box, so that two stores of one name stay apart.

    The number is for a box whose name somebody else already uses (a cloned card).
    """
    # A dot would be taken for a label's end by python-zeroconf, control characters are not allowed at all.
    visible = "".join(
        c for c in unicodedata.normalize("NFC", store_name) if unicodedata.category(c)[0] != "C"
    )
    name = " ".join(re.sub(r"\.\s*", " ", visible).split()) or "storehub"
    suffix = f" ({_numbered(box, number)})"
    return _cut(name, LABEL_BYTES_MAX - len(suffix.encode())) + suffix


def host_name(box: str, number: int = 1) -> str:
    return f"storehub-{_numbered(box, number)}.local."


def _numbered(box: str, number: int) -> str:
    return box if number == 1 else f"{box}-{number}"


def _cut(text: str, bytes_max: int) -> str:
    """As much of the text as fits, ending on a whole character and not before a mark that belongs to it."""
    raw = text.encode()
    if len(raw) <= bytes_max:
        return text
    kept = raw[:bytes_max].decode(errors="ignore")
    while kept and unicodedata.combining(text[len(kept)]):
        kept = kept[:-1]
    return kept.rstrip()


def txt(facts: BeaconFacts) -> dict[str, str]:
    return {
        "v": "1",
        "id": facts.hub_id,
        "store": facts.store_id,
        "path": "/v1",
        "tls": "1" if facts.tls else "0",
        "fp": facts.fingerprint,
        "box": facts.box,
        "role": facts.role,
    }
