"""What else the store has for schemathesis to hit: customers, approvals, sessions, accounts, payments, layaways, ..."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx

Post = Callable[[str, dict[str, Any]], Awaitable[httpx.Response]]
Do = Callable[..., Awaitable[Any]]
# The newest ones: older ones have ended in all likelihood.
KEPT: Final = 6


def _named(what: str, id: str, /, **more: Any) -> dict[str, Any]:
    return {"kind": what, "id": id, "value": {"id": id, "name": id, **more}}


MASTER: Final = (
    _named("staff", "boss", code="1", role="manager"),
    _named("staff", "new", code="2", role="staff"),
    _named("tender_method", "account", kind="account", needs_network=False),
    _named("tender_method", "qr", kind="qr", needs_network=True),
    _named("category", "goods"),
    _named("product", "bottle", category_id="goods", price=350, stock_tracked=True),
    _named("product", "nomi", category_id="goods", price=350, kind="plan", plan={"minutes": 90}),
    _named("coupon", "k", code="K", kind="amount", value=10),
    # Whose account it is.
    {"kind": "customer", "id": "a1", "value": {"id": "a1", "points": 100}},
)
_SOLD: Final = [{"product_id": "salad", "quantity": 1}]
# Body of the request that makes one, by the name of its id in the answer.
_MADE: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "customer_id": ("/v1/customers", {"name": "佐藤"}),
    "approval_id": ("/v1/approvals", {"operation": "refund"}),
    "session_id": ("/v1/staff-sessions", {"code": "1"}),
    "layaway_id": ("/v1/layaways", {"lines": _SOLD, "name": "鈴木"}),
    "payment_id": (
        "/v1/sales",
        {"lines": _SOLD, "tenders": [{"method": "qr", "amount": 350, "deferred": {}}]},
    ),
    "account_id": (
        "/v1/sales",
        {
            "lines": _SOLD,
            "tenders": [{"method": "account", "amount": 350, "account_id": "a1", "account_name": "a"}],
            "customer_id": "a1",
        },
    ),
    "account_payment_id": ("/v1/accounts/a1/payments", {"tenders": [{"method": "cash", "amount": 10}]}),
    "formal_id": ("/v1/sales/{sale_id}/formal-receipts", {"addressee": "山田"}),
    "discount_id": ("/v1/checks/{check_id}/discounts", {"kind": "amount", "value": 1}),
    "plan_id": ("/v1/checks/{check_id}/plans", {"product_id": "nomi", "guests": 1}),
}


class Things:
    """One more of one kind at each call of grow(). ids: the newest of each, those that never change included."""

    def __init__(self, post: Post, do: Do) -> None:
        self._post = post
        self._do = do
        self._turn = 0
        self._found: dict[str, deque[str]] = {}

    async def open(self) -> None:
        await self._do("master.apply", changes=list(MASTER), full=False)
        await self._post("/v1/stock/counts", {"lines": [{"product_id": "bottle", "quantity": 9}]})

    async def grow(self, ids: dict[str, list[str]]) -> None:
        """ids: checks and sales that are there."""
        names = list(_MADE)
        name = names[self._turn % len(names)]
        self._turn += 1
        path, body = _MADE[name]
        for other in ("sale_id", "check_id"):
            if f"{{{other}}}" in path:
                if not ids[other]:
                    return
                path = path.replace(f"{{{other}}}", ids[other][-1])
        answer = await self._post(path, body)
        if answer.is_success:
            self._found.setdefault(name, deque(maxlen=KEPT)).extend(_ids(name, answer.json()))

    def ids(self, today: str) -> dict[str, list[str]]:
        return {
            **{name: list(found) for name, found in self._found.items()},
            "staff_id": ["boss", "new"],
            "register_id": ["r1"],
            "group_id": ["size"],
            "stock_product_id": ["bottle"],
            "business_date": [today],
            "price_list": ["member"],
            "coupon": ["K"],
        }


def _ids(name: str, made: dict[str, Any]) -> list[str]:
    match name:
        case "account_id":
            return ["a1"]
        case "payment_id":
            return [one["payment_id"] for one in made["tenders"] if "payment_id" in one]
        case "account_payment_id":
            return [made["payment_id"]]
        case "formal_id":
            return [one["formal_id"] for one in made["receipts"]]
        case "discount_id":
            return [made["discount"]["discount_id"]]
        case "plan_id":
            return [made["plan"]["plan_id"]]
    return [made[name]]
