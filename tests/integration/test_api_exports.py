"""Sales and customers taken away as CSV, over HTTP: who may, what comes, and that it costs no memory."""

from __future__ import annotations

import asyncio
import csv
import io
import tracemalloc
from pathlib import Path

import pytest

from hub.cli.customers import read_customers
from hub.domain.commands import ApplyMaster
from hub.domain.facts import MasterChange
from hub.service import customer_export
from hub.service.exports import sales_csv
from tests.integration.conftest import Device, Shop, shop_in


async def sell(device: Device, quantity: int = 1) -> dict[str, object]:
    lines = [{"product_id": "salad", "quantity": quantity}]
    tenders = [{"method": "cash", "amount": 350 * quantity}]
    answer = await device.post("/v1/sales", {"lines": lines, "tenders": tenders})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def read(body: bytes, encoding: str = "utf-8") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode(encoding), newline="")))


async def test_voids_and_refunds_are_lines_and_the_sums_are_the_reports(shop: Shop) -> None:
    manager = await shop.device("manager")
    today = shop.box.clock.today()
    first, second = await sell(manager), await sell(manager, 3)
    await manager.post(f"/v1/sales/{first['sale_id']}/void", {"reason": "=HYPERLINK(1)"})
    await shop.box.core.save()
    line = second["lines"][0]["line_id"]  # type: ignore[index]
    back = {"lines": [{"line_id": line, "quantity": 1}], "tenders": [{"method": "cash", "amount": 350}]}
    assert (
        await manager.post(f"/v1/sales/{second['sale_id']}/refunds", {**back, "reason": "冷めた"})
    ).is_success
    report = (await manager.get(f"/v1/reports/days/{today}")).json()
    for kind in ("sales", "lines"):
        answer = await manager.get(f"/v1/exports/sales?from={today}&to={today}&kind={kind}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/csv; charset=utf-8")
        assert answer.headers["content-disposition"] == f'attachment; filename="{kind}-{today}-{today}.csv"'
        found = read(answer.content)
        assert [row["kind"] for row in found] == ["sale", "sale", "void", "refund"]
        assert [int(row["total"]) for row in found] == [350, 1050, -350, -350]
        assert sum(int(row["total"]) for row in found) == report["net"]["total"]
    assert [row["quantity"] for row in found] == ["1", "3", "-1", "-1"]
    assert {row["tax_rate"] for row in found} != {""}
    address = f"/v1/exports/sales?from={today}&to={today}"
    reasons = [row["reason"] for row in read((await manager.get(address)).content)]
    assert reasons == ["", "", "'=HYPERLINK(1)", "冷めた"]
    assert (await manager.get(f"{address}&encoding=utf-8-bom")).content.startswith(b"\xef\xbb\xbfseq,")
    japanese = await manager.get(f"{address}&encoding=shift_jis")
    assert read(japanese.content, "cp932")[3]["reason"] == "冷めた"
    assert "shift_jis" in japanese.headers["content-type"]
    nothing = await manager.get("/v1/exports/sales?from=2020-01-01&to=2020-01-31")
    assert read(nothing.content) == []


@pytest.mark.parametrize("query", ["", "?from=2026-11-01", "?from=2026-11-02&to=2026-11-01", "?from=x&to=y"])
async def test_a_span_of_days_is_needed(shop: Shop, query: str) -> None:
    manager = await shop.device("manager")
    answer = await manager.get(f"/v1/exports/sales{query}")
    assert (answer.status_code, answer.json()["slug"]) == (422, "invalid-request")


FILES = ("/v1/exports/sales?from=2026-11-01&to=2026-11-02", "/v1/exports/customers")


@pytest.mark.parametrize("address", FILES)
async def test_only_a_manager_takes_files_away(shop: Shop, address: str) -> None:
    for role in ("handheld", "register", "kitchen", "technician"):
        answer = await (await shop.device(role)).get(address)
        assert (answer.status_code, answer.json()["slug"]) == (403, "forbidden"), role
    assert (await (await shop.device("manager")).get(address)).status_code == 200


async def test_a_long_export_takes_no_more_memory_than_a_short_one(shop: Shop) -> None:
    manager = await shop.device("manager")
    for _ in range(600):
        await sell(manager)
    today = shop.box.clock.today()
    size, pieces = 0, 0
    tracemalloc.start()
    try:
        async for piece in sales_csv(shop.box, "lines", today, today, turn=lambda: asyncio.sleep(0)):
            size, pieces = size + len(piece), pieces + 1
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert pieces > 2
    # A page of the journal and a chunk, whatever the file comes to.
    assert most < 1_500_000
    assert size > 100_000


@pytest.mark.parametrize("address", FILES)
async def test_at_a_managers_device_only_staff_who_may_see_reports_take_files_away(
    shop: Shop, address: str
) -> None:
    staff = [
        MasterChange("staff", "w", {"id": "w", "name": "Wada", "role": "waiter", "code": "7"}),
        MasterChange("setting", "staff_required", "true"),
    ]
    await shop.box.core.desk.order(ApplyMaster("import", tuple(staff)))
    manager = await shop.device("manager")
    assert (await manager.get(address)).status_code == 200
    assert (await manager.post("/v1/staff-sessions", {"code": "7"})).status_code == 201
    assert (await manager.get(address)).json()["slug"] == "approval-required"


async def test_customers_leave_as_import_takes_them_and_the_forgotten_do_not(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More than a page, and the last page is full.
    monkeypatch.setattr(customer_export, "PAGE", 3)
    manager = await shop.device("manager")
    ids = []
    for number in range(7):
        person = {"name": f"=田中{number}", "kana": "たなか", "phone": f"+81 90 {number}", "note": '"窓", 席'}
        ids.append((await manager.post("/v1/customers", person)).json()["customer_id"])
    await manager.post(f"/v1/customers/{ids[0]}/points", {"points": 30, "reason": "x"})
    assert (await manager.post(f"/v1/customers/{ids[6]}", method="DELETE")).is_success
    for where in ("memory", "tables"):
        answer = await manager.get("/v1/exports/customers")
        assert answer.status_code == 200, where
        assert answer.headers["cache-control"] == "no-store"
        assert "attachment" in answer.headers["content-disposition"]
        rows = {row["id"]: row for row in read(answer.content)}
        assert list(rows) == sorted(ids[:6]), where
        assert {rows[one]["points"] for one in ids[1:6]} == {"0"}
        assert (rows[ids[0]]["name"], rows[ids[0]]["points"]) == ("'=田中0", "30")
        await shop.box.core.save()
    back = {change.id: change.value for change in read_customers(answer.content, "customers.csv")}
    assert back[ids[2]]["name"] == "=田中2"
    assert back[ids[2]]["phone"] == "+81 90 2"
    japanese = await manager.get("/v1/exports/customers?encoding=shift_jis")
    assert read(japanese.content, "cp932")[0]["note"] == '"窓", 席'
    assert (await manager.get("/v1/exports/customers?encoding=latin-1")).status_code == 422


async def test_customers_whose_keys_cannot_be_opened_are_no_half_a_file(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        await (await shop.device("manager")).post("/v1/customers", {"name": "佐藤"})
    (tmp_path / "customers.key").unlink()
    async with shop_in(tmp_path) as shop:
        answer = await (await shop.device("manager")).get("/v1/exports/customers")
        assert (answer.status_code, answer.json()["slug"]) == (503, "not-ready")
        assert "佐藤".encode() not in answer.content
