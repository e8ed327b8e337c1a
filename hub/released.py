"""Which release runs here, how the last update ended, and which version could be had: small files, for whoever asks."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

MARKER: Final = "update.json"
# prepared: checked, nothing is changed yet. switched: the new release is to run and must show that it is well.
# returning: it is not, or a person wants the old one. done and returned: over. stuck: neither is well.
UpdateState = Literal["prepared", "switched", "returning", "done", "returned", "stuck"]
_VERSION: Final = re.compile(r"([0-9.]*)(.*)", re.DOTALL)
OVER: Final = ("done", "returned", "stuck")
# In the data directory: what `storehub update --check` found last.
OFFER: Final = "update-offered.json"


class Update(Struct, frozen=True, omit_defaults=True):
    """One update; releases are names of folders. orders_back_s: from the stop to the first answer after it."""

    state: UpdateState
    from_release: str
    to_release: str
    from_version: str
    to_version: str
    at: str
    reason: str = ""
    orders_back_s: float | None = None

    @property
    def over(self) -> bool:
        return self.state in OVER


class Offer(Struct, frozen=True):
    """A later version, and what `storehub update` is to be given.

    signed_by: the trusted key; "" where the box has none, or where the bundle lies elsewhere.
    """

    version: str
    source: str
    signed_by: str
    at: str


def version_order(version: str) -> tuple[list[int], bool, str]:
    """To sort versions by; 0.2.0rc1 comes before 0.2.0."""
    numbers, rest = _VERSION.fullmatch(version).groups()  # type: ignore[union-attr] # It matches any text.
    return [int(part) for part in numbers.split(".") if part], rest == "", rest


def later(version: str, than: str) -> bool:
    return version_order(version) > version_order(than)


def offer_view(data: Path, running: str) -> dict[str, Any] | None:
    """The later version that was found, as people and GET /v1/sync are told of it; None when there is none."""
    try:
        found = msgspec.json.decode((data / OFFER).read_bytes(), type=Offer)
    except (OSError, msgspec.MsgspecError):
        return None
    return msgspec.to_builtins(found) if later(found.version, running) else None


def release_name() -> str:
    """The release that this program belongs to; in a source tree just the name of its environment."""
    return Path(sys.prefix).resolve().name


def marker_of_this_program() -> Path:
    """Where the update that brought this release wrote how it ended: /opt/storehub/update.json on a box."""
    return Path(sys.prefix).resolve().parent.parent / MARKER


def read_marker(path: Path) -> Update | None:
    """None when there was no update, or when what is there cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Update)
    except (OSError, msgspec.MsgspecError):
        return None


def update_view(path: Path) -> dict[str, Any] | None:
    """The last update as people and GET /v1/sync are told of it."""
    found = read_marker(path)
    if found is None:
        return None
    return {
        "state": found.state,
        "from_version": found.from_version,
        "to_version": found.to_version,
        "at": found.at,
        "reason": found.reason,
        "orders_back_s": found.orders_back_s,
    }


def write_marker(path: Path, update: Update) -> None:
    """On disk when this returns, the old one or the new one whole after a power cut. Raises OSError."""
    draft = path.with_suffix(".new")
    with draft.open("wb") as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(msgspec.json.encode(update))
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in it last."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
