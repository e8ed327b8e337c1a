"""Customers and their points. What the answers hold of a person is sealed: the device knows what it sent."""

from __future__ import annotations

from typing import Final

from hub.api.tables.write import Write
from hub.domain import commands_customer as commands
from hub.domain import facts_customer as facts

WRITES: Final[tuple[Write, ...]] = (
    Write(
        "POST", "/v1/customers", commands.RegisterCustomer, facts.CustomerRegistered, ("customers",),
        "Register a customer", 201, refusals=("customer-known", "conflict"),
        example={"name": "佐藤 花子", "kana": "サトウ ハナコ", "phone": "090-1234-5678", "card": "2800012"},
    ),
    Write(
        "PATCH", "/v1/customers/{id}", commands.ChangeCustomer, facts.CustomerChanged, ("customers",),
        "Change what is known of a customer", refusals=("customer-known", "conflict"),
        example={"phone": "03-1234-5678"},
    ),
    Write(
        "DELETE", "/v1/customers/{id}", commands.ForgetCustomer, facts.CustomerForgotten, ("customers.forget",),
        "Forget a customer: destroy the key", refusals=("conflict",), example={},
    ),
    Write(
        "POST", "/v1/customers/{id}/merge", commands.MergeCustomer, facts.CustomerMerged, ("customers",),
        "Two records of one person become one", refusals=("conflict",), example={"customer_id": "k-2"},
    ),
    Write(
        "POST", "/v1/customers/{id}/points", commands.AdjustPoints, facts.PointsChanged, ("points.adjust",),
        "Points by hand", 201, refusals=("points-short", "conflict"), example={"points": 100, "reason": "apology"},
    ),
)  # fmt: skip
