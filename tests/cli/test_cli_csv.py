"""Files of a hundred thousand lines, good lines only, and products that leave as they came."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import httpx
import pytest
from cliworld import Hub, Storehub, sold

from hub.cli import importing

HEADER = (
    "id,code,name,kana,category,price,tax_class,tax_included,open_price,stock_tracked,remaining,"
    "set_slots,custom_contents\r\n"
)
LINES = [
    'p-1,49001,"醤油ラーメン, 大",ショウユ,麺,900,food,true,false,false,,,硬め|大盛り:100',
    "p-2,49002,生ビール,,飲み物,550,standard,false,false,true,12,,",
    "p-3,,お通し,,その他,0,zero,true,true,false,,,",
    "p-4,,セット,,麺,1200,food,true,false,false,,麺=p-1; 飲み物[0-2]=p-2:50|p-3,",
]


@pytest.mark.parametrize("running", [True, False])
def test_products_leave_as_they_came(storehub: Storehub, hub: Hub, tmp_path: Path, *, running: bool) -> None:
    if not running:
        hub.stop()
    file = tmp_path / "products.csv"
    for encoding in ("utf-8", "cp932"):
        file.write_text(HEADER + "\r\n".join(LINES) + "\r\n", encoding=encoding, newline="")
        storehub.ok("import", str(file))
        assert (
            storehub.run("export", "--products").stdout_bytes.decode() == HEADER + "\r\n".join(LINES) + "\r\n"
        )
    with_bom = storehub.run("export", "--products", "--bom").stdout_bytes
    assert with_bom.startswith(b"\xef\xbb\xbfid,")
    file.write_bytes(with_bom)
    assert not storehub.json("import", str(file))["applied"]


@pytest.mark.parametrize("running", [True, False])
def test_a_large_menu_goes_in_parts_and_what_is_not_in_it_goes_last(
    storehub: Storehub, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, running: bool
) -> None:
    if not running:
        hub.stop()
    monkeypatch.setattr(importing, "MENU_AT_ONCE", 100)
    monkeypatch.setattr(importing, "PART", 70)
    file = tmp_path / "products.csv"

    def menu(numbers: range, price: int) -> None:
        lines = (f"p-{number:04d},Dish {number},Menu {number % 3},{price}\n" for number in numbers)
        file.write_text("id,name,category,price\n" + "".join(lines))

    menu(range(300), 500)
    made = storehub.json("import", str(file))
    assert (made["count"], made["applied"]) == (300, True)
    menu(range(100, 400), 600)
    assert storehub.json("import", str(file))["applied"]
    said = storehub.run("export", "--products").stdout.splitlines()[1:]
    assert [line.split(",")[0] for line in said] == [f"p-{number:04d}" for number in range(100, 400)]
    assert {line.split(",")[5] for line in said} == {"600"}
    assert not storehub.json("import", str(file))["applied"]
    assert storehub.json("verify")["ok"]


def test_good_lines_are_taken_by_choice_and_nothing_is_removed(storehub: Storehub, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text("id,name,price\np-1,Ramen,900\np-2,Gyoza,x\np-1,Again,1\np-9,Tea,100\n")
    before = storehub.run("export", "--products").stdout.splitlines()
    assert "nothing was imported" in storehub.no("import", str(file))
    assert storehub.run("export", "--products").stdout.splitlines() == before
    result = storehub.run("import", "--good-rows", str(file))
    assert result.exit_code == 1
    assert "imported 2 products" in result.output
    assert "2 errors, the other 2 lines were imported" in result.output
    for row in ("row 3, price", "row 4, id"):
        assert row in result.output
    after = storehub.run("export", "--products").stdout.splitlines()
    assert len(after) >= len(before)
    assert any(line.startswith("p-9,,Tea") for line in after)
    file.write_text("id,points\nc-1,7\nc-1,8\nc-2,x\nc-3,1\n")
    result = storehub.run("import", "--good-rows", str(file))
    assert (result.exit_code, "imported 2 customers" in result.output) == (1, True)
    assert "row 3, id" in result.output
    file.write_text("id,name,price\np-2,Gyoza,x\n")
    assert "nothing was imported" in storehub.run("import", "--good-rows", str(file)).output


def test_sales_and_their_lines_with_and_without_the_hub(storehub: Storehub, hub: Hub) -> None:
    with httpx.Client(base_url=hub.url) as http:
        sold(storehub, http, 3)
        token = storehub.json("device", "add", "--name", "m", "--role", "manager")["token"]
        own = {"authorization": f"Bearer {token}", "idempotency-key": "v"}
        sale = http.get("/v1/sales", headers=own).json()["sales"][0]
        assert http.post(f"/v1/sales/{sale['sale_id']}/void", json={"reason": "x"}, headers=own).is_success
        day = sale["business_date"]
        address = f"/v1/exports/sales?from={day}&to={day}"
        online = {
            kind: http.get(f"{address}&kind={kind}", headers=own).content for kind in ("sales", "lines")
        }
    for kind, told in online.items():
        assert storehub.run("export", f"--{kind}").stdout_bytes == told
    hub.stop()
    for kind, told in online.items():
        assert storehub.run("export", f"--{kind}", "--from", day, "--to", day).stdout_bytes == told
        assert len(storehub.run("export", f"--{kind}", "--to", "2020-01-01").stdout.splitlines()) == 1
    found = list(csv.DictReader(io.StringIO(online["lines"].decode())))
    assert [row["kind"] for row in found] == ["sale", "sale", "sale", "void"]
    assert sum(int(row["total"]) for row in found) == 1800
    assert found[3]["tax_rate"] == "0.10"
    assert storehub.run("export", "--sales", "--bom").stdout_bytes.startswith(b"\xef\xbb\xbfseq,")
    assert "YYYY-MM-DD" in storehub.no("export", "--sales", "--from", "12", code=2)
    assert "seq" in storehub.no("export", "--from", "2026-11-01", code=2)
    assert "one of" in storehub.no("export", "--sales", "--lines", code=2)
