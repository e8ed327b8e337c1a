"""The OpenAPI document is valid, tells all, and is told as a page that needs nothing from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from hub.api.problems import PROBLEMS
from tests.integration.conftest import Shop

jsonschema_rs = pytest.importorskip("jsonschema_rs", reason="jsonschema_rs comes with schemathesis")
# What the edge of HTTP says, whatever the address; and what the hub waits for instead of saying it.
OF_NO_ROUTE = {"method-not-allowed", "request-in-progress"}


@pytest.fixture
async def document(shop: Shop) -> dict[str, Any]:
    answer = await shop.http.get("/openapi.json")
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def strict(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    """A validator that also refuses fields that the document does not name."""
    whole = json.loads(json.dumps({**schema, "components": document["components"]}))
    for one in whole["components"]["schemas"].values():
        if one.get("properties") and one.get("type") == "object" and "Answer" not in one.get("title", ""):
            one.setdefault("additionalProperties", False)
    return jsonschema_rs.validator_for(whole)


async def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    seen = 0
    # Many answers have one schema, and to make its validator takes longer than to use it.
    made: dict[str, Any] = {}

    def validator(schema: dict[str, Any]) -> Any:
        key = json.dumps(schema)
        if key not in made:
            made[key] = jsonschema_rs.validator_for({**schema, "components": document["components"]})
        return made[key]

    for name, operation in operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            validator(content["schema"]).validate(content["example"])
            seen += 1
        for parameter in operation.get("parameters", ()):
            if "example" in parameter:
                jsonschema_rs.validator_for(parameter["schema"]).validate(parameter["example"])
        for response in operation["responses"].values():
            for content in response.get("content", {}).values():
                for example in content.get("examples", {}).values():
                    validator(content["schema"]).validate(example["value"])
                    seen += 1
        assert operation["summary"], name
        assert operation["responses"], name
    assert seen > 100


async def test_every_refusal_stands_at_a_route(document: dict[str, Any]) -> None:
    named = {
        slug
        for _, operation in operations(document)
        for response in operation["responses"].values()
        for content in response.get("content", {}).values()
        for slug in content.get("examples", {})
    }
    assert set(PROBLEMS) - named == OF_NO_ROUTE


async def test_the_feed_and_every_route_stand_there(shop: Shop, document: dict[str, Any]) -> None:
    feed = document["paths"]["/v1/events"]["get"]
    assert {one["name"] for one in feed["parameters"]} == {"after", "types", "Last-Event-ID"}
    for name, operation in operations(document):
        protected = name.split()[1].startswith("/v1/") and "/v1/pairings" not in name
        assert (operation.get("security") == [{"device": []}]) == protected, name
        headers = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"]
        if "Storehub-Seq" in str(operation["responses"]):
            assert "Idempotency-Key" in headers, name


async def test_answers_have_no_field_that_the_document_does_not_name(
    shop: Shop, document: dict[str, Any]
) -> None:
    manager, register = await shop.device("manager"), await shop.device("register")
    order = (await register.order("t1", options=[{"option_id": "large"}], note="hot", seat="2")).json()
    served = {"lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 1}]}
    await register.post(f"/v1/checks/{order['check_id']}/serve", served)
    tenders = [{"method": "cash", "amount": order["check_total"], "tendered": 1000}]
    sale = (await register.post("/v1/sales", {"check_id": order["check_id"], "tenders": tenders})).json()
    lines = [{"product_id": "salad", "quantity": 2}]
    discounts = [{"kind": "amount", "value": 50, "name": "coupon"}]
    offered = {"lines": lines, "discounts": discounts, "tenders": [{"method": "cash", "amount": 650}]}
    second = (await register.post("/v1/sales", offered)).json()
    back = {"lines": [{"line_id": second["lines"][0]["line_id"], "quantity": 1}], "reason": "cold"}
    back["tenders"] = [{"method": "cash", "amount": 325}]
    await register.post(f"/v1/sales/{second['sale_id']}/refunds", back)
    await register.post(f"/v1/sales/{sale['sale_id']}/void", {"reason": "wrong table"})
    await register.order("t2")
    for path, template in {
        "/v1/menu": "/v1/menu",
        "/v1/checks": "/v1/checks",
        f"/v1/checks/{order['check_id']}/history": "/v1/checks/{id}/history",
        "/v1/tables": "/v1/tables",
        f"/v1/checks/{order['check_id']}": "/v1/checks/{id}",
        "/v1/sales": "/v1/sales",
        f"/v1/sales/{sale['sale_id']}": "/v1/sales/{id}",
        f"/v1/sales/{second['sale_id']}": "/v1/sales/{id}",
        f"/v1/reports/days/{shop.box.clock.today()}": "/v1/reports/days/{business_date}",
        "/v1/devices": "/v1/devices",
        "/v1/sync": "/v1/sync",
        "/.well-known/storehub": "/.well-known/storehub",
        "/healthz": "/healthz",
    }.items():
        answer = await manager.get(path)
        assert answer.status_code == 200, path
        response = document["paths"][template]["get"]["responses"]["200"]
        strict(document, response["content"]["application/json"]["schema"]).validate(answer.json())
    assert (await manager.get(f"/v1/sales/{second['sale_id']}")).json()["refunded"] == 325


async def test_the_page_needs_nothing_from_elsewhere(shop: Shop, document: dict[str, Any]) -> None:
    page = await shop.http.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert "https://" not in page.text.replace("https://storehub.invalid/problems/", "")
    for name, operation in operations(document):
        assert f"<code>{name.split()[1]}</code>" in page.text
        assert operation["summary"].split("'")[0] in page.text
    targets = set(re.findall(r'id="([^"]+)"', page.text))
    for link in re.findall(r'href="#([^"]+)"', page.text):
        assert link in targets
    for path in re.findall(r'href="(/[^"]+)"', page.text):
        answer = await shop.http.get(path)
        assert answer.status_code == 200
        again = await shop.http.get(path, headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304
