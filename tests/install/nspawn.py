"""A bare Debian for a test: its own systemd, kernel namespaces and disk, no network, over a tree made by debootstrap.

    with Machine(base_tree(), "one") as machine:
        machine.run("apt-get", "install", "-y", "/root/storehub.deb")
        machine.reboot()

The disk lives as long as the block; the tree below it is never written. `why_not()` says what is missing.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

# What Debian's installer and Raspberry Pi OS Lite put on a disk, as far as this matters here; no python3-venv, no pip.
PACKAGES = "systemd,systemd-sysv,dbus,udev,python3,iproute2,procps,sudo,ca-certificates,tzdata"
# With the minor version of its Python.
SUITES = {"bookworm": "3.11", "trixie": "3.13"}
BOOT_S_MAX = 90.0
STOP_S_MAX = 60.0


def why_not(arch: str = "") -> str | None:
    """None when a machine can be booted here, else the reason to skip."""
    if os.geteuid() != 0:
        return "booting a machine needs root"
    programs = ["debootstrap", "systemd-nspawn", "nsenter", "dpkg-deb"]
    for program in [*programs, *(["qemu-aarch64-static"] if arch == "arm64" else [])]:
        if shutil.which(program) is None:
            return (
                f"{program} is not installed (apt-get install debootstrap systemd-container qemu-user-static)"
            )
    return None


def base_tree(arch: str = "amd64", suite: str = "bookworm") -> Path:
    """The tree of a bare Debian, made once and kept (STOREHUB_TREES): a minute, ten under emulation."""
    trees = Path(os.environ.get("STOREHUB_TREES", "/var/tmp/storehub-trees"))  # noqa: S108 - big, and worth keeping
    tree = trees / f"{suite}-{arch}"
    if not (tree / ".complete").exists():
        shutil.rmtree(tree, ignore_errors=True)
        trees.mkdir(parents=True, exist_ok=True)
        foreign = ["--foreign"] if arch == "arm64" else []
        options = [*foreign, f"--arch={arch}", "--variant=minbase", f"--include={PACKAGES}"]
        subprocess.run(["debootstrap", *options, suite, tree], check=True, stdout=subprocess.DEVNULL)
        if foreign:
            second = ["chroot", tree, "/debootstrap/debootstrap", "--second-stage"]
            subprocess.run(second, check=True, stdout=subprocess.DEVNULL)
        (tree / "etc/machine-id").write_text("")
        (tree / "etc/fstab").write_text("")
        (tree / "var/log/journal").mkdir(exist_ok=True)
        (tree / ".complete").touch()
    return tree


class Machine:
    """arguments: more ones of systemd-nspawn."""

    def __init__(self, tree: Path, name: str, *arguments: str) -> None:
        self._tree = tree
        self._name = f"storehub-{name}-{os.getpid()}"
        self._arguments = arguments
        self._folder = Path(tempfile.mkdtemp(prefix="storehub-machine-", dir=tree.parent))
        self.root = self._folder / "root"
        self._process: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def __enter__(self) -> Self:
        for name in ("upper", "work", "root"):
            (self._folder / name).mkdir()
        layers = f"lowerdir={self._tree},upperdir={self._folder}/upper,workdir={self._folder}/work"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, self.root], check=True)
        try:
            self.boot()
        except BaseException:
            self._clear()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()

    def _clear(self) -> None:
        self.cut_power()
        subprocess.run(["umount", "-l", self.root], check=False)
        shutil.rmtree(self._folder, ignore_errors=True)

    def boot(self) -> float:
        """Seconds until its systemd says that it is up."""
        began = time.monotonic()
        with (self._folder / "console").open("ab") as console:
            self._process = subprocess.Popen(
                [
                    *("systemd-nspawn", "-q", "-D", self.root, "--boot", "--register=no", "--keep-unit"),
                    *("--private-network", "-M", self._name, "--console=pipe", "--timezone=off"),
                    *("--resolv-conf=off", *self._arguments),
                ],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        self._leader = 0
        while time.monotonic() - began < BOOT_S_MAX:
            time.sleep(0.1)
            if self._process.poll() is not None:
                break
            # Not the first child: that one only prepares the root for the machine's PID 1.
            children = (
                Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
            )
            if self._leader and str(self._leader) in children:
                if self.run("systemctl", "is-system-running", check=False).strip() in ("running", "degraded"):
                    return time.monotonic() - began
            else:
                self._leader = int((children or ["0"])[0])
        raise RuntimeError(f"the machine did not come up: {(self._folder / 'console').read_text()[-2000:]}")

    def run(self, *command: str, check: bool = True, timeout: float = 600, said: str | None = None) -> str:
        """Run a command inside, as root; both of its outputs. Raises AssertionError when it fails."""
        done = subprocess.run(
            self.inside(*command),
            **({"stdin": subprocess.DEVNULL} if said is None else {"input": said}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Run it beside what else happens."""
        return subprocess.Popen(self.inside(*command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def inside(self, *command: str) -> list[str]:
        enter = f"nsenter --target {self._leader} --mount --uts --ipc --net --pid --cgroup"
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        clean = f"env -i -C /root HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive {path}"
        return [*enter.split(), *clean.split(), *command]

    def property(self, name: str, unit: str = "storehub.service") -> str:
        return self.run("systemctl", "show", "--property", name, "--value", unit).strip()

    def reboot(self) -> float:
        """Orderly; seconds until it is up again."""
        assert self._process is not None
        # To systemd as PID 1 this is "power off".
        os.kill(self._leader, signal.SIGRTMIN + 4)
        self._process.wait(STOP_S_MAX)
        return self.boot()

    def cut_power(self) -> None:
        """Everything in it is gone at once. What the kernel has not written yet survives here, unlike on a card."""
        process: Any = self._process
        if process is None or process.poll() is not None:
            return
        for pid in (self._leader, process.pid):
            if pid:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        process.wait(STOP_S_MAX)
