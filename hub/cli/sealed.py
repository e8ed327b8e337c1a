"""A backup that only a passphrase opens: a stream of AES-256-GCM, in pieces that nobody can change, cut or swap.

    head: "storehub sealed backup 1\\n", log2 of scrypt's cost (1 byte), salt (16 bytes)
    then pieces of 1 MiB, each with its tag; nonce: the piece's number (11 bytes), 1 in the last byte for the last one

The head is authenticated with every piece. A stick that is found, or a card that is thrown away, then tells nothing.
"""

from __future__ import annotations

import os
import secrets
from hashlib import scrypt
from pathlib import Path
from typing import IO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC: Final = b"storehub sealed backup 1\n"
SALT_BYTES: Final = 16
TAG_BYTES: Final = 16
PIECE_BYTES: Final = 1 << 20
# 64 MiB and a third of a second on a small box, for each guess.
COST_LOG2: Final = 16
COST_LOG2_MAX: Final = 20
PASSPHRASE_MIN: Final = 12
PASSPHRASE_BYTES_MAX: Final = 4096


class SealError(Exception):
    """The passphrase or the file is not right; the message says which."""


def passphrase_of(file: Path) -> bytes:
    """The first line of the file. Raises SealError, OSError."""
    with file.open("rb") as opened:
        found = opened.read(PASSPHRASE_BYTES_MAX).split(b"\n", 1)[0].strip()
    if len(found.decode("utf-8", "replace")) < PASSPHRASE_MIN:
        raise SealError(f"the passphrase in {file} has less than {PASSPHRASE_MIN} characters")
    return found


def is_sealed(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(MAGIC)) == MAGIC


def seal(source: Path, target: IO[bytes], passphrase: bytes) -> None:
    """Write the source, sealed. Raises OSError."""
    salt = secrets.token_bytes(SALT_BYTES)
    head = MAGIC + bytes([COST_LOG2]) + salt
    cipher = _cipher(passphrase, salt, COST_LOG2)
    target.write(head)
    with source.open("rb") as plain:
        piece, number = plain.read(PIECE_BYTES), 0
        while True:
            following = plain.read(PIECE_BYTES)
            target.write(cipher.encrypt(_nonce(number, last=not following), piece, head))
            if not following:
                return
            piece, number = following, number + 1


def unseal(source: Path, target: IO[bytes], passphrase: bytes) -> None:
    """Write what was sealed. Raises SealError when the passphrase is another or a byte was changed, OSError."""
    with source.open("rb") as sealed:
        head = sealed.read(len(MAGIC) + 1 + SALT_BYTES)
        if not head.startswith(MAGIC) or len(head) != len(MAGIC) + 1 + SALT_BYTES:
            raise SealError(f"{source} is no sealed backup")
        cost = head[len(MAGIC)]
        if cost > COST_LOG2_MAX:
            # Whoever made this wants the box's memory.
            raise SealError(f"{source} is damaged")
        cipher = _cipher(passphrase, head[-SALT_BYTES:], cost)
        piece, number = sealed.read(PIECE_BYTES + TAG_BYTES), 0
        while True:
            following = sealed.read(PIECE_BYTES + TAG_BYTES)
            try:
                target.write(cipher.decrypt(_nonce(number, last=not following), piece, head))
            except InvalidTag as error:
                why = (
                    "another passphrase, or the file is damaged"
                    if number == 0
                    else "the file is damaged or cut off"
                )
                raise SealError(f"{source} cannot be opened: {why}") from error
            if not following:
                return
            piece, number = following, number + 1


def _cipher(passphrase: bytes, salt: bytes, cost: int) -> AESGCM:
    key = scrypt(passphrase, salt=salt, n=1 << cost, r=8, p=1, maxmem=(128 * 8 << cost) + (1 << 20), dklen=32)
    return AESGCM(key)


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def private_file(path: Path) -> IO[bytes]:
    """A new file that nobody else may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
