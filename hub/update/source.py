"""What an update is made from: a bundle, a Debian package, a wheel, or a version of the package index.

Each comes down to a kit: the hub's wheel, the wheels of all it needs, and the folders deploy, systemd, docs,
requirements and keys, as deploy/release.sh takes them. A bundle is a tar of one with `SHA256SUMS` over every file in
it, signed where its maker signs (deploy/build-bundle.sh, hub/update/signing.py). A wheel brings its kit along, but for
the wheels of others: those are in --wheels, or the package index has them.
"""

from __future__ import annotations

import email
import email.message
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

from hub.update.fetching import fetch, is_address
from hub.update.layout import UpdateError, last_words
from hub.update.signing import SIGNATURE, Keys, signer

SUMS: Final = "SHA256SUMS"
FOLDERS: Final = ("deploy", "systemd", "docs", "requirements", "wheels", "keys")
FILES_MAX: Final = 2_000
# Unpacked: a bundle of today has 60 MB for each Python.
BYTES_MAX: Final = 2 << 30
INDEX_S: Final = 900.0
_NAME: Final = re.compile(rf"(?:(?:{'|'.join(FOLDERS)})/)?[A-Za-z0-9][A-Za-z0-9._+!-]*")
_VERSION: Final = re.compile(r"[0-9][A-Za-z0-9.+!]*")


@dataclass(frozen=True, slots=True)
class Source:
    """wheels: where the dependencies lie; None: the package index has them. package: the Debian package it came in.

    signed_by: the trusted key that signed it; "" when none was asked for, or none had to.
    """

    kit: Path
    wheel: Path
    wheels: Path | None
    version: str
    package: Path | None = None
    signed_by: str = ""

    @property
    def release_sh(self) -> Path:
        return self.kit / "deploy/release.sh"

    @property
    def bytes(self) -> int:
        return sum(file.stat().st_size for file in self.kit.rglob("*") if file.is_file())


def source_of(
    given: str, scratch: Path, *, wheels: Path | None = None, trusted: Keys | None = None
) -> Source:
    """What the words name, unpacked into scratch and checked against its sums. A bundle may lie at an https address.

    trusted: refuse what none of these keys signed; without any, whoever made it is believed. Raises UpdateError.
    """
    if is_address(given):
        fetched = scratch / "fetched.tar"
        fetch(given, fetched, bytes_max=BYTES_MAX)
        given = str(fetched)
    path = Path(given)
    is_version = _VERSION.fullmatch(given) is not None and not path.exists()
    if not is_version and not path.is_file():
        raise UpdateError(f"{given} is neither a file nor a version")
    if trusted and (is_version or path.suffix in (".whl", ".deb") or wheels is not None):
        raise UpdateError(_not_signed(given if wheels is None else str(wheels)))
    if is_version:
        path = _from_index(given, scratch / "index")
    if path.suffix == ".whl":
        return _of_kit(_unpack_wheel(path, scratch / "kit"), wheels)
    if path.suffix == ".deb":
        return _of_kit(_unpack_deb(path, scratch / "deb"), wheels, package=path.resolve())
    kit = _unpack_bundle(path, scratch / "kit")
    signed_by = _signed(path.name, kit, trusted) if trusted else ""
    return replace(_of_kit(kit, wheels), signed_by=signed_by)


def _signed(bundle: str, kit: Path, trusted: Keys) -> str:
    signatures = kit / SIGNATURE
    if not signatures.exists():
        raise UpdateError(_not_signed(bundle))
    found = signer((kit / SUMS).read_bytes(), signatures.read_bytes(), trusted)
    if found is None:
        raise UpdateError(
            f"{bundle} is not signed by a key that this box trusts ({', '.join(sorted(trusted))}): nothing was"
            " changed.\n"
            f"{bundle} の署名は、この機器が信頼する鍵のものではありません。更新は行われませんでした。"
        )
    return found


def _not_signed(given: str) -> str:
    return (
        f"{given} is not signed, and this box takes signed bundles only: nothing was changed. Whoever knows where it"
        " comes from may say --unsigned.\n"
        f"{given} には署名がありません。この機器は署名済みの更新ファイルだけを受け付けます。更新は行われませんでした。"
        "出所が確かな場合に限り、--unsigned を付けて実行できます。"
    )


def _of_kit(kit: Path, wheels: Path | None, *, package: Path | None = None) -> Source:
    found = list(kit.glob("storehub-*.whl"))
    if len(found) != 1 or not (kit / "deploy/release.sh").is_file():
        raise UpdateError(
            f"it holds {len(found)} wheels of storehub and no complete kit: it cannot be installed"
        )
    metadata = _metadata(found[0])
    _python_fits(metadata["Requires-Python"] or "")
    own = kit / "wheels"
    return Source(kit, found[0], wheels or (own if own.is_dir() else None), metadata["Version"], package)


