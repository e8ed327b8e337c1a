"""The authority and the box's certificate, checked by OpenSSL, not by the library that made them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import hub.tls.files
import hub.tls.issue
from hub.tls import (
    Authority,
    AuthorityDamaged,
    ServerCertificate,
    ensure_ca,
    ensure_server_certificate,
    server_context,
)

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
BOX = "3f2a9c01"
ADDRESSES = ["192.168.1.20", "fd00::20"]


def make(
    folder: Path, addresses: list[str] = ADDRESSES, now: datetime = NOW, **options: Any
) -> ServerCertificate:
    return ensure_server_certificate(
        folder, ensure_ca(folder, "渋谷店", now=now), BOX, addresses, now, **options
    )


def openssl(*args: str | Path) -> str:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    done = subprocess.run(
        ["openssl", *map(str, args)], capture_output=True, text=True, check=False, timeout=20
    )
    return done.stdout + done.stderr


def leaf_pem(certificate: ServerCertificate, tmp_path: Path) -> Path:
    text = certificate.bundle.read_text()
    start = text.index(ssl.PEM_HEADER)
    path = tmp_path / "leaf.pem"
    path.write_text(text[start : text.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)] + "\n")
    return path


@pytest.mark.parametrize(
    "asked",
    [
        *("-verify_ip 192.168.1.20", "-verify_ip fd00::20", "-verify_ip 127.0.0.1", "-verify_ip ::1"),
        *("-verify_hostname storehub-3f2a9c01.local", "-verify_hostname localhost"),
    ],
)
def test_openssl_verifies_every_name_and_address(tmp_path: Path, asked: str) -> None:
    certificate = make(tmp_path)
    leaf = leaf_pem(certificate, tmp_path)
    at = str(int(NOW.timestamp()))
    verify = [
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        "-attime",
        at,
        "-CAfile",
        tmp_path / "ca.pem",
    ]
    assert "OK" in openssl(*verify, *asked.split(), leaf)
    assert "mismatch" in openssl(*verify, "-verify_ip", "192.168.1.99", leaf)


def test_what_is_in_the_certificates(tmp_path: Path) -> None:
    certificate = make(tmp_path)
    text = openssl("x509", "-in", leaf_pem(certificate, tmp_path), "-noout", "-text")
    assert "prime256v1" in text
    assert "CA:FALSE" in text
    assert "TLS Web Server Authentication" in text
    assert certificate.not_after == NOW + timedelta(days=397)
    assert certificate.not_after - certificate.not_before <= timedelta(days=825), "Apple's limit"
    ca = openssl("x509", "-in", tmp_path / "ca.pem", "-noout", "-text", "-fingerprint", "-sha256")
    assert "CA:TRUE, pathlen:0" in ca
    assert "Not Before: Jan  1 00:00:00 2000" in ca
    assert "Not After : Nov 21" in ca
    assert "2046" in ca
    fingerprint = ca.rsplit("ingerprint=", 1)[1].split()[0].replace(":", "").lower()
    assert ensure_ca(tmp_path, "渋谷店").fingerprint == fingerprint
    assert certificate.bundle.read_text().count(ssl.PEM_HEADER) == 2, "the authority is served in the chain"


def test_nothing_is_readable_by_others_even_after_a_careless_copy(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    previous = os.umask(0)
    try:
        make(folder)
    finally:
        os.umask(previous)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == dict.fromkeys(
        ("ca.key", "ca.pem", "server.pem", "server.json"), 0o600
    )
    for name in ("ca.key", "server.pem"):
        (folder / name).chmod(0o644)
    make(folder)
    assert {(folder / name).stat().st_mode & 0o777 for name in ("ca.key", "server.pem")} == {0o600}


def test_it_is_made_anew_only_when_it_must_be(tmp_path: Path) -> None:
    first = make(tmp_path)
    assert first.renewed
    kept = make(tmp_path, now=NOW + timedelta(days=366))
    assert (kept.renewed, kept.not_after) == (False, first.not_after)
    assert not make(tmp_path, addresses=["fd00::20"]).renewed, "an address less does no harm"
    moved = make(tmp_path, addresses=["192.168.1.50"])
    assert moved.renewed
    assert "192.168.1.50" in moved.names
    assert make(tmp_path, addresses=["192.168.1.50"], now=NOW + timedelta(days=368)).renewed, "29 days left"
    authority = ensure_ca(tmp_path, "渋谷店")
    assert ensure_server_certificate(tmp_path, authority, "77777777", [], NOW).renewed, "another box"


def test_a_wrong_clock_makes_no_useless_certificate_and_takes_no_good_one_away(tmp_path: Path) -> None:
    boot_1970 = datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
    first = make(tmp_path, now=boot_1970, time_trusted=False)
    assert first.not_before < datetime(2025, 1, 1, tzinfo=UTC)
    assert first.not_after > datetime(2027, 1, 1, tzinfo=UTC)
    in_2028 = datetime(2028, 6, 1, tzinfo=UTC)
    right = make(tmp_path, now=in_2028)
    assert (right.renewed, right.not_after) == (True, in_2028 + timedelta(days=397))
    assert not make(tmp_path, now=boot_1970, time_trusted=False).renewed, "a power cut in an outage"
    moved = make(tmp_path, ["10.0.0.9"], now=boot_1970, time_trusted=False)
    assert moved.renewed, "a new address needs a certificate all the same,"
    assert moved.not_after == right.not_after, "dated by the best time known"
    far = datetime(2099, 1, 1, tzinfo=UTC)
    assert make(tmp_path, now=far).renewed
    back = make(tmp_path, now=in_2028)
    assert back.renewed, "one from 2099 is not valid yet for devices with a right clock"


def test_a_start_with_what_is_there_needs_no_cryptography(tmp_path: Path) -> None:
    make(tmp_path)
    script = f"""
