"""The box's own certificate, signed by the store's authority, and the TLS context that serves with it."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from hub.tls.authority import BUNDLE_FILE, CLOCK_FLOOR, Authority, AuthorityDamaged
from hub.tls.files import keep_private, make_folder, read_if_there, sweep, write_atomically

FACTS_FILE: Final = "server.json"
VALID_FOR: Final = timedelta(days=397)
# Apple's devices refuse a server certificate whose whole validity is over 825 days, also from an authority
# that the shop has installed: 398 + 397 days.
VALID_SINCE: Final = timedelta(days=398)
RENEW_BEFORE_END: Final = timedelta(days=30)
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9-]{1,63})*")
NAMES_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    # One file, so that key and certificate are always replaced together: key, certificate, authority.
    bundle: Path
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    # Whether this call made it: then a running context must be reloaded.
    renewed: bool = False


def ensure_server_certificate(
    folder: Path,
    authority: Authority,
    box: str,
    addresses: Iterable[str],
    now: datetime,
    *,
    time_trusted: bool = True,
) -> ServerCertificate:
    """Return the box's certificate for these addresses, made anew only when it has to be.

    That is: another authority or box, an address missing, or less than 30 days left. With `time_trusted`
    false (no right time since the boot) it is not made anew for its dates: the clock may be what is wrong.
    Raises AuthorityDamaged, OSError. Making one may take a tenth of a second: call it off the loop.
    """
    make_folder(folder)
    sweep(folder)
    bundle = folder / BUNDLE_FILE
    wanted = _names(box, addresses)
    known = _load(bundle, folder / FACTS_FILE)
    if (
        known is not None
        and known["authority"] == authority.fingerprint
        and known["box"] == box
        and set(wanted) <= set(known["names"])
        and (not time_trusted or _fits(known, now))
    ):
        keep_private(bundle)
        return _certificate(bundle, known)
    issued = max(now.astimezone(UTC), CLOCK_FLOOR)
    if known is not None and not time_trusted:
        issued = max(issued, datetime.fromisoformat(known["issued"]))
    facts = {
        "authority": authority.fingerprint,
        "box": box,
        "names": list(wanted),
        "issued": _second(issued),
        "not_before": _second(issued - VALID_SINCE),
        "not_after": _second(issued + VALID_FOR),
    }
    content = _issue(authority, facts)
    write_atomically(bundle, content)
    # Second: a crash in between leaves facts that don't fit the bundle, so the next start makes both again.
    facts["bundle_sha256"] = hashlib.sha256(content).hexdigest()
    write_atomically(folder / FACTS_FILE, json.dumps(facts, indent=1).encode())
    return _certificate(bundle, facts, renewed=True)


def server_context(certificate: ServerCertificate) -> ssl.SSLContext:
    """TLS 1.2 and 1.3 for HTTP/1.1. `reload` gives it a new certificate while it serves."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    reload(context, certificate)
    return context


def reload(context: ssl.SSLContext, certificate: ServerCertificate) -> None:
    """New handshakes get this certificate; connections that are open go on with theirs."""
    context.load_cert_chain(certificate.bundle)


def _issue(authority: Authority, facts: dict[str, Any]) -> bytes:
    from hub.tls import issue  # Loads cryptography, so only when something has to be made.

    try:
        return issue.server_bundle(
            authority.certificate.read_bytes(),
            authority.key.read_bytes(),
            common_name=facts["names"][0],
            names=facts["names"],
            not_before=datetime.fromisoformat(facts["not_before"]),
            not_after=datetime.fromisoformat(facts["not_after"]),
        )
    except ValueError as error:
        raise AuthorityDamaged(f"{authority.certificate} and {authority.key}: {error}") from error


def _names(box: str, addresses: Iterable[str]) -> tuple[str, ...]:
    """What a client may have typed or found: names first, then addresses; bounded, each once."""
    host = socket.gethostname().rstrip(".")
    names = [f"storehub-{box}.local", "localhost"]
    if _HOST_NAME.fullmatch(host):
        names += [host] if "." in host else [host, f"{host}.local"]
    # A zone (fe80::1%eth0) has no place in a certificate.
    numeric = [str(ipaddress.ip_address(address.partition("%")[0])) for address in addresses]
    return tuple(dict.fromkeys([*names, "127.0.0.1", "::1", *sorted(numeric)]))[:NAMES_MAX]


def _fits(known: dict[str, Any], now: datetime) -> bool:
    not_before, not_after = (datetime.fromisoformat(known[key]) for key in ("not_before", "not_after"))
    return not_before <= now < not_after - RENEW_BEFORE_END


def _load(bundle: Path, facts_file: Path) -> dict[str, Any] | None:
    """What is known of the bundle, without parsing it; None unless it is exactly the one that was written."""
    content, facts = read_if_there(bundle), read_if_there(facts_file)
    if content is None or facts is None:
        return None
    try:
        known = json.loads(facts)
        if not isinstance(known, dict) or known["bundle_sha256"] != hashlib.sha256(content).hexdigest():
            return None
        for key in ("issued", "not_before", "not_after"):
            datetime.fromisoformat(known[key])
        return known if {"authority", "box", "names"} <= known.keys() else None
    except (ValueError, KeyError, TypeError):
        return None


def _certificate(bundle: Path, facts: dict[str, Any], *, renewed: bool = False) -> ServerCertificate:
    not_before, not_after = (datetime.fromisoformat(facts[key]) for key in ("not_before", "not_after"))
    return ServerCertificate(bundle, tuple(facts["names"]), not_before, not_after, renewed)


def _second(time: datetime) -> str:
    """A certificate's times have no fractions."""
    return time.replace(microsecond=0).isoformat()