def _metadata(wheel: Path) -> email.message.Message:
    try:
        with zipfile.ZipFile(wheel) as file:
            names = file.namelist()
            name = next(name for name in names if re.fullmatch(r"storehub-[^/]+\.dist-info/METADATA", name))
            return email.message_from_bytes(file.read(name))
    except (OSError, StopIteration, zipfile.BadZipFile) as error:
        raise UpdateError(f"{wheel.name} is no wheel of storehub: {error}") from error


def _python_fits(wanted: str) -> None:
    """Raises UpdateError. pip would say so as well, but only after a minute of work."""
    for part in filter(None, (part.strip() for part in wanted.split(","))):
        found = re.fullmatch(r"(>=|<)\s*(\d+)\.(\d+)", part)
        if found is None:
            continue
        if (sys.version_info[:2] < (int(found[2]), int(found[3]))) == (found[1] == ">="):
            here = f"{sys.version_info[0]}.{sys.version_info[1]}"
            raise UpdateError(f"it needs Python {wanted}; this box has {here}")


def _unpack_wheel(wheel: Path, kit: Path) -> Path:
    """The kit that a wheel brings along (pyproject.toml, shared-data)."""
    version = _metadata(wheel)["Version"]
    within = f"storehub-{version}.data/data/share/storehub/kit/"
    with zipfile.ZipFile(wheel) as file:
        for item in file.infolist():
            name = item.filename.removeprefix(within)
            if item.is_dir() or name == item.filename or not _NAME.fullmatch(name):
                continue
            if item.file_size > BYTES_MAX:
                raise UpdateError(f"{wheel.name} is larger than a wheel can be")
            out = kit / name
            out.parent.mkdir(parents=True, exist_ok=True)
            with file.open(item) as source, out.open("xb") as written:
                shutil.copyfileobj(source, written)
    kit.mkdir(exist_ok=True)
    shutil.copy2(wheel, kit / wheel.name)
    return kit


def _unpack_bundle(path: Path, kit: Path) -> Path:
    """Nothing lands outside, nothing is larger than a bundle may be, and every file is the one that was packed."""
    kit.mkdir(parents=True)
    sums: dict[str, str] = {}
    size = 0
    try:
        # Not compressed, as wheels are: what it unpacks to is what it is.
        with tarfile.open(path, "r:") as tar:
            for count, member in enumerate(tar):
                size += member.size
                if count > FILES_MAX or size > BYTES_MAX:
                    raise UpdateError(f"{path.name} is larger than a bundle can be")
                file = tar.extractfile(member) if member.isreg() else None
                if file is None or not _NAME.fullmatch(member.name):
                    raise UpdateError(f"{path.name} holds {member.name!r}, which belongs to no bundle")
                out = kit / member.name
                out.parent.mkdir(exist_ok=True)
                with out.open("xb") as written:
                    shutil.copyfileobj(file, written)
                if member.name not in (SUMS, SIGNATURE):
                    sums[member.name] = _digest(out)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UpdateError(f"{path.name} cannot be unpacked: {error}") from error
    _compare(path.name, kit / SUMS, sums)
    return kit


def _compare(bundle: str, listed: Path, found: dict[str, str]) -> None:
    try:
        lines = [line.split(None, 1) for line in listed.read_text("ascii").splitlines() if line.strip()]
        wanted = {name.strip().lstrip("*"): digest for digest, name in lines}
    except (OSError, ValueError) as error:
        raise UpdateError(f"{bundle} has no {SUMS} that can be read") from error
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found:
            raise UpdateError(f"{bundle} is cut off: {name} is missing")
        if wanted.get(name) != found[name]:
            raise UpdateError(f"{bundle} is damaged: {name} is not what {SUMS} says")


def _unpack_deb(path: Path, target: Path) -> Path:
    _told("dpkg-deb", "--extract", str(path), str(target), about=f"{path.name} cannot be unpacked")
    kit = target / "usr/share/storehub"
    # dpkg keeps a sum of every file in the package: a damaged stick is found here and not by a hub.
    about = f"{path.name} is damaged"
    _told("dpkg-deb", "--control", str(path), str(target / "DEBIAN"), about=about)
    _told("md5sum", "--check", "--quiet", "DEBIAN/md5sums", about=about, cwd=target)
    return kit


def _from_index(version: str, target: Path) -> Path:
    """The wheel of this version from the package index that pip on this box asks."""
    target.mkdir(parents=True)
    _told(
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--only-binary=:all:", "-d", str(target), f"storehub=={version}",
        about=f"the package index did not give storehub {version}",
    )  # fmt: skip
    return next(target.glob("storehub-*.whl"))


def _told(*command: str, about: str, cwd: Path | None = None) -> None:
    done = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, timeout=INDEX_S, check=False, cwd=cwd
    )
    if done.returncode:
        raise UpdateError(f"{about}: {last_words(done.stderr or done.stdout)}")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
