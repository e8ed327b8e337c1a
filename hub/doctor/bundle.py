"""The support bundle: what somebody far away needs to see what is wrong, without secrets and without people.

What goes in is named here field by field; nothing is copied whole. All text is scrubbed on top of that.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import platform
import tarfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final, get_args

import msgspec

from hub.datadir import DataDir
from hub.doctor.findings import Machine, text_of
from hub.doctor.scrubbing import Scrubber, plain_url
from hub.domain.device import Role
from hub.settings import Settings

# Small enough for a mail, after compression much smaller.
MEMBER_LENGTH_MAX: Final = 1 << 19
LOG_LINES: Final = 5000
ENTRIES: Final = 500
# The envelope's fields that name no person and nothing a device made up.
ENVELOPE: Final = ("seq", "epoch", "type", "time", "businessdate", "bootid", "monotonicms", "timetrusted")
SHOWN_SETTINGS: Final = frozenset(
    {
        *("data", "host", "port", "http", "insecure_lan", "mdns", "interfaces", "store_id", "hub_id"),
        *("timezone", "day_change_time", "currency", "retention_days", "replay_entries_per_s_max"),
        *("replay_full_pace", "log_level", "reserve_mb", "day_close", "day_close_wait_minutes"),
        *("mirror_dir", "mirror_wait", "mirror_wait_ms_max", "mirror_gone"),
    }
)
SHOWN_OF_SYNC: Final = (
    *(
        "running",
        "epoch",
        "last_seq",
        "acked_seq",
        "acked_epoch",
        "last_ack_at",
        "storage",
        "clock",
        "journal",
    ),
    *("beacon", "behind", "recovered", "problem", "role", "mirror", "standby", "update"),
)
UNIT: Final = (
    *("LoadState", "ActiveState", "SubState", "UnitFileState", "NRestarts", "Result", "ExecMainStatus"),
    *("MemoryCurrent", "MemoryPeak", "TasksCurrent", "CPUUsageNSec", "ActiveEnterTimestamp"),
)
ABOUT: Final = """storehub support bundle

doctor.json    every finding of `storehub doctor`, in English and Japanese
settings.json  settings; secrets say only whether they are set
sync.json      GET /v1/sync without amounts, names of devices and the cloud's words about entries
metrics.txt    Prometheus metrics of the running hub
entries.jsonl  the last entries' envelopes: no data, no subject, no staff, no keys
tables.json    how many rows each table holds
system.json    machine, versions, the data directory's files by name and size
unit.txt       the service as systemd tells it
log.txt        the service's log, scrubbed
kernel.txt     what the kernel says of disk, power and network, scrubbed

