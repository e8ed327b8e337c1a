"""The service under a real systemd, on a machine booted for it: installed, killed, hung, stopped, removed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.install.box import BootFailed, Box, why_not

ROOT = Path(__file__).parents[2]
PACKAGES = Path(sys.prefix) / f"lib/python3.{sys.version_info.minor}/site-packages"
PYTHON = "/usr/bin/python3"

pytestmark = pytest.mark.slow


def lacking() -> str | None:
    if reason := why_not():
        return reason
    if not os.access(PYTHON, os.X_OK):
        return f"{PYTHON} is not installed"
    ask = "import ensurepip, sys; print(sys.version_info.minor)"
    said = subprocess.run([PYTHON, "-c", ask], capture_output=True, text=True, check=False).stdout.strip()
    # The machine has no network: it borrows the compiled packages of the development environment.
    if said != str(sys.version_info.minor):
        return f"{PYTHON} is not Python 3.{sys.version_info.minor} with python3-venv, the version of .venv"
    return None


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A machine with storehub installed and serving."""
    if reason := lacking():
        pytest.skip(reason)
    staging = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", staging],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (staging / "empty.lock").touch()
    machine = Box({ROOT: "/srv/project", PACKAGES: "/srv/packages", staging: "/srv/dist"})
    try:
        machine.__enter__()
    except BootFailed as error:
        pytest.skip(f"no machine can be booted here: {error}")
    try:
        install(machine, "--no-start")
        lend_packages(machine)
        quick_watchdog(machine)
        install(machine)
        yield machine
    finally:
        machine.__exit__(None, None, None)


def install(box: Box, *args: str) -> str:
    wheel = box.run("sh", "-c", "echo /srv/dist/storehub-*.whl").stdout.strip()
    script = "/srv/project/deploy/install.sh"
    return box.run(script, "--wheel", wheel, "--lock", "/srv/dist/empty.lock", *args).stdout


def lend_packages(box: Box) -> None:
    minor = sys.version_info.minor
    target = f"/opt/storehub/venv/lib/python3.{minor}/site-packages/lent.pth"
    box.run("sh", "-c", f"echo /srv/packages >{target}")


def quick_watchdog(box: Box) -> None:
    folder = "/etc/systemd/system/storehub.service.d"
    box.run("mkdir", "-p", folder)
    box.run("sh", "-c", f"printf '[Service]\nWatchdogSec=3\n' >{folder}/quick.conf")
    box.run("systemctl", "daemon-reload")


def wait_for_another(box: Box, pid: str) -> float:
    """Wait until the service is ready again as another process; return the seconds it took."""
    begin = time.monotonic()
    while time.monotonic() - begin < 30:
        if box.property("ActiveState") == "active" and box.property("MainPID") not in (pid, "0"):
            return time.monotonic() - begin
        time.sleep(0.05)
    raise AssertionError(box.run("journalctl", "--unit", "storehub", "--no-pager", "--lines", "30").stdout)


def test_it_serves_as_its_own_user_without_privileges(box: Box) -> None:
    pid = box.property("MainPID")
    status = box.run("cat", f"/proc/{pid}/status").stdout
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    assert box.run("stat", "-c", "%U", f"/proc/{pid}").stdout.strip() == "storehub"
    assert box.run("stat", "-c", "%U %a", "/var/lib/storehub").stdout.strip() == "storehub 700"
    assert box.run("systemctl", "is-enabled", "storehub").stdout.strip() == "enabled"
    box.run("curl", "-sfk", "-m", "5", "https://127.0.0.1:8443/healthz")


def test_installing_again_does_not_disturb_it(box: Box) -> None:
    pid = box.property("MainPID")
    assert "storehub device code --role manager" in install(box)
    assert box.property("MainPID") == pid


def test_the_command_line_speaks_to_it_and_leaves_no_file_of_roots(box: Box) -> None:
    assert box.run("storehub", "device", "code", "--role", "manager").stdout.strip()
    assert box.run("find", "/var/lib/storehub", "!", "-user", "storehub").stdout == ""


def test_it_is_back_after_kill_9(box: Box) -> None:
    pid = box.property("MainPID")
    box.run("kill", "-9", pid)
    # One second is RestartSec.
    assert wait_for_another(box, pid) < 5


def test_it_is_back_after_many_quick_crashes(box: Box) -> None:
    for _ in range(7):
        pid = box.property("MainPID")
        box.run("kill", "-9", pid)
        wait_for_another(box, pid)


def test_the_watchdog_ends_what_hangs(box: Box) -> None:
    pid = box.property("MainPID")
    box.run("kill", "-STOP", pid)
    # 3 s of the quickened watchdog, 5 s until the kill, 1 s before the start.
    assert wait_for_another(box, pid) < 15


def test_a_stop_is_clean_and_the_command_line_works_without_it(box: Box) -> None:
    box.run("systemctl", "stop", "storehub")
    assert box.property("Result") == "success"
    assert box.run("storehub", "device", "code", "--role", "handheld").stdout.strip()
    assert box.run("find", "/var/lib/storehub", "!", "-user", "storehub").stdout == ""
    box.run("systemctl", "start", "storehub")


def test_removal_keeps_the_journal_and_gives_everything_else_back(box: Box) -> None:
    box.run("/srv/project/deploy/uninstall.sh")
    box.run("test", "-e", "/var/lib/storehub/journal.db")
    assert box.run("systemctl", "is-active", "storehub", check=False).stdout.strip() == "inactive"
    refused = box.run("/srv/project/deploy/uninstall.sh", "--purge", check=False)
    assert refused.returncode == 1
    assert "--even-unsent" in refused.stdout
    box.run("/srv/project/deploy/uninstall.sh", "--purge", "--even-unsent")
    for path in ("/var/lib/storehub", "/etc/storehub", "/opt/storehub", "/usr/local/bin/storehub"):
        assert box.run("test", "-e", path, check=False).returncode == 1, path
    assert box.run("id", "storehub", check=False).returncode == 1
