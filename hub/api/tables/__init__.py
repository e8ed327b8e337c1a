"""The write requests as tables, by subject. Endpoints are made of the rows, and the OpenAPI document."""

from __future__ import annotations

from typing import Final

from hub.api.tables import (
    box,
    checks,
    credit,
    customers,
    day,
    floor,
    layaway,
    lines,
    plans,
    price,
    receipts,
    staff,
    stock,
    till,
)
from hub.api.tables.write import Write

WRITES: Final[tuple[Write, ...]] = (
    *floor.WRITES,
    *lines.WRITES,
    *plans.WRITES,
    *till.WRITES,
    *receipts.WRITES,
    *credit.WRITES,
    *layaway.WRITES,
    *day.WRITES,
    *box.WRITES,
    *checks.WRITES,
    *price.WRITES,
    *staff.WRITES,
    *stock.WRITES,
    *customers.WRITES,
)
