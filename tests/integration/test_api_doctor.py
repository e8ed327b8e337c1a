"""GET /v1/doctor: on demand, in a process of its own, for managers and technicians, while orders go on."""

from __future__ import annotations

import asyncio
import gzip
import io
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest

from hub import examining
from hub.control import ControlDoor
from hub.examining import Examiner
from hub.settings import Settings
from tests.integration.conftest import Device, Shop


async def examined(device: Device, **headers: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            answer = await device.get("/v1/doctor", **headers)
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            if not found["running"]:
                return found


@pytest.fixture
def on_loopback(shop: Shop, tmp_path: Path) -> None:
    """The examiner of a hub that faces no LAN: a test asks nobody on the machine's own network."""
    settings = Settings(http=True, port=0, mdns=False)
    examiner = Examiner(settings, shop.hub.data.path)
    shop.box.examine, shop.box.bundle = examiner.look, examiner.bundle


@pytest.mark.usefixtures("on_loopback")
async def test_it_says_what_it_found_in_both_languages_and_orders_go_on(shop: Shop) -> None:
    technician, manager, handheld = [
        await shop.device(role) for role in ("technician", "manager", "handheld")
    ]
    assert (await handheld.get("/v1/doctor")).status_code == 403
    asked = asyncio.create_task(examined(technician))
    slowest = 0.0
    while not asked.done():
        began = time.monotonic()
        assert (await handheld.order()).status_code == 201
        slowest = max(slowest, time.monotonic() - began)
        await asyncio.sleep(0.01)
    found = await asked
    assert slowest < 1.0
    checks = {check["check"]: check for check in found["checks"]}
    assert {"folder", "disk", "journal", "speed", "addresses"} <= checks.keys()
    assert checks["journal"]["id"] == "journal.fine"
    assert checks["folder"]["title"] == "data directory"
    # The same examination, as it is still fresh.
    again = await examined(manager, accept_language="ja")
    assert again["at"] == found["at"]
    assert {check["check"]: check["title"] for check in again["checks"]}["folder"] == "データフォルダ"


@pytest.mark.usefixtures("on_loopback")
async def test_the_support_bundle_is_handed_out_and_holds_no_secret(shop: Shop) -> None:
    manager, handheld = await shop.device("manager"), await shop.device()
    assert (await handheld.get("/v1/doctor/bundle")).status_code == 403
    async with ControlDoor(shop.hub.data.control, shop.box):
        answer = await manager.get("/v1/doctor/bundle")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith('attachment; filename="storehub-bundle-2')
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as packed:
        names = {name.rpartition("/")[2] for name in packed.getnames()}
        assert {"doctor.json", "sync.json", "settings.json"} <= names
    text = gzip.decompress(answer.content)
    assert b'"running": true' in text
    assert manager.token.encode() not in text


async def test_a_bundle_that_cannot_be_made_is_no_file(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examining, "EXAMINATION_S_MAX", 0.05)
    shop.box.bundle = Examiner(Settings(http=True, port=0, mdns=False), tmp_path).bundle
    answer = await (await shop.device("technician")).get("/v1/doctor/bundle")
    assert (answer.status_code, answer.json()["slug"]) == (503, "not-ready")


async def test_one_that_hangs_is_told_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examining, "EXAMINATION_S_MAX", 0.05)
    examiner = Examiner(Settings(http=True, port=0, mdns=False), tmp_path)
    found = await examiner.look("now")
    assert (found["state"], found["running"]) == ("fail", False)
    assert [check["id"] for check in found["checks"]["ja"]] == ["doctor.stuck"]
    await examiner.stop()


async def test_a_stop_in_the_middle_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examining, "WAIT_S_MAX", 0.01)
    examiner = Examiner(Settings(http=True, port=0, mdns=False), tmp_path)
    found = await examiner.look("now")
    assert (found["state"], found["running"]) == ("running", True)
    await examiner.stop()
