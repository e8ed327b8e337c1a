"""The journal's disk: space, how it is mounted, wear, errors, and how long it takes until something is on it."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

from hub.doctor.findings import Finding, Machine, Patient, State, text_of

# Below this the hub may not get through the day; below the second it must be looked at.
DISK_BYTES_FAIL: Final = 200 * 1024 * 1024
DISK_BYTES_WARN: Final = 1024 * 1024 * 1024
DAYS_FAIL: Final = 3
DAYS_WARN: Final = 30
PROBES: Final = 5
# A waiter notices a tenth of a second; a healthy card takes 2 to 20 ms.
SPEED_MS_WARN: Final = 100
STALL_MS_WARN: Final = 1000
STALLED_S: Final = 10.0
# What the kernel writes when a disk fails; the disk's name must be in the line, or its bus (mmc0).
_TROUBLE: Final = re.compile(
    r"I/O error|EXT4-fs (?:error|warning)|BTRFS.*error|medium error|error -\d+ (?:whilst|sending|transferring)"
    r"|timeout waiting|Remounting filesystem read-only|card removed|CRC",
    re.IGNORECASE,
)
_VOLATILE: Final = ("tmpfs", "ramfs")


def space(patient: Patient) -> Iterator[Finding]:
    usage = shutil.disk_usage(patient.folder.path)
    state: State = (
        "fail" if usage.free < DISK_BYTES_FAIL else "warn" if usage.free < DISK_BYTES_WARN else "ok"
    )
    words = {"free_mb": usage.free // 1_000_000, "percent": 100 * usage.free // usage.total}
    yield Finding("disk", state, "fine" if state == "ok" else "low", words)
    days = (patient.running or {}).get("storage", {}).get("days_left")
    if days is None:
        yield Finding("days", "skip", "unknown")
    else:
        state = "fail" if days < DAYS_FAIL else "warn" if days < DAYS_WARN else "ok"
        yield Finding("days", state, "fine" if state == "ok" else "few", {"days": days})


def mount(patient: Patient) -> Iterator[Finding]:
    """A file system that met an error is read-only below the mount, whatever the service's own sandbox is."""
    path = patient.folder.path.resolve()
    found = _mount_of(path, patient.machine)
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        yield Finding("mount", "fail", "readonly", {"path": str(path)})
    elif found is None:
        yield Finding("mount", "skip", "unknown")
    elif "ro" in found[2].split(","):
        yield Finding("mount", "fail", "readonly", {"path": found[0]})
    elif found[1] in _VOLATILE:
        yield Finding("mount", "fail", "volatile", {"path": str(path), "kind": found[1]})
    elif found[1] == "overlay" and _upper_is_volatile(found[2], patient.machine):
        yield Finding("mount", "fail", "volatile", {"path": str(path), "kind": "overlay"})
    else:
        yield Finding("mount", "ok", "fine", {"path": found[0], "kind": found[1]})


def _mounts(machine: Machine) -> list[tuple[str, str, str]]:
    """Mount point, kind of file system, the super block's options."""
    found = []
    for line in (text_of(machine.proc / "self/mountinfo") or "").splitlines():
        head, _, tail = line.partition(" - ")
        fields, rest = head.split(), tail.split(" ", 2)
        if len(fields) > 4 and len(rest) == 3:
            found.append((fields[4].replace("\\040", " "), rest[0], rest[2]))
    return found


def _mount_of(path: Path, machine: Machine) -> tuple[str, str, str] | None:
    fitting = [one for one in _mounts(machine) if path.is_relative_to(one[0])]
    # The last of one place lies on top.
    return max(reversed(fitting), key=lambda one: len(one[0]), default=None)


def _upper_is_volatile(options: str, machine: Machine) -> bool:
    upper = re.search(r"(?:^|,)upperdir=([^,]+)", options)
    below = _mount_of(Path(upper[1]), machine) if upper else None
    return below is not None and below[1] in _VOLATILE


