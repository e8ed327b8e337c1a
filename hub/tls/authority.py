"""The store's certificate authority: made once, and the same for every box that ever serves the store."""

from __future__ import annotations

import binascii
import hashlib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hub.tls.files import keep_private, make_folder, read_if_there, sweep, write_atomically

CERTIFICATE_FILE: Final = "ca.pem"
KEY_FILE: Final = "ca.key"
BUNDLE_FILE: Final = "server.pem"
# Nothing is made for a time before this program existed: a box that boots in 1970 would otherwise make
# certificates that every device with a right clock takes for expired.
CLOCK_FLOOR: Final = datetime(2026, 1, 1, tzinfo=UTC)
# Where any client can fetch the certificate without trusting anything yet: it compares the fingerprint.
AUTHORITY_PATH: Final = "/.well-known/storehub/ca.pem"
AUTHORITY_MEDIA_TYPE: Final = "application/x-pem-file"


class AuthorityDamaged(Exception):
    """The authority's files are there but can't be used. A new one would lock out every paired device,
    so a person decides: restore `ca.pem` and `ca.key` from the backup, or delete both and pair again."""


@dataclass(frozen=True, slots=True)
class Authority:
    certificate: Path
    key: Path
    # SHA-256 of the certificate (DER), 64 lower-case hex digits: `fp` in mDNS and the QR code.
    fingerprint: str

    def pem(self) -> bytes:
        """The certificate, the body of GET /.well-known/storehub/ca.pem. It is no secret."""
        return self.certificate.read_bytes()


def ensure_ca(folder: Path, store_name: str, *, now: datetime | None = None) -> Authority:
    """Return the folder's authority; make it when there is none. Raises AuthorityDamaged, OSError."""
    make_folder(folder)
    sweep(folder)
    certificate, key = folder / CERTIFICATE_FILE, folder / KEY_FILE
    key_pem, certificate_pem = read_if_there(key), read_if_there(certificate)
    if certificate_pem is None and (certificate_pem := _served(folder / BUNDLE_FILE)) is not None:
        # It has signed already, so devices know it: a new one for the same key would lock them out.
        write_atomically(certificate, certificate_pem)
    if certificate_pem is not None:
        if key_pem is None:
            raise AuthorityDamaged(f"{key} is missing, but its certificate is there")
        keep_private(key)
        return Authority(certificate, key, fingerprint_of(certificate_pem.decode("ascii", "replace")))
    from hub.tls import issue  # Loads cryptography, so only when something has to be made.

    if key_pem is None:
        key_pem = issue.new_key()
        # The key first: one without a certificate has signed nothing yet, and is taken up after a crash here.
        write_atomically(key, key_pem)
    issued = max(now or datetime.now(UTC), CLOCK_FLOOR)
    try:
        certificate_pem = issue.authority_certificate(key_pem, store_name, issued)
    except ValueError as error:
        raise AuthorityDamaged(f"{key} can't be read: {error}") from error
    write_atomically(certificate, certificate_pem)
    return Authority(certificate, key, fingerprint_of(certificate_pem.decode("ascii")))


def _served(bundle: Path) -> bytes | None:
    """The authority's certificate from the chain that the box serves: the last one in the file."""
    content = read_if_there(bundle) or b""
    start = content.rfind(ssl.PEM_HEADER.encode())
    return content[start:] if start >= 0 else None


def fingerprint_of(pem: str) -> str:
    """The fingerprint of the first certificate in the text. AuthorityDamaged when there is none."""
    start, end = pem.find(ssl.PEM_HEADER), pem.find(ssl.PEM_FOOTER)
    if start < 0 or end < start:
        raise AuthorityDamaged("there is no certificate in the file")
    try:
        der = ssl.PEM_cert_to_DER_cert(pem[start : end + len(ssl.PEM_FOOTER)] + "\n")
        # Only what is DER from end to end can be told apart from a damaged copy without loading cryptography.
        if len(der) < 4 or der[:2] != b"\x30\x82" or len(der) != int.from_bytes(der[2:4], "big") + 4:
            raise ValueError("the certificate is cut off or damaged")
    except (ValueError, binascii.Error) as error:
        raise AuthorityDamaged(f"the certificate can't be read: {error}") from error
    return hashlib.sha256(der).hexdigest()
