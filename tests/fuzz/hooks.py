"""Loaded by schemathesis: made-up ids become ids that exist, so that the core is reached and not only its door.

The ids come from a file that the test keeps fresh (STOREHUB_FUZZ_IDS).
"""

from __future__ import annotations

import json
import os
import random
import re
from pathlib import Path
from typing import Any

import schemathesis

_IDS = Path(os.environ["STOREHUB_FUZZ_IDS"])
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_RANDOM = random.Random(7)
# How often an id is left as it was made up.
_STRANGE = 0.15
_OF_PATH = {
    "checks": "check_id", "sales": "sale_id", "products": "product_id", "devices": "device_id",
    "customers": "customer_id", "approvals": "approval_id", "staff-sessions": "session_id", "staff": "staff_id",
    "layaways": "layaway_id", "payments": "payment_id", "accounts": "account_id", "registers": "register_id",
    "account-payments": "account_payment_id", "option-groups": "group_id", "stock": "stock_product_id",
    "days": "business_date",
}  # fmt: skip


def _known() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_IDS.read_text())
    return found


def _real(known: dict[str, Any], name: str, value: Any) -> Any:
    """A real id of that kind in the place of a valid one that was made up. What is invalid stays so."""
    choices = known.get(name)
    if not choices or not isinstance(value, str) or not _ID.fullmatch(value) or _RANDOM.random() < _STRANGE:
        return value
    return _RANDOM.choice(choices)


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any]) -> dict[str, Any]:
    name = next((name for kind, name in _OF_PATH.items() if f"/{kind}/" in context.operation.path), "")
    return {key: _real(_known(), name, value) for key, value in (path_parameters or {}).items()}


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    return _with_real(_known(), body)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """A key of its own for each request, the version that the check really has, and a body that fits together.

    Only for requests that are meant to be valid: schemathesis takes a changed one for another.
    """
    if case.meta is None or case.meta.generation.mode.is_negative or _RANDOM.random() < _STRANGE:
        return
    _fit(case.operation.path, case.path_parameters or {}, case.body, _known())
    headers = case.headers
    if not headers:
        return
    key = headers.get("Idempotency-Key")
    if isinstance(key, str) and re.fullmatch(r"[ -~]{1,255}", key):
        headers["Idempotency-Key"] = f"fuzz-{_RANDOM.getrandbits(64):x}"
    version = _known().get("versions", {}).get((case.path_parameters or {}).get("id"))
    match = headers.get("If-Match")
    if version is not None and isinstance(match, str) and re.fullmatch(r'"[0-9]{1,9}"', match):
        headers["If-Match"] = f'"{version + (_RANDOM.random() < 0.2)}"'


def _fit(path: str, parameters: dict[str, Any], body: Any, known: dict[str, Any]) -> None:
    if not isinstance(body, dict):
        return
    names = ("check_id", "table_id") if path == "/v1/orders" else ("check_id", "lines", "taken")
    if path in ("/v1/orders", "/v1/sales") and all(_whole(body.get(name)) for name in names if name in body):
        for name in [one for one in names if one in body][1:]:
            del body[name]
    if path in ("/v1/orders", "/v1/sales"):
        for name in ("staff_id", "customer_id", "points_used", "discounts"):
            if _whole(body.get(name)):
                del body[name]
    lines = body.get("lines")
    of = known["lines"].get(parameters.get("id"))
    for line in lines if isinstance(lines, list) else ():
        if not isinstance(line, dict):
            continue
        if of and isinstance(line.get("line_id"), str) and _ID.fullmatch(line["line_id"]):
            line["line_id"] = _RANDOM.choice(of)
        if type(line.get("quantity")) is int and 0 < line["quantity"] <= 9999:
            line["quantity"] = 1
        if line.get("product_id") != "chef" and _whole(line.get("unit_price")):
            line.pop("unit_price", None)
        if path in ("/v1/orders", "/v1/sales") and _whole(line.get("line_id")):
            line.pop("line_id", None)
    tenders = body.get("tenders")
    if isinstance(tenders, list) and len(tenders) == 1 and isinstance(tenders[0], dict):
        due = known["totals"].get(
            str(body.get("check_id")), 350 * len(lines) if isinstance(lines, list) else 350
        )
        tender = tenders[0]
        if type(tender.get("amount")) is int and 0 <= tender["amount"] <= 999_999_999:
            tender["amount"] = due
        if _whole(tender.get("tendered")):
            tender.pop("tendered", None)


def _whole(value: Any) -> bool:
    """Whether the value is there and simple enough to be valid for sure."""
    if isinstance(value, str):
        return _ID.fullmatch(value) is not None
    if isinstance(value, dict):
        return False
    if isinstance(value, list):
        return all(isinstance(item, dict) for item in value)
    return type(value) is int and 0 <= value <= 999_999


def _with_real(known: dict[str, Any], value: Any) -> Any:
    if isinstance(value, list):
        return [_with_real(known, item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {}
    for key, item in value.items():
        if key == "table_ids" and isinstance(item, list):
            made[key] = [_real(known, "table_id", one) for one in item]
        elif isinstance(item, str):
            made[key] = _real(known, key, item)
        else:
            made[key] = _with_real(known, item)
    return made
