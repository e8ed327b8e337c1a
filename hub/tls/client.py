"""The device's side: how to trust exactly one store's authority. For the demo, the client and tests."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Final

from hub.tls.authority import AUTHORITY_PATH, AuthorityDamaged, fingerprint_of

_ANSWER_BYTES_MAX: Final = 64 * 1024


class WrongAuthority(Exception):
    """What answered is not the store whose fingerprint the device was given."""


async def fetch_authority(host: str, port: int, fingerprint: str, *, timeout_s: float = 5.0) -> str:
    """The authority's certificate (PEM) from the hub at this address, if it has this fingerprint.

    Nothing is trusted on the way: the connection is not verified, the certificate is, by its fingerprint.
    Raises WrongAuthority, OSError, TimeoutError. A native app can take the same certificate out of the chain
    that the hub serves in every handshake: it is the last one.
    """
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    blind.set_alpn_protocols(["http/1.1"])
    async with asyncio.timeout(timeout_s):
        reader, writer = await asyncio.open_connection(host, port, ssl=blind)
        try:
            name = f"[{host}]" if ":" in host else host
            # HTTP/1.0: the answer comes in one piece and the connection ends with it.
            writer.write(f"GET {AUTHORITY_PATH} HTTP/1.0\r\nHost: {name}:{port}\r\n\r\n".encode())
            answer = bytearray()
            while len(answer) <= _ANSWER_BYTES_MAX and (part := await reader.read(_ANSWER_BYTES_MAX)):
                answer += part
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    if status != [b"200"] or len(answer) > _ANSWER_BYTES_MAX:
        raise WrongAuthority(
            f"{host}:{port} gave no certificate (answer {b''.join(status).decode('ascii', 'replace')})"
        )
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
