"""A booted machine for a test: this one, copy-on-write, with systemd as PID 1 in namespaces of its own.

    with Box({project: "/srv/project"}) as box:
        box.run("systemctl", "is-active", "storehub")

Nothing it does is seen outside, and it is gone when the block ends. `why_not()` says what is missing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

BOOT_TIMEOUT_S = 40
_BOOT = Path(__file__).with_name("boot.sh")


def why_not() -> str | None:
    """None when a machine can be booted here, else the reason to skip."""
    if os.geteuid() != 0:
        return "booting a machine needs root"
    for program in ("unshare", "nsenter", "ip", "/lib/systemd/systemd"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if _cgroup2() is None:
        return "no cgroup2 is mounted here"
    return None


class BootFailed(Exception):
    """The machine did not come up; the message is what it said."""


class Box:
    """binds: folders of this machine that are seen inside, read-only, at another path."""

    def __init__(self, binds: Mapping[Path, str]) -> None:
        self._binds = [f"{outside}:{inside}" for outside, inside in binds.items()]
        self._folder = Path(tempfile.mkdtemp(prefix="storehub-box-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._init = 0

    def __enter__(self) -> Self:
        try:
            self._boot()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def run(
        self, *command: str, check: bool = True, timeout: float = 100
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside, as root, with both of its outputs in `stdout`."""
        done = subprocess.run(
            [
                *(
                    "nsenter",
                    "--target",
                    str(self._init),
                    "--mount",
                    "--uts",
                    "--ipc",
                    "--net",
                    "--pid",
                    "--cgroup",
                ),
                *(
                    "env",
                    "-i",
                    "-C",
                    "/root",
                    "HOME=/root",
                    "LANG=C.UTF-8",
                    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                ),
                *command,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
        return done

    def property(self, name: str, unit: str = "storehub.service") -> str:
        return self.run("systemctl", "show", "--property", name, "--value", unit).stdout.strip()

    def _boot(self) -> None:
        group = _cgroup2()
        assert group is not None
        self._group = group / self._folder.name
        self._group.mkdir()
        with (self._folder / "console").open("wb") as console:
            self._process = subprocess.Popen(
                [
                    *("bash", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', str(self._group)),
                    *(
                        "unshare",
                        "--mount",
                        "--uts",
                        "--ipc",
                        "--net",
                        "--pid",
                        "--cgroup",
                        "--fork",
                        "--kill-child",
                    ),
                    *("--propagation", "private", str(_BOOT), str(self._folder), *self._binds),
                ],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        for _ in _until(BOOT_TIMEOUT_S):
            if self._process.poll() is not None:
                break
            if not self._init:
                children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
                with contextlib.suppress(OSError):
                    self._init = int((children.read_text().split() or ["0"])[0])
            elif Path(f"/proc/{self._init}/comm").read_text().strip() == "systemd":
                state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
                if state in ("running", "degraded"):
                    return
        raise BootFailed((self._folder / "console").read_text(errors="replace")[-2000:] or "it stayed silent")

    def _end(self) -> None:
        if self._process is not None:
            if self._init:
                # To systemd as PID 1 this is "power off now".
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._init, signal.SIGRTMIN + 14)
            try:
                self._process.wait(20 if self._init else 0.1)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            for _ in _until(5):
                with contextlib.suppress(OSError):
                    self._remove_group()
                    break
        shutil.rmtree(self._folder, ignore_errors=True)

    def _remove_group(self) -> None:
        for folder, _, _ in os.walk(self._group, topdown=False):
            os.rmdir(folder)


def _cgroup2() -> Path | None:
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(where)
    return None


def _until(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.05)
