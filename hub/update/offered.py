"""Which later version could be had: the newest bundle in a folder, or the one that a server's folder names.

A server's folder has beside the bundles a file `latest-<architecture>` with the name of one of them, as
deploy/build-bundle.sh leaves it. Nothing large is fetched, and nothing is installed.
"""

from __future__ import annotations

import os
import platform
import re
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from hub.released import OFFER, Offer, later, version_order
from hub.update.fetching import fetch, is_address
from hub.update.layout import Tell, UpdateError
from hub.update.signing import SIGNATURE, Keys, signer
from hub.update.source import SUMS

ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
# Sums of two hundred files, and what a server says in a line.
SUMS_BYTES_MAX: Final = 1 << 20
NAME_BYTES_MAX: Final = 1 << 10
_BUNDLE: Final = re.compile(r"storehub_([0-9][A-Za-z0-9.+!~]*)_(amd64|arm64)\.tar")
_WHEEL: Final = re.compile(rb"(?m) storehub-([^-\s]+)-py3-none-any\.whl$")


def look(given: str, *, running: str, trusted: Keys, tell: Tell) -> Offer | None:
    """The latest version that is later than the running one and, where keys are trusted, signed. Raises UpdateError."""
    found = (
        _at_server(given, running) if is_address(given) else _in_folder(Path(given), running, trusted, tell)
    )
    if found is None:
        return None
    version, source, signed_by = found
    return Offer(version, source, signed_by, datetime.now(UTC).isoformat(timespec="seconds"))


def remember(data: Path, offer: Offer | None) -> None:
    """For whoever asks; None: there is none. Raises OSError."""
    path = data / OFFER
    if offer is None:
        path.unlink(missing_ok=True)
        return
    draft = path.with_suffix(".new")
    draft.write_bytes(msgspec.json.encode(offer))
    if os.geteuid() == 0:
        # No file of root's among the hub's.
        owner = data.stat()
        os.chown(draft, owner.st_uid, owner.st_gid)
    os.replace(draft, path)


def _in_folder(folder: Path, running: str, trusted: Keys, tell: Tell) -> tuple[str, str, str] | None:
    if not folder.is_dir():
        raise UpdateError(f"{folder} is not there")
    names = ((_BUNDLE.fullmatch(path.name), path) for path in folder.iterdir())
    here = [(match[1], path) for match, path in names if match and match[2] == _architecture()]
    for version, path in sorted(here, key=lambda one: version_order(one[0]), reverse=True):
        if not later(version, running):
            break
        try:
            return version, str(path), _signer(path, version, trusted)
        except UpdateError as error:
            tell(str(error))
    return None


def _signer(path: Path, version: str, trusted: Keys) -> str:
    """Who signed it, "" where nobody has to; only its first members are read. Raises UpdateError."""
    parts: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                if member.name not in (SUMS, SIGNATURE):
                    break
                file = tar.extractfile(member)
                parts[member.name] = file.read(SUMS_BYTES_MAX) if file else b""
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UpdateError(f"{path.name} cannot be read: {error}") from error
    wheel = _WHEEL.search(parts.get(SUMS, b""))
    if wheel is None or wheel[1].decode("ascii", "replace") != version:
        raise UpdateError(f"{path.name} is no bundle of that version")
    name = signer(parts[SUMS], parts.get(SIGNATURE), trusted)
    if trusted and name is None:
        raise UpdateError(f"{path.name} is not signed by a key that this box trusts")
    return name or ""


def _at_server(url: str, running: str) -> tuple[str, str, str] | None:
    """By its word alone: the bundle's signature is looked at when it is fetched."""
    folder = url.rstrip("/")
    with tempfile.TemporaryDirectory(prefix="storehub-update-") as scratch:
        answer = Path(scratch, "latest")
        fetch(f"{folder}/latest-{_architecture()}", answer, bytes_max=NAME_BYTES_MAX)
        name = answer.read_text("utf-8", "replace").strip()
    match = _BUNDLE.fullmatch(name)
    if match is None or match[2] != _architecture():
        raise UpdateError(f"{folder} names no bundle for this box: {name[:100]!r}")
    return (match[1], f"{folder}/{name}", "") if later(match[1], running) else None


def _architecture() -> str:
    return ARCHITECTURES.get(platform.machine(), "")
