"""The installer on a staged tree: no root, no systemd, no package index."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(script: str, *args: str, destdir: Path, expect: int = 0) -> str:
    environment = {**os.environ, "DESTDIR": str(destdir), "PYTHON": sys.executable}
    done = subprocess.run(
        [ROOT / "deploy" / script, *args],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return next(folder.glob("storehub-*.whl"))


@pytest.fixture(scope="module")
def staged(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree that was installed into once, with no dependencies: they would need a package index."""
    destdir = tmp_path_factory.mktemp("staged")
    empty = tmp_path_factory.mktemp("lock") / "empty.lock"
    empty.touch()
    run("install.sh", "--wheel", str(wheel), "--lock", str(empty), destdir=destdir)
    return destdir


def reinstall(staged: Path, wheel: Path) -> str:
    empty = staged.parent / "empty.lock"
    empty.touch()
    return run("install.sh", "--wheel", str(wheel), "--lock", str(empty), destdir=staged)


def test_a_dry_run_tells_everything_and_changes_nothing(tmp_path: Path) -> None:
    said = run("install.sh", "--dry-run", destdir=tmp_path)
    assert "/etc/systemd/system/storehub.service" in said
    assert "nothing was changed" in said
    assert tree(tmp_path) == set()


def test_the_program_runs_from_where_the_unit_expects_it(staged: Path) -> None:
    unit = (staged / "etc/systemd/system/storehub.service").read_text()
    program, *arguments = next(
        line.removeprefix("ExecStart=") for line in unit.splitlines() if line.startswith("ExecStart=")
    ).split()
    assert os.access(staged / program.lstrip("/"), os.X_OK)
    assert "/var/lib/storehub" in arguments
    config = re.search(r"(?m)^Environment=STOREHUB_CONFIG=(.+)$", unit)
    assert config
    assert (staged / config[1].lstrip("/")).exists()
    imported = subprocess.run(
        [staged / "opt/storehub/venv/bin/python", "-c", "import hub, cloud; print(hub.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=staged,
    )
    assert imported.stdout.startswith(str(staged))


def test_no_path_of_the_staging_folder_is_left_in_it(staged: Path) -> None:
    for path in (staged / "opt/storehub").rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert str(staged).encode() not in path.read_bytes(), path


def test_secrets_have_a_place_others_cannot_read(staged: Path) -> None:
    settings = staged / "etc/storehub/storehub.toml"
    assert stat.S_IMODE(settings.stat().st_mode) == 0o640
    # Sticky: the service's user may replace its own files there and no others.
    assert stat.S_IMODE(settings.parent.stat().st_mode) == 0o1770
    tomllib.loads(settings.read_text())


def test_twice_is_as_good_as_once(staged: Path, wheel: Path) -> None:
    settings = staged / "etc/storehub/storehub.toml"
    settings.write_text('store_name = "mine"\n')
    before, release = tree(staged), (staged / "opt/storehub/venv").readlink()
    reinstall(staged, wheel)
    assert tree(staged) == before
    assert (staged / "opt/storehub/venv").readlink() == release
    assert settings.read_text() == 'store_name = "mine"\n'


@pytest.mark.slow
def test_a_cut_in_the_middle_is_repaired_by_the_next_run(staged: Path, wheel: Path) -> None:
    release = (staged / "opt/storehub/venv").resolve()
    (release / ".complete").unlink()
    shutil.rmtree(release / "lib")
    reinstall(staged, wheel)
    assert (release / ".complete").exists()
    subprocess.run([release / "bin/python", "-c", "import hub"], check=True, cwd=staged)


@pytest.mark.slow
def test_an_update_keeps_the_release_before_and_no_more(staged: Path, wheel: Path, tmp_path: Path) -> None:
    first = (staged / "opt/storehub/venv").readlink()
    for number in (1, 2):
        newer = tmp_path / f"storehub-0.1.{number}-py3-none-any.whl"
        # Only the name counts for the release's id; pip refuses a name that contradicts the content.
        subprocess.run(
            [sys.executable, ROOT / "tests/install/rename_wheel.py", wheel, newer, f"0.1.{number}"],
            check=True,
        )
        reinstall(staged, newer)
    releases = {path.name for path in (staged / "opt/storehub/releases").iterdir()}
    current = (staged / "opt/storehub/venv").readlink().name
    assert current.startswith("0.1.2-")
    assert len(releases) == 2
    assert current in releases
    assert first.name not in releases


@pytest.mark.slow
def test_going_back_brings_the_release_before_with_its_own_units(staged: Path, wheel: Path) -> None:
    copy = staged.parent / "back"
    shutil.copytree(staged, copy, symlinks=True)
    old = run("release.sh", "current", destdir=copy).strip()
    kit = staged.parent / "kit"
    for folder in ("deploy", "systemd", "requirements"):
        shutil.copytree(ROOT / folder, kit / folder)
    (kit / "docs").mkdir()
    shutil.copy(ROOT / "docs/install.md", kit / "docs")
    (kit / "systemd/storehub.service").write_text("[Service]\nExecStart=/bin/true\n")
    (kit / "systemd/storehub-extra.timer").write_text("[Timer]\nOnBootSec=1\n")
    empty = staged.parent / "empty.lock"
    empty.touch()
    command = [kit / "deploy/release.sh", "make", "--wheel", wheel, "--lock", empty]
    environment = {**os.environ, "DESTDIR": str(copy), "PYTHON": sys.executable}
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()
    assert made != old
    units = copy / "etc/systemd/system"
    assert run("release.sh", "current", destdir=copy).strip() == old, "making is not switching"
    run("release.sh", "switch", made, destdir=copy)
    assert "/bin/true" in (units / "storehub.service").read_text()
    assert (units / "storehub-extra.timer").exists()
    assert run("release.sh", "before", destdir=copy).strip() == old
    run("release.sh", "switch", old, destdir=copy)
    assert (units / "storehub.service").read_text() == (ROOT / "systemd/storehub.service").read_text()
    assert not (units / "storehub-extra.timer").exists()
    assert (copy / "opt/storehub/venv").resolve().name == old
    assert "no complete release" in run("release.sh", "switch", "9.9-none", destdir=copy, expect=1)


def test_uninstall_keeps_records_and_settings(staged: Path) -> None:
    records = staged / "var/lib/storehub"
    records.mkdir(parents=True, exist_ok=True)
    (records / "journal.db").touch()
    copy = staged.parent / "uninstall"
    shutil.copytree(staged, copy, symlinks=True)
    run("uninstall.sh", destdir=copy)
    assert not (copy / "opt/storehub").exists()
    assert not (copy / "etc/systemd/system/storehub.service").exists()
    assert (copy / "var/lib/storehub/journal.db").exists()
    assert (copy / "etc/storehub/storehub.toml").exists()
    run("uninstall.sh", destdir=copy)


@pytest.mark.parametrize(
    ("status", "removed"),
    [
        ('echo \'{"unsent": {"count": 0}}\'', True),
        ('echo \'{"unsent": {"count": 3}}\'', False),
        ("exit 1", False),
        ("echo nonsense", False),
    ],
)
def test_purge_is_refused_while_the_cloud_lacks_an_entry(tmp_path: Path, status: str, removed: bool) -> None:
    program = tmp_path / "opt/storehub/venv/bin/storehub"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{status}\n")
    program.chmod(0o755)
    journal = tmp_path / "var/lib/storehub/journal.db"
    journal.parent.mkdir(parents=True)
    journal.touch()

    said = run("uninstall.sh", "--purge", destdir=tmp_path, expect=0 if removed else 1)
    assert journal.exists() is not removed
    if not removed:
        assert "--even-unsent" in said
        run("uninstall.sh", "--purge", "--even-unsent", destdir=tmp_path)
    assert not journal.exists()


@pytest.mark.parametrize("script", ["install.sh", "uninstall.sh", "release.sh"])
def test_help_is_at_hand_and_a_typing_error_does_nothing(tmp_path: Path, script: str) -> None:
    assert "usage:" in run(script, "--help", destdir=tmp_path)
    assert "--help" in run(script, "--purgee", destdir=tmp_path, expect=1)
    assert tree(tmp_path) == set()


@pytest.mark.slow
def test_deploy_sends_all_that_the_installer_needs_and_cleans_up(tmp_path: Path) -> None:
    box = tmp_path / "box"
    box.mkdir()
    ssh = tmp_path / "bin/ssh"
    ssh.parent.mkdir()
    # The other end is this machine, with its own folder for temporary files.
    ssh.write_text(f'#!/bin/bash\n[ "$1" = pi@box ] && shift\nTMPDIR={box} exec bash -c "$*"\n')
    ssh.chmod(0o755)
    staged = tmp_path / "staged"
    environment = {**os.environ, "PATH": f"{ssh.parent}:{os.environ['PATH']}", "DESTDIR": str(staged)}
    command = [ROOT / "deploy/deploy.sh", "pi@box"]
    lock = box / "empty.lock"
    lock.touch()
    done = subprocess.run(
        [*command, "--lock", lock],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (staged / "opt/storehub/venv/share/storehub/uninstall.sh").exists()
    assert list(box.iterdir()) == [lock]
    # What fails there fails here.
    assert (
        subprocess.run([*command, "--nonsense"], env=environment, capture_output=True, check=False).returncode
        == 1
    )
    assert list(box.iterdir()) == [lock]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_the_units_pass_systemds_own_tools(tmp_path: Path) -> None:
    script = ROOT / "deploy/check-units.sh"
    subprocess.run([script], check=True, capture_output=True)
    exposed = tmp_path / "storehub.service"
    exposed.write_text("[Service]\nExecStart=/bin/true\n")
    assert subprocess.run([script, exposed], check=False, capture_output=True).returncode == 1
    misspelt = tmp_path / "misspelt.service"
    text = (ROOT / "systemd/storehub.service").read_text()
    misspelt.write_text(text.replace("NoNewPrivileges=yes", "NoNewPriviliges=yes"))
    assert subprocess.run([script, misspelt], check=False, capture_output=True).returncode == 1
