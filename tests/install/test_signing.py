"""Whose bundles a box takes: every part of one altered, keys that come and go."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hub.update.layout import UpdateError
from hub.update.signing import SIGNATURE, Keys, key_id, keys_in, new_key, private, public_pem, sign
from hub.update.source import SUMS, source_of

OURS = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
NEXT = Ed25519PrivateKey.from_private_bytes(b"n" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"x" * 32)


def trust(*keys: Ed25519PrivateKey) -> Keys:
    return {key_id(key.public_key()): key.public_key() for key in keys}


def wheel() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr(
            zipfile.ZipInfo("storehub-0.2.0.dist-info/METADATA"), "Name: storehub\nVersion: 0.2.0\n"
        )
    return file.getvalue()


def kit() -> dict[str, bytes]:
    return {
        "deploy/release.sh": b"#!/bin/bash\n",
        "keys/ours.pub": public_pem(OURS.public_key()),
        "requirements/runtime.lock": b"",
        "storehub-0.2.0-py3-none-any.whl": wheel(),
        "systemd/storehub.service": b"[Service]\n",
    }


def sums(files: dict[str, bytes]) -> bytes:
    return "".join(f"{sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)).encode()


def signed(files: dict[str, bytes], *keys: Ed25519PrivateKey) -> dict[str, bytes]:
    listed = sums(files)
    return {SUMS: listed, **({SIGNATURE: sign(listed, keys)} if keys else {}), **files}


def packed(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content in members.items():
            item = tarfile.TarInfo(name)
            item.size = len(content)
            tar.addfile(item, io.BytesIO(content))
    return file.getvalue()


def taken(bundle: bytes, trusted: Keys) -> tuple[str, dict[str, bytes]]:
    """Who signed it, and what a box would then install of it. Raises UpdateError."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "storehub_0.2.0_arm64.tar")
        path.write_bytes(bundle)
        found = source_of(str(path), Path(folder), trusted=trusted)
        files = {str(file.relative_to(found.kit)): file.read_bytes() for file in found.kit.rglob("*.*")}
        return found.signed_by, {name: files[name] for name in files if name not in (SUMS, SIGNATURE)}


def test_a_signed_bundle_is_taken_by_who_trusts_the_key() -> None:
    assert taken(packed(signed(kit(), OURS)), trust(OURS)) == (key_id(OURS.public_key()), kit())
    # A box without a key takes any bundle that is whole.
    assert taken(packed(signed(kit())), {}) == ("", kit())


WHOLE = packed(signed(kit(), OURS))


@given(at=st.integers(0, len(WHOLE) - 1), bit=st.integers(0, 7))
@example(at=WHOLE.index(b"#!/bin/bash"), bit=0)
@example(at=WHOLE.index(SIGNATURE.encode()), bit=0)
@settings(max_examples=100, deadline=None)
def test_one_changed_bit_anywhere_installs_nothing_else(at: int, bit: int) -> None:
    changed = bytearray(WHOLE)
    changed[at] ^= 1 << bit
    try:
        _, files = taken(bytes(changed), trust(OURS))
    except UpdateError:
        return
    # What is left: bytes of the tar that nobody reads.
    assert files == kit()


@pytest.mark.parametrize("name", [*kit(), "deploy/more.sh"])
def test_a_part_exchanged_with_its_sum_is_refused(name: str) -> None:
    """Whoever changes a file can write a new list of sums, and cannot sign it."""
    files = {**kit(), name: b"#!/bin/bash\ncurl evil\n" if not name.endswith(".whl") else wheel() + b" "}
    for signature in (sign(sums(kit()), [OURS]), sign(sums(files), [OTHER]), b"", b"\xff\n", b"x" * 100_000):
        with pytest.raises(UpdateError, match="not signed by a key that this box trusts"):
            taken(packed({SUMS: sums(files), SIGNATURE: signature, **files}), trust(OURS))
    with pytest.raises(UpdateError, match="is damaged"):
        taken(packed({**signed(kit(), OURS), name: files[name]}), trust(OURS))


