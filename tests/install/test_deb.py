"""The Debian package: what is in it, and that the same sources give the same bytes. Installing it is booted.py's."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not here"),
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return next(folder.glob("storehub-*.whl"))


def build(wheel: Path, out: Path, *args: str) -> Path:
    """A package without dependencies: they would need a package index."""
    out.mkdir(exist_ok=True)
    empty = out / "empty.lock"
    empty.touch()
    done = subprocess.run(
        [ROOT / "deploy/build-deb.sh", "--wheel", wheel, "--lock", empty, "--out", out, *args],
        env={**os.environ, "PYTHON": sys.executable, "SOURCE_DATE_EPOCH": "1700000000"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def test_the_same_sources_give_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    first = build(wheel, tmp_path / "a")
    second = build(wheel, tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("arch", ["amd64", "arm64"])
def test_it_holds_a_whole_kit_that_belongs_to_root(wheel: Path, tmp_path: Path, arch: str) -> None:
    package = build(wheel, tmp_path, "--arch", arch, "--version", "9.8.7")
    assert package.name == f"storehub_9.8.7_{arch}.deb"
    listed = subprocess.run(["dpkg-deb", "-c", package], capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in listed.splitlines()} == {"root/root"}
    subprocess.run(["dpkg-deb", "-R", package, tmp_path / "x"], check=True)
    kit = tmp_path / "x/usr/share/storehub"
    for path in ("deploy/install.sh", "deploy/release.sh", "deploy/uninstall.sh", "deploy/storehub.sh"):
        assert os.access(kit / path, os.X_OK), path
    for path in ("systemd/storehub.service", "requirements/runtime.lock", "deploy/storehub.toml.example"):
        assert stat.S_IMODE((kit / path).stat().st_mode) == 0o644, path
    assert (kit / wheel.name).exists()
    for script in ("postinst", "prerm", "postrm"):
        subprocess.run(["sh", "-n", tmp_path / "x/DEBIAN" / script], check=True)


def test_the_kit_installs_without_anything_else_of_the_project(wheel: Path, tmp_path: Path) -> None:
    subprocess.run(["dpkg-deb", "-x", build(wheel, tmp_path), tmp_path / "x"], check=True)
    kit = tmp_path / "x/usr/share/storehub"
    subprocess.run(
        [kit / "deploy/install.sh", "--wheel", kit / wheel.name, "--wheels", kit / "wheels"],
        env={**os.environ, "DESTDIR": str(tmp_path / "staged"), "PYTHON": sys.executable},
        check=True,
        capture_output=True,
    )
    assert (tmp_path / "staged/usr/local/bin/storehub").exists()


def test_another_machine_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [ROOT / "deploy/build-deb.sh", "--arch", "armhf"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "armhf" in done.stderr
