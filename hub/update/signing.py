"""Who made a bundle: Ed25519 signatures over its `SHA256SUMS`, in `SHA256SUMS.sig` beside it, a line for each key.

python -m hub.update.signing new KEY                                 a new key, and KEY.pub for the boxes
python -m hub.update.signing public KEY                              its public half
python -m hub.update.signing sign KEY... <SHA256SUMS >SHA256SUMS.sig
"""

from __future__ import annotations

import base64
import binascii
import os
import sys
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hub.update.layout import UpdateError

SIGNATURE: Final = "SHA256SUMS.sig"
# So that a signature which the same key made for anything else is none of a bundle.
CONTEXT: Final = b"storehub update bundle, 1\n"
KEYS_MAX: Final = 16
Keys = dict[str, Ed25519PublicKey]


def key_id(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return sha256(raw).hexdigest()[:16]


def keys_in(folders: Iterable[Path], *, owner: int) -> Keys:
    """The keys (`*.pub`, PEM) that this box trusts, by id. Raises UpdateError: others could have put them there."""
    found: Keys = {}
    for folder in folders:
        if not folder.is_dir():
            continue
        for path in (folder, *sorted(folder.glob("*.pub"))):
            status = path.stat()
            # Whoever broke into the hub is its user, and must not become root by signing an update.
            if status.st_uid != owner or status.st_mode & 0o022:
                raise UpdateError(f"{path} can be written by others than root: its keys are not trusted")
            if path != folder:
                key = _public(path)
                found[key_id(key)] = key
    return found


def signer(sums: bytes, signatures: bytes | None, trusted: Keys) -> str | None:
    """The id of a trusted key that signed these sums; None when none of them did."""
    for line in (signatures or b"").decode("ascii", "replace").splitlines()[:KEYS_MAX]:
        name, _, encoded = line.partition(" ")
        key = trusted.get(name)
        if key is None:
            continue
        try:
            key.verify(base64.b64decode(encoded, validate=True), CONTEXT + sums)
        except (InvalidSignature, binascii.Error, ValueError):
            continue
        return name
    return None


def sign(sums: bytes, keys: Iterable[Ed25519PrivateKey]) -> bytes:
    """The content of `SHA256SUMS.sig`."""
    lines = (
        f"{key_id(key.public_key())} {base64.b64encode(key.sign(CONTEXT + sums)).decode()}\n" for key in keys
    )
    return "".join(lines).encode()


def public_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def new_key(path: Path) -> str:
    """Make the key and `path`.pub beside it; the key's id. Raises OSError: one that is there is never written over."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
    path.with_name(f"{path.name}.pub").write_bytes(public_pem(key.public_key()))
    return key_id(key.public_key())


def private(path: Path) -> Ed25519PrivateKey:
    """Raises UpdateError."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UpdateError(f"{path} is no key to sign with: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UpdateError(f"{path} is no Ed25519 key")
    return key


def _public(path: Path) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise UpdateError(f"{path} is no public key: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise UpdateError(f"{path} is no Ed25519 key")
    return key


def main(arguments: list[str]) -> int:
    verb, *names = arguments
    try:
        if verb == "new":
            print(f"key {new_key(Path(names[0]))}: sign with {names[0]}, boxes trust {names[0]}.pub")
        elif verb == "public":
            sys.stdout.buffer.write(public_pem(private(Path(names[0])).public_key()))
        elif verb == "sign":
            sys.stdout.buffer.write(sign(sys.stdin.buffer.read(), [private(Path(name)) for name in names]))
        else:
            print((__doc__ or "").strip(), file=sys.stderr)
            return 2
    except (UpdateError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
