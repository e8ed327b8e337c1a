"""Who gets in, and what each role may do."""

from __future__ import annotations

import pytest

from hub.api.problems import PROBLEMS
from hub.api.routes.devices import new_code
from hub.domain import errors
from hub.domain.device import Role
from tests.integration.conftest import Shop

ALLOWED: dict[tuple[str, str], set[Role]] = {
    ("GET", "/v1/menu"): {"handheld", "register", "kitchen", "table", "manager"},
    ("GET", "/v1/tables"): {"handheld", "register", "kitchen", "manager"},
    ("PATCH", "/v1/checks/c"): {"handheld", "register", "manager"},
    ("GET", "/v1/checks"): {"handheld", "register", "kitchen", "table", "manager"},
    ("GET", "/v1/sales"): {"handheld", "register", "manager"},
    ("GET", "/v1/reports/days/2026-01-01"): {"register", "manager"},
    ("GET", "/v1/devices"): {"manager", "technician"},
    ("GET", "/v1/sync"): {"handheld", "register", "manager", "technician"},
    ("POST", "/v1/sync/pause"): {"manager", "technician"},
    ("POST", "/v1/orders"): {"handheld", "register", "manager", "table"},
    ("POST", "/v1/checks"): {"handheld", "register", "manager"},
    ("POST", "/v1/checks/c/void"): {"handheld", "register", "manager"},
    ("POST", "/v1/checks/c/serve"): {"handheld", "register", "kitchen", "manager"},
    ("POST", "/v1/sales"): {"handheld", "register", "manager"},
    ("POST", "/v1/sales/s/void"): {"register", "manager"},
    ("POST", "/v1/sales/s/refunds"): {"register", "manager"},
    ("PATCH", "/v1/products/beer"): {"handheld", "register", "kitchen", "manager"},
    ("POST", "/v1/staff-calls"): {"handheld", "register", "manager", "table"},
    ("POST", "/v1/facts"): {"handheld", "register", "kitchen", "manager"},
    ("DELETE", "/v1/devices/d"): {"manager", "technician"},
}
ROLES: tuple[Role, ...] = ("handheld", "register", "kitchen", "table", "manager", "technician")


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_does_what_it_may(shop: Shop, role: Role) -> None:
    device = await shop.device(role, table_id="t1" if role == "table" else None)
    for (method, path), roles in ALLOWED.items():
        answer = await device.get(path) if method == "GET" else await device.post(path, {}, method=method)
        forbidden = answer.status_code == 403
        assert forbidden == (role not in roles), (role, method, path, answer.status_code, answer.text)


async def test_no_token_and_a_wrong_one(shop: Shop) -> None:
    for headers in ({}, {"authorization": "Bearer nope"}, {"authorization": "Basic eA=="}):
        for path in ("/v1/menu", "/v1/events", "/v1/sync"):
            answer = await shop.http.get(path, headers=headers)
            assert (answer.status_code, answer.json()["slug"]) == (401, "unauthenticated")
            assert "storehub-position" in answer.headers
        assert (await shop.http.post("/v1/orders", headers=headers)).status_code == 401


async def test_a_code_pairs_once_for_its_role(shop: Shop) -> None:
    made = await new_code(shop.box, "register", 5)
    wrong_role = await shop.http.post(
        "/v1/pairings", json={"code": made["code"], "name": "x", "role": "manager"}
    )
    assert wrong_role.status_code == 403
    paired = await shop.http.post("/v1/pairings", json={"code": made["code"].lower(), "name": "Till 1"})
    assert paired.status_code == 201
    assert paired.json()["role"] == "register"
    assert paired.json()["hub"]["id"] == shop.box.identity.hub_id
    token = paired.json()["token"]
    headers = {"authorization": f"Bearer {token}"}
    assert (await shop.http.get("/v1/menu", headers=headers)).status_code == 200
    again = await shop.http.post("/v1/pairings", json={"code": made["code"], "name": "Till 2"})
    assert (again.status_code, again.json()["slug"]) == (403, "pairing-code-invalid")
    # The token itself is nowhere on the box.
    await shop.box.core.save()
    for file in shop.hub.data.path.iterdir():
        if file.is_file():
            assert token.encode() not in file.read_bytes(), file


async def test_pairing_again_with_an_old_token_keeps_the_device(shop: Shop) -> None:
    device = await shop.device("handheld")
    made = await new_code(shop.box, "handheld", 5)
    paired = await shop.http.post(
        "/v1/pairings",
        json={"code": made["code"], "name": "again"},
        headers={"authorization": f"Bearer {device.token}"},
    )
    assert paired.json()["device_id"] == device.device_id
    assert (await device.get("/v1/menu")).status_code == 401, "the old token is done with"


