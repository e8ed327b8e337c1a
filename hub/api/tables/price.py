"""Discounts of open checks."""

from __future__ import annotations

from typing import Final

from hub.api.tables.write import Write
from hub.domain import commands_price, facts_price

WRITES: Final[tuple[Write, ...]] = (
    Write(
        "POST", "/v1/checks/{id}/discounts", commands_price.DiscountCheck, facts_price.CheckDiscounted, ("discount",),
        "Take something off a line or the subtotal", 201, match="honoured", refusals=("check-closed", "coupon-refused"),
        example={"kind": "rate", "value": "0.10", "name": "opening week"},
    ),
    Write(
        "POST", "/v1/checks/{id}/price-list", commands_price.RepriceCheck, facts_price.CheckRepriced, ("discount",),
        "Member or staff prices", match="honoured", refusals=("check-closed",), example={"price_list": "member"},
    ),
    Write(
        "POST", "/v1/checks/{id}/discounts/void", commands_price.VoidDiscount, facts_price.DiscountVoided,
        ("discount",), "Take a discount back", match="honoured", refusals=("check-closed",),
        example={"discount_id": "d-1", "reason": "wrong line"},
    ),
)  # fmt: skip
