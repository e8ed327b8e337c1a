"""A box that does not run, told from its journal alone. Opening it as a hub would begin a new epoch just for a look."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Any

import msgspec

from hub.cli.journal_file import JournalFile
from hub.datadir import DataDir
from hub.domain import entries
from hub.domain.device import Device
from hub.domain.evolve import evolve, fact_of, meta_of
from hub.domain.facts import DevicePaired, DeviceRevoked, Fact, MasterApplied
from hub.domain.state import State
from hub.released import marker_of_this_program, offer_view, update_view
from hub.settings import Settings
from hub.store.highwater import HighWater
from hub.store.mended import HOLES, repairs_of
from hub.store.mended import NOTE as REPAIRS
from hub.upstream.ledger import effect_of
from hub.upstream.records import ASIDE, PAUSED, PROGRESS, Progress, SetAside


def status(journal: JournalFile, settings: Settings, folder: DataDir) -> dict[str, Any]:
    """In the shape of GET /v1/sync."""
    last = journal.last()
    seq, raw = last or (0, b"")
    newest = entries.read(raw) if last else None
    progress = _note(journal, PROGRESS, Progress) or Progress()
    aside = _note(journal, ASIDE, list[SetAside]) or []
    acked = min(progress.acked.seq, seq)
    starts = journal.epochs()
    since = newest.time if newest else ""
    identity = folder.known_identity()
    mark = HighWater(folder.highwater).read()
    lost = mark is not None and mark.epoch in {start.epoch for start in starts} and mark.seq > seq
    return {
        "link": _link(journal, settings, since),
        "acked_seq": acked,
        "acked_epoch": progress.acked.epoch,
        "unsent": _unsent(journal, acked, seq),
        "quarantined": [_aside(one) for one in aside],
        "last_ack_at": progress.acked_at,
        "reconciliation": [msgspec.to_builtins(row) for row in progress.rows],
        "epoch": starts[-1].epoch if starts else "",
        "last_seq": seq,
        "storage": _storage(folder),
        "clock": {"trusted": bool(newest and newest.timetrusted), "source": "last entry", "time": since},
        "hub": {
            "id": identity.hub_id if identity else "",
            "store_id": settings.store_id,
            "name": settings.store_name,
            "box": identity.box if identity else "",
            "version": version("storehub"),
            "started_at": None,
            "url": "",
        },
        "journal": {"state": "closed", "since": since, "reason": "the hub does not run"},
        "beacon": {"state": "off", "addresses": [], "reason": "the hub does not run"},
        "behind": {"witness": "high-water mark", "epoch": mark.epoch, "seq": mark.seq}
        if lost and mark
        else None,
        **_repaired(journal),
        "update": update_view(marker_of_this_program()),
        "update_available": offer_view(folder.path, version("storehub")),
    }


def _repaired(journal: JournalFile) -> dict[str, Any]:
    from hub.mending import NO_HOLES, repairs_view
    from hub.store.holes import holes_of, spans

    repairs = repairs_of(journal.note(REPAIRS))
    counters = (
        {key: value for shelf, key, value in journal.aggregates() if shelf == "counters"} if repairs else {}
    )
    missing = holes_of(journal.note(HOLES))
    holes = {**NO_HOLES, "missing": msgspec.to_builtins(spans(missing, journal.epochs()))}
    return repairs_view(repairs, lambda name: name in counters, holes)


def devices(journal: JournalFile) -> list[dict[str, Any]]:
    """In the shape of GET /v1/devices."""
    return [
        {
            "device_id": device.device_id,
            "name": device.name,
            "role": device.role,
            "table_id": device.table_id,
            "paired_at": device.paired_at,
            "last_seen_at": None,
            "revoked_at": device.revoked_at,
            "online": False,
        }
        for device in _devices(journal).values()
    ]


def currency(journal: JournalFile) -> str:
    found = {key: value for shelf, key, value in journal.aggregates() if shelf == "settings"}
    return str(msgspec.json.decode(found["currency"])) if "currency" in found else "JPY"


def _devices(journal: JournalFile) -> dict[str, Device]:
    state = State()
    for shelf, key, value in journal.aggregates():
        if shelf == "devices":
            state.devices.load(key, msgspec.json.decode(value, type=Device))
    # What was committed since the tables were saved: only what is about devices counts here.
    for _, raw in journal.entries(journal.saved().seq + 1):
        envelope = entries.read(raw)
        fact = fact_of(envelope.type, bytes(envelope.data))
        if _about_devices(fact):
            evolve(state, fact, meta_of(envelope))  # type: ignore[arg-type]
            state.seal()
            state.settle()
    return state.devices.committed


def _about_devices(fact: Fact | None) -> bool:
    return isinstance(fact, (DevicePaired, DeviceRevoked, MasterApplied))


def _link(journal: JournalFile, settings: Settings, since: str) -> dict[str, str]:
    if _note(journal, PAUSED, bool):
        return {"state": "paused", "since": since, "reason": "paused: by hand"}
    reason = "not-running: the hub does not run"
    if settings.cloud_url is None:
        reason = "not-configured: no cloud is configured"
    return {"state": "offline", "since": since, "reason": reason}


def _unsent(journal: JournalFile, acked: int, last: int) -> dict[str, Any]:
    oldest: str | None = None
    amount = 0
    for _, raw in journal.entries(acked + 1):
        if oldest is None:
            oldest = entries.read(raw).time
        amount += effect_of(raw).amount
    return {"count": last - acked, "oldest_at": oldest, "sales_total": amount}


def _aside(one: SetAside) -> dict[str, Any]:
    return {name: value for name, value in msgspec.to_builtins(one).items() if name != "recorded"}


def _storage(folder: DataDir) -> dict[str, Any]:
    disk = os.statvfs(folder.path)
    used = sum(file.stat().st_size for file in folder.path.glob("journal.db*"))
    return {
        "free_bytes": disk.f_bavail * disk.f_frsize,
        "journal_bytes": used,
        "days_left": None,
        "state": "fine",
        "reserve_bytes": 0,
    }


def _note(journal: JournalFile, name: str, kind: Any) -> Any:
    raw = journal.note(name)
    try:
        return msgspec.json.decode(raw, type=kind) if raw else None
    except msgspec.MsgspecError:
        return None
