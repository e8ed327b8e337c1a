"""Staff at shared devices over HTTP: PINs that leave no trace, permissions, and a manager's leave from elsewhere."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.domain import entries
from hub.domain.commands import ApplyMaster
from hub.domain.facts import MasterChange
from hub.service.pins import Pins
from tests.integration.conftest import Device, Shop

STAFF = (("s-1", "1", "manager"), ("s-2", "2", "staff"))


@pytest.fixture
async def staffed(shop: Shop) -> Shop:
    await master(
        shop,
        *(
            MasterChange("staff", id, {"id": id, "code": code, "name": id, "role": role})
            for id, code, role in STAFF
        ),
    )
    return shop


async def master(shop: Shop, *changes: MasterChange) -> None:
    await shop.box.core.desk.order(ApplyMaster("import", changes))


async def listed(shop: Shop, **settings: str) -> None:
    await master(shop, *(MasterChange("setting", name.replace("__", "."), v) for name, v in settings.items()))


async def journal(shop: Shop) -> list[entries.Envelope]:
    found = await shop.box.core.journal.after(0, count_max=1000, bytes_max=1 << 24)
    return [entries.read(entry.raw) for entry in found]


async def void(device: Device, order: dict[str, Any], **more: Any) -> Any:
    line = {"line_id": order["lines"][0]["line_id"], "quantity": 1}
    return await device.post(f"/v1/checks/{order['check_id']}/void", {"lines": [line], "reason": "x", **more})


async def test_signing_in_names_who_did_it(staffed: Shop) -> None:
    handheld = await staffed.device()
    signed = await handheld.post("/v1/staff-sessions", {"code": "2"})
    assert signed.status_code == 201
    assert signed.json()["staff_id"] == "s-2"
    await handheld.order("t1")
    await handheld.post("/v1/orders", {
        "table_id": "t1", "lines": [{"product_id": "salad", "quantity": 1}], "staff_id": "s-1",
    })  # fmt: skip
    here = (await handheld.get("/v1/staff-sessions/current")).json()
    assert here["session"]["staff_id"] == "s-2"
    assert "void" in here["may"]
    rows = {row["id"]: row for row in (await handheld.get("/v1/staff")).json()["staff"]}
    assert rows["s-2"]["signed_in_at"] == [handheld.device_id]
    out = await handheld.post(f"/v1/staff-sessions/{signed.json()['session_id']}", method="DELETE")
    assert out.status_code == 200
    await handheld.order("t1")
    by = [one.staffid for one in await journal(staffed) if one.deviceid == handheld.device_id]
    assert by == ["s-2", "s-2", "s-2", "s-1", "s-2", None]
    assert (await handheld.get("/v1/staff-sessions/current")).json()["session"] is None


async def test_a_pin_opens_and_is_nowhere_to_be_read(staffed: Shop) -> None:
    manager, handheld = await staffed.device("manager"), await staffed.device()
    assert (await handheld.post("/v1/staff/s-2/pin", {"pin": "471100"})).status_code == 403
    first = await manager.post("/v1/staff/s-2/pin", {"pin": "471100"}, key="pin")
    again = await manager.post("/v1/staff/s-2/pin", {"pin": "471100"}, key="pin")
    assert (first.status_code, again.headers["idempotency-replayed"]) == (200, "true")
    for body in ({"code": "2"}, {"code": "2", "pin": "471101"}, {"code": "nobody", "pin": "471100"}):
        refused = await handheld.post("/v1/staff-sessions", body)
        assert (refused.status_code, refused.json()["slug"]) == (403, "sign-in-refused")
    assert (await handheld.post("/v1/staff-sessions", {"code": "2", "pin": "proven"})).status_code == 422
    signed = await handheld.post("/v1/staff-sessions", {"code": "2", "pin": "471100"}, key="in")
    replayed = await handheld.post("/v1/staff-sessions", {"code": "2", "pin": "471100"}, key="in")
    assert signed.status_code == 201
    assert replayed.json() == signed.json()
    found = await staffed.box.core.journal.after(0, count_max=1000, bytes_max=1 << 24)
    assert not [entry for entry in found if b"471100" in entry.raw]


async def test_a_hash_alone_does_not_tell_the_pin(staffed: Shop) -> None:
    """Two boxes make two hashes of one PIN and one salt: an entry is of no use without the box's secret."""
    one, other = (Pins(staffed.box.core.state, secret) for secret in (b"a", b"b"))
    made = {await pins._hashed("4711", b"salt") for pins in (one, other, one)}
    assert len(made) == 2


async def test_guessing_is_slowed_down_at_that_device_only(staffed: Shop) -> None:
    handheld, other = await staffed.device(), await staffed.device()
    for _ in range(6):
        assert (await handheld.post("/v1/staff-sessions", {"code": "x"})).status_code == 403
    waits = await handheld.post("/v1/staff-sessions", {"code": "2"})
    assert waits.status_code == 429
    assert int(waits.headers["retry-after"]) >= 1
    assert (await other.post("/v1/staff-sessions", {"code": "2"})).status_code == 201