async def test_guessing_codes_is_throttled(shop: Shop) -> None:
    statuses = []
    for n in range(8):
        answer = await shop.http.post("/v1/pairings", json={"code": f"AAAAA-AAAA{n}", "name": "x"})
        statuses.append(answer.status_code)
    assert statuses[:5] == [403] * 5
    assert statuses[-1] == 429
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_locked_out_device_is_out_at_once(shop: Shop) -> None:
    manager, lost = await shop.device("manager"), await shop.device("handheld")
    assert (await manager.post(f"/v1/devices/{lost.device_id}", method="DELETE")).status_code == 200
    answer = await lost.get("/v1/menu")
    assert (answer.status_code, answer.json()["slug"]) == (403, "device-revoked")


async def test_a_table_tablet_orders_for_its_own_open_check_only(shop: Shop) -> None:
    tablet, handheld = await shop.device("table", table_id="t1"), await shop.device()
    order = {"lines": [{"product_id": "salad", "quantity": 1}]}
    assert (await tablet.post("/v1/orders", order)).status_code == 403, "staff has not opened a check yet"
    mine = (await handheld.order("t1")).json()["check_id"]
    other = (await handheld.order("t2")).json()["check_id"]
    assert (await tablet.post("/v1/orders", order)).status_code == 201
    for extra in ({"check_id": mine}, {"table_id": "t2"}, {"staff_id": "s1"}):
        assert (await tablet.post("/v1/orders", {**order, **extra})).status_code == 403
    assert (await tablet.get(f"/v1/checks/{mine}")).status_code == 200
    assert (await tablet.get(f"/v1/checks/{other}")).status_code == 403
    assert [check["check_id"] for check in (await tablet.get("/v1/checks")).json()["checks"]] == [mine]


async def test_a_tablet_calls_staff_to_its_own_table(shop: Shop) -> None:
    tablet = await shop.device("table", table_id="t1")
    called = await tablet.post("/v1/staff-calls", {"reason": "the bill, please"})
    assert (called.status_code, called.json()["table_id"]) == (201, "t1")
    assert (await tablet.post("/v1/staff-calls", {"table_id": "t2"})).status_code == 403
    handheld = await shop.device()
    assert (await handheld.post("/v1/staff-calls", {})).status_code == 422
    assert (await handheld.post("/v1/staff-calls", {"table_id": "t2"})).json()["table_id"] == "t2"


async def test_the_console_signs_in_from_its_own_origin_only(shop: Shop) -> None:
    made = await new_code(shop.box, "manager", 5)
    foreign = await shop.http.post(
        "/console/session", json={"code": made["code"]}, headers={"origin": "http://evil"}
    )
    assert foreign.status_code == 403
    own = {"origin": "http://hub"}
    signed = await shop.http.post("/console/session", json={"code": made["code"]}, headers=own)
    assert signed.status_code == 204
    assert "httponly" in signed.headers["set-cookie"].lower()
    assert "samesite=strict" in signed.headers["set-cookie"].lower()
    page = {"sec-fetch-site": "same-origin"}
    assert (await shop.http.get("/v1/sync", headers=page)).status_code == 200
    assert (await shop.http.get("/v1/sync", headers={"sec-fetch-site": "cross-site"})).status_code == 401
    assert (await shop.http.get("/v1/sync")).status_code == 401, "a cookie alone proves nothing"
    assert (await shop.http.delete("/console/session", headers=own)).status_code == 204
    shop.http.cookies.clear()
    assert (await shop.http.get("/v1/sync", headers=page)).status_code == 401


async def test_details_come_in_the_devices_language(shop: Shop) -> None:
    handheld = await shop.device()
    english = await handheld.order("t1", "beer", 9)
    japanese = await handheld.post(
        "/v1/orders",
        {"table_id": "t1", "lines": [{"product_id": "beer", "quantity": 9}]},
        accept_language="ja,en;q=0.5",
    )
    assert "left" in english.json()["detail"]
    assert "残数" in japanese.json()["detail"]
    assert japanese.headers["content-language"] == "ja"


def leaves(kind: type[errors.HubError]) -> list[type[errors.HubError]]:
    below = kind.__subclasses__()
    return [leaf for child in below for leaf in leaves(child)] if below else [kind]


def test_every_refusal_has_its_row_and_paragraph() -> None:
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "problems.md").read_text(encoding="utf-8")
    for leaf in leaves(errors.HubError):
        if leaf.__module__.startswith(("hub.",)):
            assert leaf.slug in PROBLEMS, leaf
    for slug, problem in PROBLEMS.items():
        assert f"## {slug}\n" in page
        assert problem.en in page
        assert problem.ja in page