@pytest.mark.parametrize("name", [SUMS, SIGNATURE, *kit()])
def test_a_part_that_is_missing_is_refused(name: str) -> None:
    left = {one: content for one, content in signed(kit(), OURS).items() if one != name}
    with pytest.raises(UpdateError):
        taken(packed(left), trust(OURS))


def test_the_id_of_a_trusted_key_is_no_signature() -> None:
    line = sign(sums(kit()), [OTHER]).split(b" ")[1]
    forged = f"{key_id(OURS.public_key())} ".encode() + line
    with pytest.raises(UpdateError, match="not signed by a key"):
        taken(packed({SUMS: sums(kit()), SIGNATURE: forged, **kit()}), trust(OURS))


@pytest.mark.parametrize("given", ["0.2.0", "storehub-0.2.0-py3-none-any.whl", "storehub_0.2.0_arm64.deb"])
def test_what_cannot_be_signed_is_refused_in_both_languages(given: str, tmp_path: Path) -> None:
    path = tmp_path / given
    if not given[-1].isdigit():
        path.write_bytes(wheel())
    with pytest.raises(UpdateError, match="--unsigned") as refused:
        source_of(given if given[-1].isdigit() else str(path), tmp_path, trusted=trust(OURS))
    assert "署名がありません" in str(refused.value)
    with pytest.raises(UpdateError, match="署名は、この機器が信頼する鍵のものではありません"):
        taken(packed(signed(kit(), OTHER)), trust(OURS))


def test_a_key_is_changed_in_two_releases() -> None:
    """Signed by both, a bundle is taken by boxes with either key; afterwards the old key opens nothing."""
    both = packed(signed(kit(), OURS, NEXT))
    for trusted in (trust(OURS), trust(NEXT), trust(OURS, NEXT)):
        assert taken(both, trusted)[1] == kit()
    with pytest.raises(UpdateError):
        taken(packed(signed(kit(), OURS)), trust(NEXT))


def test_keys_that_others_could_have_written_are_not_trusted(tmp_path: Path) -> None:
    folder = tmp_path / "update-keys"
    assert keys_in([folder], owner=os.geteuid()) == {}
    folder.mkdir(mode=0o755)
    name = new_key(tmp_path / "secret")
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    (folder / "one.pub").write_bytes((tmp_path / "secret.pub").read_bytes())
    (folder / "one.pub").chmod(0o644)
    assert list(keys_in([tmp_path / "none", folder], owner=os.geteuid())) == [name]
    assert key_id(private(tmp_path / "secret").public_key()) == name
    with pytest.raises(UpdateError, match="not trusted"):
        keys_in([folder], owner=os.geteuid() + 1)
    for path in (folder, folder / "one.pub"):
        mode = path.stat().st_mode
        path.chmod(mode | 0o020)
        with pytest.raises(UpdateError, match="not trusted"):
            keys_in([folder], owner=os.geteuid())
        path.chmod(mode)
    (folder / "two.pub").write_text("no key")
    (folder / "two.pub").chmod(0o644)
    with pytest.raises(UpdateError, match="no public key"):
        keys_in([folder], owner=os.geteuid())
    with pytest.raises(FileExistsError):
        new_key(tmp_path / "secret")


def test_the_program_that_signs(tmp_path: Path) -> None:
    """As deploy/build-bundle.sh calls it."""

    def program(*words: str, said: bytes = b"", expect: int = 0) -> bytes:
        command = [sys.executable, "-m", "hub.update.signing", *words]
        done = subprocess.run(command, input=said, capture_output=True, check=False)
        assert done.returncode == expect, done.stderr
        return done.stdout

    key = tmp_path / "key"
    program("new", str(key))
    assert program("public", str(key)) == (tmp_path / "key.pub").read_bytes()
    signature = program("sign", str(key), said=sums(kit()))
    assert taken(packed({SUMS: sums(kit()), SIGNATURE: signature, **kit()}), trust(private(key)))[1] == kit()
    program("sign", str(tmp_path / "none"), expect=1)
    program("new", str(key), expect=1)