async def test_hashing_keeps_nobody_waiting(staffed: Shop) -> None:
    hashing = asyncio.ensure_future(staffed.box.pins._hashed("4711", b"salt"))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 20


async def test_the_feed_does_not_show_what_a_pin_became(staffed: Shop) -> None:
    from hub.api.events import UNSHOWN, Events, _Subscriber

    manager = await staffed.device("manager")
    await manager.post("/v1/staff/s-2/pin", {"pin": "4711"})
    await manager.post("/v1/staff-sessions", {"code": "1"})
    found = await staffed.box.core.journal.after(0, count_max=1000, bytes_max=1 << 24)
    device = staffed.box.core.state.devices.committed[manager.device_id]
    frames = Events(staffed.box)._frames(_Subscriber(device, frozenset(), 0), found)
    assert b"storehub.staff.signed_in.v1" in frames
    assert UNSHOWN.encode() not in frames


async def test_leave_from_another_device(staffed: Shop) -> None:
    await listed(staffed, permission__void="manager")
    handheld, register = await staffed.device(), await staffed.device("register")
    order = (await handheld.order("t1", quantity=3)).json()
    refused = await void(handheld, order)
    assert (refused.status_code, refused.json()["slug"]) == (403, "approval-required")
    assert refused.json()["operation"] == "void"
    asked = (await handheld.post("/v1/approvals", {
        "operation": "void", "subject": order["check_id"], "reason": "dropped",
    })).json()  # fmt: skip
    leave = asked["approval_id"]
    assert (await handheld.post(f"/v1/approvals/{leave}/grant")).status_code == 403
    await register.post("/v1/staff-sessions", {"code": "1"})
    waiting = (await register.get("/v1/approvals")).json()["approvals"]
    assert [(one["approval_id"], one["status"], one["reason"]) for one in waiting] == [
        (leave, "asked", "dropped")
    ]
    assert (await register.post(f"/v1/approvals/{leave}/grant")).json()["staff_id"] == "s-1"
    accepted = await void(handheld, order, approval_id=leave)
    assert accepted.status_code == 200
    assert (await void(handheld, order, approval_id=leave)).json()["approval_status"] == "used"
    types = [one.type.split(".", 1)[1] for one in await journal(staffed)]
    assert [kind for kind in types if kind.startswith(("approval", "lines"))] == [
        "approval.asked.v1", "approval.granted.v1", "approval.used.v1", "lines.voided.v1",
    ]  # fmt: skip


async def test_leave_by_pin_on_the_same_device(staffed: Shop) -> None:
    await listed(staffed, permission__void="manager")
    manager, handheld = await staffed.device("manager"), await staffed.device()
    await manager.post("/v1/staff/s-1/pin", {"pin": "0815"})
    order = (await handheld.order("t1")).json()
    leave = (await handheld.post("/v1/approvals", {"operation": "void"})).json()["approval_id"]
    for body in ({"code": "1"}, {"code": "1", "pin": "0816"}, {"code": "2"}):
        assert (await handheld.post(f"/v1/approvals/{leave}/grant", body)).status_code == 403
    granted = await handheld.post(f"/v1/approvals/{leave}/grant", {"code": "1", "pin": "0815"})
    assert granted.status_code == 200
    assert (await void(handheld, order, approval_id=leave)).status_code == 200
    assert [one.staffid for one in await journal(staffed) if "granted" in one.type] == ["s-1"]


async def test_a_report_is_read_by_who_may(staffed: Shop) -> None:
    register = await staffed.device("register")
    day = f"/v1/reports/days/{staffed.box.clock.today()}"
    assert (await register.get(day)).status_code == 200
    await listed(staffed, staff_required="true")
    assert (await register.get(day)).json()["slug"] == "approval-required"
    await register.post("/v1/staff-sessions", {"code": "2"})
    assert (await register.get(day)).status_code == 403
    assert "report" not in (await register.get("/v1/staff-sessions/current")).json()["may"]
    await register.post("/v1/staff-sessions", {"code": "1"})
    assert (await register.get(day)).status_code == 200


async def test_all_of_it_is_there_after_a_restart(staffed: Shop, tmp_path: Any) -> None:
    """What was saved to the tables reads back as it was."""
    manager, handheld = await staffed.device("manager"), await staffed.device()
    await manager.post("/v1/staff/s-2/pin", {"pin": "4711"})
    await handheld.post("/v1/staff-sessions", {"code": "2", "pin": "4711"})
    await handheld.post("/v1/approvals", {"operation": "void"})
    core = staffed.box.core
    await core.save()
    for name in ("staff_sessions", "staff_pins", "approvals"):
        for key, value in getattr(core.state, name).committed.items():
            assert await core.keeper.read(name, key) == value