There are no tokens, PINs, keys, customers, orders or amounts in it. Look for yourself before you send it.
このファイルにトークン、暗証番号、鍵、顧客、注文、金額は含まれません。送る前にご確認ください。
"""


def write_bundle(
    settings: Settings, folder: DataDir, target: Path, *, wait_s: float, machine: Machine | None = None
) -> dict[str, int]:
    """Make one .tar.gz that its owner alone can read; the sizes of its members. Raises OSError, FileExistsError.

    Whatever cannot be had (a journal that is damaged, a log that is closed) is named in its place.
    """
    machine = machine or Machine()
    scrub = Scrubber(_secrets(settings, folder))
    members: dict[str, Callable[[], str]] = {
        "README.txt": lambda: ABOUT,
        "doctor.json": lambda: _doctor(settings, folder, wait_s, machine),
        "settings.json": lambda: _settings(settings),
        "sync.json": lambda: _sync(folder),
        "metrics.txt": lambda: _metrics(folder),
        "entries.jsonl": lambda: _entries(folder),
        "tables.json": lambda: _tables(folder),
        "system.json": lambda: _system(folder, machine),
        "unit.txt": lambda: _unit(machine),
        "log.txt": lambda: _log(machine),
        "kernel.txt": lambda: _kernel(machine),
    }
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    sizes: dict[str, int] = {}
    try:
        with (
            os.fdopen(handle, "wb") as file,
            gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=int(time.time())) as packed,
            tarfile.open(fileobj=packed, mode="w") as tar,
        ):
            for name, make in members.items():
                sizes[name] = _add(tar, name, scrub(_cut(_made(make))).encode("utf-8", errors="replace"))
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return sizes


def _made(make: Callable[[], str]) -> str:
    try:
        return make()
    except Exception as error:
        # A bundle is made because something is broken: what cannot be had is part of the picture.
        return f"not to be had: {type(error).__name__}: {error}\n"


def _cut(text: str) -> str:
    """The end of it: the newest lines, each whole, so that nothing is cut out of its pattern."""
    if len(text) <= MEMBER_LENGTH_MAX:
        return text
    return "[cut]" + text[text.find("\n", len(text) - MEMBER_LENGTH_MAX) :]


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> int:
    member = tarfile.TarInfo(f"storehub-bundle/{name}")
    member.size, member.mode, member.mtime = len(content), 0o600, int(time.time())
    tar.addfile(member, io.BytesIO(content))
    return len(content)


def _secrets(settings: Settings, folder: DataDir) -> list[str]:
    """What this very box knows and nobody else should read; also the names that people gave to their devices."""
    import click

    from hub.cli.common import look

    known = [settings.cloud_token or ""]
    known += [value for name, value in os.environ.items() if "TOKEN" in name or "SECRET" in name]
    for path in (*folder.path.glob("*.key"), *folder.path.glob("*.json")):
        try:
            text = path.read_text(encoding="utf-8", errors="replace")[:MEMBER_LENGTH_MAX]
        except OSError:
            continue
        known += [text.strip()] if path.suffix == ".key" else _secret_values(_decoded(text))
    try:
        names = {str(device["name"]) for device in look(folder.path)["devices"]}
    except click.ClickException:
        names = set()  # The journal cannot be read: then no part of the bundle can hold them either.
    # A handheld that is simply called "handheld" betrays nobody, and the word stands everywhere.
    return [*known, *(names - set(get_args(Role)))]


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None


def _secret_values(value: Any, name: str = "") -> list[str]:
    """The texts in a file of this box that stand under a name of something secret, however deep."""
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in _secret_values(inner, str(key))]
    if isinstance(value, list):
        return [found for inner in value for found in _secret_values(inner, name)]
    telling = any(word in name.lower() for word in ("key", "token", "secret", "code", "pin", "password"))
    return [value] if telling and isinstance(value, str) else []


def _doctor(settings: Settings, folder: DataDir, wait_s: float, machine: Machine) -> str:
    from hub.doctor.examine import examine
    from hub.doctor.findings import worst
    from hub.doctor.texts import rows

    found = examine(settings, folder, wait_s=wait_s, machine=machine)
    return _json({"state": worst(found), "en": rows(found, "en"), "ja": rows(found, "ja")})


def _settings(settings: Settings) -> str:
    """New settings are masked until somebody decides that they tell nothing."""
    shown: dict[str, Any] = {}
    for name, value in msgspec.to_builtins(settings).items():
        if name == "cloud_url":
            shown[name] = plain_url(value)
        else:
            shown[name] = value if name in SHOWN_SETTINGS else ("set" if value else "not set")
    from_environment = sorted(name for name in os.environ if name.startswith("STOREHUB_"))
    return _json({"settings": shown, "from_environment": from_environment})


def _sync(folder: DataDir) -> str:
    from hub.cli.common import look

    found = look(folder.path)
    aside = ("epoch", "seq", "type", "business_date", "at", "tries", "hash")
    device = ("device_id", "role", "paired_at", "last_seen_at", "revoked_at", "online")
    days = [
        {
            "business_date": row["business_date"],
            "agrees": row["agrees"],
            "at": row.get("at"),
            **{
                side: {name: row[side][name] for name in ("entries", "last_seq", "hash") if name in row[side]}
                for side in ("hub", "cloud")
                if row.get(side)
            },
        }
        for row in found["reconciliation"]
    ]
    return _json(
        {
            **{name: found[name] for name in SHOWN_OF_SYNC if name in found},
            "link": found["link"],
            "hub": {name: value for name, value in found["hub"].items() if name != "name"},
            "unsent": {name: found["unsent"][name] for name in ("count", "oldest_at")},
            "quarantined": [
                {name: row[name] for name in aside if name in row} for row in found["quarantined"]
            ],
            "reconciliation": days,
            "devices": [{name: row.get(name) for name in device} for row in found["devices"]],
        }
    )


def _metrics(folder: DataDir) -> str:
    import asyncio

    from hub.control import ask

    return str(asyncio.run(ask(folder.control, "metrics")))


def _entries(folder: DataDir) -> str:
    from hub.cli.common import reading

    lines = []
    with reading(folder.path) as journal:
        last = journal.last()
        for _, raw in journal.entries(max(1, (last[0] if last else 0) - ENTRIES + 1)):
            entry = msgspec.json.decode(raw)
            shown = {name: entry[name] for name in ENVELOPE if name in entry}
            lines.append(json.dumps({**shown, "bytes": len(raw)}))
    return "\n".join(lines) + "\n"


def _tables(folder: DataDir) -> str:
    from hub.cli.common import reading

    with reading(folder.path) as journal:
        names = [row[0] for row in journal.db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        counts = {
            name: journal.db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608 - its own tables
            for name in names
        }
        shelves = dict(journal.db.execute("SELECT shelf, count(*) FROM aggregates GROUP BY shelf"))
        pragmas = {
            name: journal.db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("user_version", "page_size", "page_count", "freelist_count", "journal_mode")
        }
        pragmas["quick_check"] = [row[0] for row in journal.db.execute("PRAGMA quick_check(5)")]
        epochs = [
            {"epoch": start.epoch, "first_seq": start.first_seq, "after_seq": start.after.seq}
            for start in journal.epochs()[-50:]
        ]
    return _json({"rows": counts, "shelves": shelves, "sqlite": pragmas, "epochs": epochs})


def _system(folder: DataDir, machine: Machine) -> str:
    files = []
    for path in sorted(folder.path.rglob("*")):
        status = path.lstat()
        files.append(
            {
                "name": str(path.relative_to(folder.path)),
                "bytes": status.st_size,
                "mode": oct(status.st_mode),
                "changed": datetime.fromtimestamp(status.st_mtime, UTC).isoformat(timespec="seconds"),
            }
        )
    disk = os.statvfs(folder.path)
    return _json(
        {
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": platform.machine(),
            "kernel": platform.release(),
            "model": (text_of(machine.proc / "device-tree/model") or "").strip("\0"),
            "system": (text_of(Path("/etc/os-release")) or "").splitlines()[:1],
            "python": platform.python_version(),
            "uptime_s": (text_of(machine.proc / "uptime") or "").split(" ")[0],
            "load": list(os.getloadavg()),
            "memory": (text_of(machine.proc / "meminfo") or "").splitlines()[:3],
            "disk": {"bytes": disk.f_blocks * disk.f_frsize, "free_bytes": disk.f_bavail * disk.f_frsize},
            "packages": dict(sorted((each.name, each.version) for each in distributions())),
            "files": files[:500],
        }
    )


def _unit(machine: Machine) -> str:
    properties = (f"--property={name}" for name in UNIT)
    return machine.run("systemctl", "show", "storehub.service", *properties) or "no systemd here\n"


def _log(machine: Machine) -> str:
    arguments = ("--unit=storehub.service", f"--lines={LOG_LINES}", "--since=-14d", "--output=short-iso")
    said = machine.run("journalctl", "--no-pager", "--quiet", *arguments, timeout_s=20)
    return (
        said or "the log is empty, or closed to this user (root and the group systemd-journal may read it)\n"
    )


def _kernel(machine: Machine) -> str:
    wanted = ("mmc", "sd", "ext4", "I/O", "voltage", "thermal", "throttl", "eth", "wlan", "usb", "oom")
    lines = (machine.run("dmesg", "--ctime") or "").splitlines()
    kept = [line for line in lines if any(word in line for word in wanted)]
    return "\n".join(kept[-500:]) + "\n" if kept else "the kernel's log is closed to this user\n"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, default=str) + "\n"
