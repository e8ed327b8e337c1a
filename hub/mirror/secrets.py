"""The store's secrets as they lie on a medium: sealed with the recovery key, which a person keeps elsewhere.

AES-256-GCM under a key of 160 random bits; nobody guesses that, so it needs no stretching.
"""

from __future__ import annotations

import os
import secrets
from base64 import b32decode, b32encode
from hashlib import sha256
from typing import Any, Final

import msgspec

NAME: Final = "sealed.bin"
HEAD: Final = b"storehub-sealed-1\n"
NONCE_BYTES: Final = 12


class SealBroken(Exception):
    """Not the recovery key that it was sealed with, or damaged."""


def new_recovery_key() -> str:
    """32 letters and digits in groups of four, to be written down."""
    text = b32encode(secrets.token_bytes(20)).decode()
    return "-".join(text[i : i + 4] for i in range(0, len(text), 4))


def seal(recovery_key: str, content: dict[str, Any]) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(NONCE_BYTES)
    return HEAD + nonce + AESGCM(_key(recovery_key)).encrypt(nonce, msgspec.json.encode(content), HEAD)


def unseal(recovery_key: str, sealed: bytes) -> dict[str, Any]:
    """Raises SealBroken."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    body = sealed.removeprefix(HEAD)
    try:
        clear = AESGCM(_key(recovery_key)).decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], HEAD)
        return msgspec.json.decode(clear, type=dict[str, Any])
    except (InvalidTag, ValueError) as error:
        raise SealBroken("this is not the recovery key of this copy, or its secrets are damaged") from error


def _key(recovery_key: str) -> bytes:
    """Raises SealBroken for what is no recovery key."""
    text = recovery_key.replace("-", "").replace(" ", "").upper()
    try:
        raw = b32decode(text)
    except ValueError as error:
        raise SealBroken("a recovery key is 32 letters and digits (A-Z, 2-7)") from error
    return sha256(b"storehub-recovery-1:" + raw).digest()
