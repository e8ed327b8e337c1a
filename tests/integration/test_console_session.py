"""Signing in to the console and out again, as the browser does it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from hub.api.routes import devices
from hub.api.routes.devices import new_code
from tests.integration.conftest import Shop

OWN = {"origin": "http://hub"}


async def sign_in(shop: Shop, role: Any = "manager") -> httpx.Response:
    made = await new_code(shop.box, role, 5)
    answer = await shop.http.post("/console/session", json={"code": made["code"]}, headers=OWN)
    assert answer.status_code == 204
    return answer


async def who(shop: Shop) -> Any:
    answer = await shop.http.get("/console/session", headers={"sec-fetch-site": "same-origin"})
    assert answer.status_code == 200
    return answer.json()


async def test_nobody_is_an_answer(shop: Shop) -> None:
    assert await who(shop) is None
    await sign_in(shop)
    assert (await who(shop))["role"] == "manager"
    await shop.http.delete("/console/session", headers=OWN)
    assert await who(shop) is None


async def test_a_session_that_was_locked_out_is_nobody(shop: Shop) -> None:
    await sign_in(shop)
    mine = (await who(shop))["device_id"]
    technician = await shop.device("technician")
    await technician.post(f"/v1/devices/{mine}", method="DELETE")
    assert await who(shop) is None


async def test_signing_in_again_makes_no_second_device(shop: Shop) -> None:
    await sign_in(shop)
    first, old = await who(shop), dict(shop.http.cookies)
    await sign_in(shop, "technician")
    second = await who(shop)
    assert second["device_id"] == first["device_id"]
    assert second["role"] == "technician"
    assert len(shop.box.core.state.devices.committed) == 1
    shop.http.cookies.clear()
    page = {"sec-fetch-site": "same-origin", "cookie": f"storehub={old['storehub']}"}
    assert (await shop.http.get("/console/session", headers=page)).json() is None, (
        "the old cookie is done with"
    )


async def test_another_devices_cookie_is_not_taken_over(shop: Shop) -> None:
    handheld = await shop.device()
    made = await new_code(shop.box, "manager", 5)
    taken = {**OWN, "cookie": f"storehub={handheld.token}"}
    await shop.http.post("/console/session", json={"code": made["code"]}, headers=taken)
    assert (await who(shop))["device_id"] != handheld.device_id
    assert (await handheld.get("/v1/menu")).status_code == 200


async def test_browsers_that_signed_out_are_shown_for_a_day(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, technician = await shop.device(), await shop.device("technician")
    await sign_in(shop)
    mine = (await who(shop))["device_id"]
    await shop.http.delete("/console/session", headers=OWN)
    await technician.post(f"/v1/devices/{lost.device_id}", method="DELETE")

    async def shown() -> set[str]:
        return {row["device_id"] for row in (await technician.get("/v1/devices")).json()["devices"]}

    assert await shown() == {lost.device_id, technician.device_id, mine}
    monkeypatch.setattr(devices, "SIGNED_OUT_SHOWN", timedelta(0))
    assert await shown() == {lost.device_id, technician.device_id}
