"""What the operating system knows: cores, memory and CPU of a process, bytes that reached the device."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_SECTOR = 512  # /proc/diskstats counts in these, whatever the device has


def cores() -> tuple[int, int]:
    """The core of what is measured and the core of everything else; the same one on a one-core machine."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MB (10^6 bytes)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ProcessLookupError(pid)


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def until_idle(pid: int, *, share: float = 0.05, within_s: float = 5.0) -> None:
    """Return when the process has nothing left to do: what it put off must not fall into another one's turn."""
    deadline = time.monotonic() + within_s
    used = cpu_s(pid)
    while time.monotonic() < deadline:
        time.sleep(0.3)
        before, used = used, cpu_s(pid)
        if used - before <= share * 0.3:
            return


def device_of(path: Path) -> tuple[int, int]:
    """Major and minor number of the block device that holds ``path``."""
    number = path.stat().st_dev
    return os.major(number), os.minor(number)


def written_bytes(device: tuple[int, int]) -> int:
    """Bytes written to a block device since boot.

    Not ``/proc/PID/io``: its write_bytes counts pages that the process made dirty, and so misses what the
    file system writes for it (half, for an fdatasync of 1 KB: 4,096 there, 8,192 on the device).
    """
    for line in Path("/proc/diskstats").read_text().splitlines():
        fields = line.split()
        if (int(fields[0]), int(fields[1])) == device:
            return int(fields[9]) * _SECTOR
    raise LookupError(f"no block device {device}")


def has_counters(path: Path) -> bool:
    """Whether the file system of ``path`` is on a device that counts (tmpfs and overlays do not)."""
    try:
        written_bytes(device_of(path))
    except LookupError:
        return False
    return True


def is_journalled(path: Path) -> bool:
    """Whether the file system of ``path`` is one whose own journal doubles what small syncs write."""
    major, minor = device_of(path)
    name = Path(f"/sys/dev/block/{major}:{minor}").resolve().name
    options = Path(f"/proc/fs/ext4/{name}/options")
    return not options.exists() or "data=" in options.read_text()


@contextlib.contextmanager
def own_device(folder: Path, *, journalled: bool, size_mb: int = 1024) -> Iterator[Path | None]:
    """An ext4 on a loop device of its own, where no neighbour's writes are counted; ``None`` without root.

    Only bytes are counted on it, never time: what it writes goes through the file system below once more.
    """
    if os.geteuid() != 0:
        yield None
        return
    image = folder / "device.img"
    mount = Path(tempfile.mkdtemp(prefix="device-", dir=folder))
    loop = ""
    try:
        try:
            with image.open("wb") as f:
                f.truncate(size_mb * 1024 * 1024)
            # Nothing may be left for the kernel to write later on its own account.
            eager = "lazy_itable_init=0,lazy_journal_init=0"
            journal = "has_journal" if journalled else "^has_journal"
            _quiet("mkfs.ext4", "-q", "-F", "-O", journal, "-E", eager, str(image))
            loop = _quiet("losetup", "--find", "--show", str(image)).strip()
            _quiet("mount", loop, str(mount))
        except (OSError, subprocess.CalledProcessError):
            yield None
            return
        yield mount
    finally:
        if os.path.ismount(mount):
            _quiet("umount", str(mount))
        if loop:
            _quiet("losetup", "--detach", loop)
        mount.rmdir()
        image.unlink(missing_ok=True)


def _quiet(*command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout


def settle(device: tuple[int, int], *, quiet_s: float = 0.5, at_most_s: float = 15.0) -> None:
    """Write out what is dirty and wait for quiet, so that the next one is not charged for it."""
    os.sync()
    give_up = time.monotonic() + at_most_s
    before = written_bytes(device)
    while time.monotonic() < give_up:
        time.sleep(quiet_s)
        now = written_bytes(device)
        if now == before:
            return
        before = now
