"""A small menu with all that tests may need: an option, a counted product, an open price, a card that needs the WAN."""

from __future__ import annotations

from typing import Any

from hub.domain.facts import MasterChange

MENU: dict[str, list[dict[str, Any]]] = {
    "category": [{"id": "food", "name": "Food"}],
    "product": [
        {
            "id": "salad",
            "name": "小エビのサラダ",
            "category_id": "food",
            "price": 350,
            "tax_class": "food",
            "option_group_ids": ["size"],
        },
        {
            "id": "beer",
            "name": "Beer",
            "category_id": "food",
            "price": 500,
            "stock_tracked": True,
            "remaining": 5,
        },
        {"id": "chef", "name": "Chef's choice", "category_id": "food", "price": 0, "open_price": True},
    ],
    "option_group": [
        {
            "id": "size",
            "name": "Size",
            "min": 0,
            "max": 1,
            "options": [{"id": "large", "name": "L", "price": 100}],
        }
    ],
    "tax_rate": [
        {"tax_class": "standard", "rate": "0.10", "from": "2019-10-01T00:00:00+09:00"},
        {"tax_class": "reduced", "rate": "0.08", "from": "2019-10-01T00:00:00+09:00"},
    ],
    "table": [{"id": f"t{n}", "name": f"T{n}"} for n in range(1, 6)],
    "tender_method": [
        {"id": "cash", "name": "現金", "kind": "cash"},
        {"id": "card", "name": "Card", "kind": "card", "needs_network": True},
    ],
}


def changes() -> tuple[MasterChange, ...]:
    return tuple(
        MasterChange(kind, row.get("id") or f"{row['tax_class']}@{row['from']}", row)  # type: ignore[arg-type]
        for kind, rows in MENU.items()
        for row in rows
    )
