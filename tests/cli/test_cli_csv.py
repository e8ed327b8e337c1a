"""Files of a hundred thousand lines, good lines only, and products that leave as they came."""

from __future__ import annotations

import csv
import io
import stat
from pathlib import Path

import httpx
import pytest
from cliworld import Hub, Storehub, sold

from hub.cli import importing

HEADER = (
    "id,code,name,kana,category,price,tax_class,tax_included,open_price,stock_tracked,remaining,"
    "tax_shared,set_slots,custom_contents\r\n"
)
LINES = [
    'p-1,49001,"醤油ラーメン, 大",ショウユ,麺,900,food,true,false,false,,,,硬め|大盛り:100',
    "p-2,49002,生ビール,,飲み物,550,standard,false,false,true,12,,,",
    "p-3,,お通し,,その他,0,zero,true,true,false,,,,",
    "p-4,,セット,,麺,1200,food,true,false,false,,false,麺=p-1; 飲み物[0-2]=p-2:50|p-3,",
    "p-5,,弁当とビール,,麺,1300,food,true,false,false,,true,麺=p-1; 飲み物=p-2,",
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


MENU = """{"categories": [{"id": "c-1", "name": "Food"}], "products": [
  {"id": "p-1", "name": "=Ramen", "category_id": "c-1", "price": 900, "prices": {"member": 800, "staff": 500}},
  {"id": "p-2", "name": "Beer", "category_id": "c-1", "price": 550, "stock_tracked": true, "option_group_ids": ["g"]},
  {"id": "p-3", "name": "All you can drink", "category_id": "c-1", "price": 1500, "kind": "plan",
   "plan": {"minutes": 90, "last_order_minutes": 15, "product_ids": ["p-2"], "category_ids": ["c-1"]}}],
  "option_groups": [{"id": "g", "name": "Size", "options": [{"id": "l", "name": "Large", "price": 100}]}],
  "deals": [{"id": "d-1", "name": "two", "parts": [{"product_ids": ["p-1", "p-2"], "quantity": 2}], "price": 1300}],
  "coupons": [{"id": "k-1", "code": "-10%", "name": "ten", "kind": "rate", "value": "0.10", "once": "store"}],
  "tax_rates": [{"tax_class": "standard", "rate": "0.10", "from": "2019-10-01T00:00:00+09:00"},
                {"tax_class": "reduced", "rate": "0.08", "from": "2019-10-01T00:00:00+09:00"}],
  "stock": [{"id": "p-2", "quantity": 24}]}"""
PAGED = ("stock", "prices", "plans", "deals", "coupons", "products")


@pytest.mark.parametrize("running", [True, False])
def test_every_file_that_leaves_comes_in_again(
    storehub: Storehub, hub: Hub, tmp_path: Path, *, running: bool
) -> None:
    if not running:
        hub.stop()
    menu = tmp_path / "menu.json"
    menu.write_text(MENU)
    storehub.ok("import", str(menu))
    files = {kind: tmp_path / f"{kind}.csv" for kind in PAGED}
    for kind, file in files.items():
        storehub.ok("export", f"--{kind}", "--output", str(file), "--bom")
        assert len(file.read_text().splitlines()) > 1, kind
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "exists" in storehub.no("export", f"--{kind}", "--output", str(file))
    # A CSV of products has no columns for options, lists and plans: they stay.
    for kind, file in files.items():
        made = storehub.json("import", str(file))
        assert made["kind"] == kind
        assert made["applied"] == (kind == "stock"), kind
    prices, deals = files["prices"], files["deals"]
    prices.write_text("product_id,price_list,price\np-1,member,700\np-1,staff,\np-2,member,500\n")
    deals.write_text("deal_id,name,parts,free\nd-2,2+1,category:c-1*3,1\n")
    files["stock"].write_text("product_id,counted\np-2,20\n")
    files["coupons"].write_text("coupon_id,code,name,kind,value\nk-2,X,off,amount,200\n")
    files["plans"].write_text("product_id,minutes,product_ids\np-3,120,p-1|p-2\n")
    for kind in PAGED[:5]:
        assert storehub.json("import", str(files[kind]))["applied"], kind
    told = {kind: storehub.run("export", f"--{kind}").stdout for kind in PAGED}
    # Click's runner reads line breaks as \n.
    assert told["prices"] == "product_id,name,price_list,price\np-1,'=Ramen,member,700\np-2,Beer,member,500\n"
    assert told["stock"].splitlines()[1] == "p-2,Beer,20,20"
    assert "p-3,All you can drink,120,0,0,p-1|p-2,,,30" in told["plans"]
    assert [line.split(",")[0] for line in told["deals"].splitlines()] == ["deal_id", "d-1", "d-2"]
    assert "k-1,'-10%,ten,rate,0.10,0,,,store" in told["coupons"]
    assert storehub.json("verify")["ok"]


def test_wrong_lines_are_named_and_the_good_ones_taken_by_choice(storehub: Storehub, tmp_path: Path) -> None:
    menu = tmp_path / "menu.json"
    menu.write_text(MENU)
    storehub.ok("import", str(menu))
    before = {kind: storehub.run("export", f"--{kind}").stdout for kind in PAGED}
    wrong = {
        "stock": ("product_id,counted", "p-2,30", ["p-9,1", "p-1,1", "p-2,x", "p-2,-1", "p-2,1,2"]),
        "prices": (
            "product_id,price_list,price",
            "p-2,member,1",
            ["p-9,member,1", "p-1,a b,1", "p-2,member,2"],
        ),
        "plans": (
            "product_id,minutes,product_ids",
            "p-2,60,p-1",
            ["p-9,60,", "p-1,0,", "p-3,,", "p-3,9,p-8"],
        ),
        "deals": (
            "deal_id,name,parts,price",
            "d-3,x,p-1*2,1",
            ["d-4,x,p-9,1", "d-5,x,p-1,", "d-6,x,p-1*x,1"],
        ),
        "coupons": (
            "coupon_id,code,name,kind,value",
            "k-3,B,b,amount,1",
            ["k-4,B,b,amount,1", "k-5,C,c,rate,2"],
        ),
    }
    for kind, (header, good, bad) in wrong.items():
        file = tmp_path / f"wrong-{kind}.csv"
        file.write_text("\n".join([header, good, *bad]))
        said = storehub.no("import", str(file))
        assert "nothing was imported" in said
        for row in range(3, 3 + len(bad)):
            assert f"row {row}" in said, (kind, said)
        assert storehub.run("export", f"--{kind}").stdout == before[kind]
        result = storehub.run("import", "--good-rows", str(file))
        assert result.exit_code == 1
        assert f"{len(bad)} errors, the other 1 lines were imported" in result.output
        assert storehub.run("export", f"--{kind}").stdout != before[kind]
        file.write_text(f"{header},colour\n")
        assert "row 1, colour" in storehub.no("import", str(file))


@pytest.mark.parametrize("running", [True, False])
def test_customers_leave_in_clear_and_come_in_again(
    storehub: Storehub, hub: Hub, tmp_path: Path, *, running: bool
) -> None:
    people = tmp_path / "people.csv"
    people.write_text("id,name,phone,points\nm-1,佐藤,+81 90,120\nm-2,鈴木,03,0\nm-3,=田中,04,5\n")
    storehub.ok("import", str(people))
    token = storehub.json("device", "add", "--name", "m", "--role", "manager")["token"]
    own = {"authorization": f"Bearer {token}", "idempotency-key": "f"}
    with httpx.Client(base_url=hub.url) as http:
        assert http.delete("/v1/customers/m-2", headers=own).is_success
        registered = http.post(
            "/v1/customers", json={"name": "高橋"}, headers={**own, "idempotency-key": "r"}
        ).json()["customer_id"]
        body = {"points": 30, "reason": "x"}
        own["idempotency-key"] = "p"
        assert http.post(f"/v1/customers/{registered}/points", json=body, headers=own).is_success
    if not running:
        hub.stop()
    assert "--output" in storehub.no("export", "--customers", code=2)
    file = tmp_path / "customers.csv"
    done = storehub.run("export", "--customers", "--output", str(file))
    assert done.exit_code == 0
    assert "names people" in done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(file.read_text(), newline=""))}
    assert set(rows) == {"m-1", "m-3", registered}
    assert (rows["m-1"]["name"], rows["m-1"]["phone"], rows["m-1"]["points"]) == ("佐藤", "'+81 90", "120")
    assert (rows["m-3"]["name"], rows[registered]["points"]) == ("'=田中", "30")
    assert not storehub.json("import", str(file))["applied"]
    second = tmp_path / "second.csv"
    storehub.ok("export", "--customers", "--output", str(second))
    again = {row["id"]: row for row in csv.DictReader(io.StringIO(second.read_text(), newline=""))}
    assert {key: row["points"] for key, row in again.items()} == {
        key: row["points"] for key, row in rows.items()
    }
    # Another store has them with these points.
    other = Storehub(tmp_path / "other")
    other.ok("import", str(file))
    other.ok("export", "--customers", "--output", str(tmp_path / "third.csv"))
    third = list(csv.DictReader(io.StringIO((tmp_path / "third.csv").read_text(), newline="")))
    assert {row["id"]: row["points"] for row in third} == {key: row["points"] for key, row in rows.items()}