import sys
from datetime import UTC, datetime
from pathlib import Path
from hub.tls import ensure_ca, ensure_server_certificate, server_context
folder = Path({str(tmp_path)!r})
authority = ensure_ca(folder, "渋谷店")
now = datetime(2026, 11, 21, tzinfo=UTC)
certificate = ensure_server_certificate(folder, authority, {BOX!r}, {ADDRESSES!r}, now)
server_context(certificate)
assert not certificate.renewed
assert not any(name.partition(".")[0] == "cryptography" for name in sys.modules), "cryptography was loaded"
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def snapshots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Copies of tmp_path/tls before and after each sync and rename: what a process that dies there leaves."""
    taken: list[Path] = []
    folder = tmp_path / "tls"
    folder.mkdir()

    def snap() -> None:
        taken.append(tmp_path / f"after-{len(taken)}")
        shutil.copytree(folder, taken[-1])

    def watched(name: str) -> Any:
        real = getattr(os, name)

        def call(*args: Any) -> None:
            snap()
            real(*args)
            snap()

        return call

    for name in ("fsync", "replace"):
        monkeypatch.setattr(hub.tls.files.os, name, watched(name))
    return taken


def test_after_a_crash_at_any_point_the_next_start_serves(
    tmp_path: Path, snapshots: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tls"
    make(folder)
    before_move = len(snapshots)
    old = (folder / "server.pem").read_bytes()
    make(folder, ["10.9.9.9"])
    monkeypatch.undo()
    fingerprint = ensure_ca(folder, "渋谷店").fingerprint
    assert len(snapshots) >= 30
    for number, left in enumerate(snapshots):
        known = (left / "ca.pem").exists()
        certificate = make(left, ["10.9.9.9"])
        server_context(certificate)
        if known:
            assert ensure_ca(left, "渋谷店").fingerprint == fingerprint, "paired devices still know the store"
        if number >= before_move:
            assert known
            assert (snapshots[number] / "server.pem").exists()
        assert "10.9.9.9" in certificate.names
        assert not list(left.glob(".*")), "nothing unfinished is left lying about"
        assert not make(left, ["10.9.9.9"]).renewed
    assert old != (folder / "server.pem").read_bytes()


def test_a_lost_or_damaged_authority_is_never_replaced_in_silence(tmp_path: Path) -> None:
    make(tmp_path)
    fingerprint = ensure_ca(tmp_path, "渋谷店").fingerprint
    certificate = (tmp_path / "ca.pem").read_bytes()

    (tmp_path / "ca.pem").unlink()
    assert ensure_ca(tmp_path, "渋谷店").fingerprint == fingerprint, "taken back from the chain"
    assert (tmp_path / "ca.pem").read_bytes() == certificate

    for damage in (b"", certificate[:100], certificate.replace(b"\nMII", b"\nMIJ", 1)):
        (tmp_path / "ca.pem").write_bytes(damage)
        with pytest.raises(AuthorityDamaged):
            ensure_ca(tmp_path, "渋谷店")
    # One flipped bit is found when the authority has to sign, which it has to: the fingerprint has changed.
    der = bytearray(ssl.PEM_cert_to_DER_cert(certificate.decode()))
    der[-5] ^= 1
    (tmp_path / "ca.pem").write_text(ssl.DER_cert_to_PEM_cert(bytes(der)))
    with pytest.raises(AuthorityDamaged):
        make(tmp_path)

    (tmp_path / "ca.pem").write_bytes(certificate)
    (tmp_path / "ca.key").write_bytes(hub.tls.issue.new_key())
    with pytest.raises(AuthorityDamaged, match="not that of its certificate"):
        make(tmp_path, ["10.0.0.7"])
    (tmp_path / "ca.key").unlink()
    with pytest.raises(AuthorityDamaged, match="missing"):
        ensure_ca(tmp_path, "渋谷店")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"bundle_sha256": 1}'])
def test_facts_that_do_not_fit_the_bundle_are_not_believed(tmp_path: Path, content: bytes) -> None:
    first = make(tmp_path)
    (tmp_path / "server.json").write_bytes(content)
    assert make(tmp_path).renewed
    facts = json.loads((tmp_path / "server.json").read_text())
    assert facts["bundle_sha256"] == hashlib.sha256(first.bundle.read_bytes()).hexdigest()
    first.bundle.write_bytes(first.bundle.read_bytes()[:-200])
    assert make(tmp_path).renewed


def test_the_authority_moves_to_another_box(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    make(old)
    new.mkdir()
    for name in ("ca.pem", "ca.key"):
        shutil.copy(old / name, new / name)
    authority: Authority = ensure_ca(new, "another name by now")
    certificate = ensure_server_certificate(new, authority, "77777777", ["192.168.1.21"], NOW)
    verify = ["verify", "-attime", str(int(NOW.timestamp())), "-CAfile", old / "ca.pem"]
    assert "OK" in openssl(*verify, "-verify_ip", "192.168.1.21", leaf_pem(certificate, tmp_path))
