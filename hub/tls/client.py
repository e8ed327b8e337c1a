"""The device's side: how to trust exactly one store's authority. For the demo, the client and tests."""

from __future__ import annotations

import asyncio
import ssl

from hub import unverified
from hub.tls.authority import AUTHORITY_PATH, AuthorityDamaged, fingerprint_of


class WrongAuthority(Exception):
    """What answered is not the store whose fingerprint the device was given."""


async def fetch_authority(host: str, port: int, fingerprint: str, *, timeout_s: float = 5.0) -> str:
    """The authority's certificate (PEM) from the hub at this address, if it has this fingerprint.

    Nothing is trusted on the way: the connection is not verified, the certificate is, by its fingerprint.
    Raises WrongAuthority, OSError, TimeoutError. A native app can take the same certificate out of the chain
    that the hub serves in every handshake: it is the last one.
    """
    name = f"[{host}]" if ":" in host else host
    try:
        async with asyncio.timeout(timeout_s):
            body = await unverified.get(f"https://{name}:{port}{AUTHORITY_PATH}")
    except unverified.WrongAnswer as error:
        raise WrongAuthority(f"{host}:{port} gave no certificate (answer {error})") from error
    pem = body.decode("ascii", "replace")
    _check(pem, fingerprint)
    return pem


def client_context(authority_pem: str, fingerprint: str | None = None) -> ssl.SSLContext:
    """Trusts this authority alone, for any box of the store; host names and addresses are checked as usual.

    Raises WrongAuthority when a fingerprint is given and is not the certificate's.
    """
    if fingerprint is not None:
        _check(authority_pem, fingerprint)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=authority_pem)
    return context


def _check(pem: str, fingerprint: str) -> None:
    # Exactly one certificate, or a second, unchecked one would be trusted with it.
    if pem.count(ssl.PEM_HEADER) != 1:
        raise WrongAuthority("not one certificate")
    try:
        found = fingerprint_of(pem)
    except AuthorityDamaged as error:
        raise WrongAuthority(str(error)) from error
    if found != fingerprint.lower():
        raise WrongAuthority(f"the certificate's fingerprint is {found}, not {fingerprint.lower()}")
