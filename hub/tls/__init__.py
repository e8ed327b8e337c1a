"""The store's certificate authority, the box's certificate, how devices trust them (docs/discovery.md)."""

from hub.tls.authority import (
    AUTHORITY_MEDIA_TYPE,
    AUTHORITY_PATH,
    Authority,
    AuthorityDamaged,
    ensure_ca,
    fingerprint_of,
)
from hub.tls.client import WrongAuthority, client_context, fetch_authority
from hub.tls.pairing import PairLink, PairUriInvalid, comparison_digits, pair_uri, read_pair_uri
from hub.tls.server import ServerCertificate, ensure_server_certificate, reload, server_context

__all__ = [
    "AUTHORITY_MEDIA_TYPE",
    "AUTHORITY_PATH",
    "Authority",
    "AuthorityDamaged",
    "PairLink",
    "PairUriInvalid",
    "ServerCertificate",
    "WrongAuthority",
    "client_context",
    "comparison_digits",
    "ensure_ca",
    "ensure_server_certificate",
    "fetch_authority",
    "fingerprint_of",
    "pair_uri",
    "read_pair_uri",
    "reload",
    "server_context",
]