def _device(patient: Patient) -> Path | None:
    """The whole disk under the data directory, in sysfs; None for what is none (overlay, network)."""
    number = patient.folder.path.stat().st_dev
    node = patient.machine.sys / "dev/block" / f"{os.major(number)}:{os.minor(number)}"
    if not node.exists():
        return None
    node = node.resolve()
    return node.parent if (node / "partition").exists() else node


def wear(patient: Patient) -> Iterator[Finding]:
    """What the disk says of its own life. SD cards say nothing; eMMC does, in tenths."""
    disk = _device(patient)
    if disk is None:
        yield Finding("card", "skip", "unknown")
        return
    times = text_of(disk / "device/life_time")
    end = text_of(disk / "device/pre_eol_info")
    name = text_of(disk / "device/name") or text_of(disk / "device/model") or disk.name
    if times is None and end is None:
        kind = text_of(disk / "device/type")
        yield Finding("card", "skip", "silent", {"name": name, "kind": kind or "disk"})
        return
    tenths = max((int(each, 16) for each in (times or "").split() if each.startswith("0x")), default=0)
    reserve = int(end, 16) if end else 0
    words = {"name": name, "percent": min(tenths * 10, 100)}
    if tenths >= 0x0B or reserve >= 3:
        yield Finding("card", "fail", "worn", words)
    elif tenths >= 0x09 or reserve == 2:
        yield Finding("card", "warn", "old", words)
    else:
        yield Finding("card", "ok", "fine", words)


def errors(patient: Patient) -> Iterator[Finding]:
    """Errors that the file system has counted, and those in the kernel's log where that may be read."""
    disk = _device(patient)
    counted = 0
    for folder in (patient.machine.sys / "fs/ext4").glob("*/errors_count"):
        part = folder.parent.name
        if disk is not None and (part == disk.name or (disk / part).exists()):
            counted += int(text_of(folder) or 0)
    log = _kernel_log(patient.machine)
    names = [disk.name] if disk is not None else []
    if disk is not None and disk.name.startswith("mmcblk"):
        names.append("mmc" + disk.name.removeprefix("mmcblk"))
    told = [
        line.strip() for line in log or () if _TROUBLE.search(line) and any(name in line for name in names)
    ]
    if told or counted:
        last = told[-1] if told else "ext4"
        yield Finding("io", "fail", "seen", {"count": len(told) + counted, "last": last[-160:]})
    elif log is None:
        yield Finding("io", "skip", "hidden")
    else:
        yield Finding("io", "ok", "none")


def _kernel_log(machine: Machine) -> list[str] | None:
    said = machine.run("dmesg")
    if said is None:
        said = machine.run("journalctl", "--dmesg", "--quiet", "--no-pager", "--output=cat", "--since=-7d")
    return said.splitlines() if said else None


def speed(patient: Patient) -> Iterator[Finding]:
    """Write and sync some small files beside the journal, as a commit does, and take them away again."""
    took: list[float] = []
    trouble: list[OSError] = []
    done = threading.Event()

    def work() -> None:
        try:
            took.extend(_probe(patient.folder.path))
        except OSError as error:
            trouble.append(error)
        finally:
            done.set()

    threading.Thread(target=work, name="speed probe", daemon=True).start()
    if not done.wait(STALLED_S):
        yield Finding("speed", "fail", "stalled", {"seconds": int(STALLED_S)})
    elif trouble:
        yield Finding("speed", "fail", "failed", {"error": trouble[0].strerror or str(trouble[0])})
    else:
        words = {"median_ms": round(median(took), 1), "worst_ms": round(max(took), 1)}
        slow = median(took) > SPEED_MS_WARN or max(took) > STALL_MS_WARN
        yield Finding("speed", "warn" if slow else "ok", "slow" if slow else "fine", words)


def _probe(folder: Path) -> Iterator[float]:
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".probe-") as file:
        for _ in range(PROBES):
            began = time.monotonic()
            os.write(file.fileno(), b"\0" * 4096)
            os.fdatasync(file.fileno())
            yield 1000 * (time.monotonic() - began)
