"""Making keys and certificates. Loads cryptography (10 MB): imported only when needed."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# A device's clock may be as wrong as the box's: the authority is valid from long ago.
AUTHORITY_FROM: Final = datetime(2000, 1, 1, tzinfo=UTC)
AUTHORITY_YEARS: Final = 20
COMMON_NAME_CHARACTERS_MAX: Final = 64


def new_key() -> bytes:
    """A fresh ECDSA P-256 key, PEM."""
    return _pem(ec.generate_private_key(ec.SECP256R1()))


def authority_certificate(key_pem: bytes, store_name: str, issued: datetime) -> bytes:
    """A self-signed certificate for this key, PEM. ValueError when the key can't be read."""
    key = _load_key(key_pem)
    key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    name = _name(f"storehub {store_name}"[: COMMON_NAME_CHARACTERS_MAX - 9] + f" {key_id.digest[:4].hex()}")
    certificate = (
        _builder(key.public_key(), subject=name, issuer=name)
        .not_valid_before(AUTHORITY_FROM)
        .not_valid_after(issued + timedelta(days=365.25 * AUTHORITY_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(key_id, critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)


def server_bundle(
    authority_pem: bytes,
    authority_key_pem: bytes,
    *,
    common_name: str,
    names: Iterable[str],
    not_before: datetime,
    not_after: datetime,
) -> bytes:
    """A new key, its certificate for these names and addresses, and the authority's certificate, in one PEM.

    ValueError when the authority's certificate or key is damaged or one is not the other's.
    """
    authority, authority_key = _load_authority(authority_pem, authority_key_pem)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(key.public_key(), subject=_name(common_name), issuer=authority.subject)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    return _pem(key) + certificate.public_bytes(Encoding.PEM) + authority.public_bytes(Encoding.PEM)


def _load_authority(pem: bytes, key_pem: bytes) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    authority, key = x509.load_pem_x509_certificate(pem), _load_key(key_pem)
    if authority.public_key() != key.public_key():
        raise ValueError("the authority's key is not that of its certificate")
    try:
        authority.verify_directly_issued_by(authority)
    except (InvalidSignature, TypeError) as error:
        raise ValueError("the authority's certificate is damaged") from error
    return authority, key


def _load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not an elliptic curve key")
    return key


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    key: ec.EllipticCurvePublicKey, *, subject: x509.Name, issuer: x509.Name
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
