"""Customer files: CSV with the columns id, points and those of a person.

All of a file is right, or none of it is taken.
"""

from __future__ import annotations

import csv
import io
from typing import Any

import msgspec

from hub.domain.csv_cells import plain_text
from hub.domain.customer import CUSTOMER_COLUMNS, PERSON_COLUMNS
from hub.domain.facts import MasterChange
from hub.domain.menu import plain
from hub.domain.menu_file import MenuFileError, RowError, text_of
from hub.service.sealing import ClearCustomer


def read_customers(raw: bytes, name: str, skipped: list[RowError] | None = None) -> list[MasterChange]:
    """A change for each line. Raises MenuFileError with all that is wrong; skipped: wrong lines are told here."""
    text = text_of(raw)
    rows = csv.DictReader(io.StringIO(text, newline=""))
    header = [(cell or "").strip().lower() for cell in rows.fieldnames or ()]
    errors = [RowError(1, cell, _refusal(cell)) for cell in header if cell not in CUSTOMER_COLUMNS]
    errors += [RowError(1, cell, "this column is missing") for cell in ("id", "points") if cell not in header]
    if errors:
        raise MenuFileError(errors, name)
    rows.fieldnames = header
    found: dict[str, MasterChange] = {}
    for row in rows:
        cells = {
            key: plain_text((value or "").strip()) for key, value in row.items() if key in CUSTOMER_COLUMNS
        }
        try:
            customer = _customer(cells)
        except (ValueError, msgspec.ValidationError) as error:
            errors.append(RowError(rows.line_num, "", str(error)))
            continue
        if customer.id in found:
            errors.append(RowError(rows.line_num, "id", f"{customer.id} is there twice"))
            continue
        found[customer.id] = MasterChange("customer", customer.id, plain(customer))
    if skipped is not None and found:
        skipped.extend(errors)
    elif errors:
        raise MenuFileError(errors, name)
    return list(found.values())


def _refusal(column: str) -> str:
    return f"is no column of customers; these are {', '.join(CUSTOMER_COLUMNS)}"


def _customer(cells: dict[str, str]) -> ClearCustomer:
    points = cells["points"] or "0"
    seq = cells.get("points_seq", "")
    for number in (points.removeprefix("-"), seq or "0"):
        if not (number.isascii() and number.isdigit()):
            raise ValueError(f"points and points_seq must be whole numbers: {number!r}")
    person = {name: cells[name] for name in PERSON_COLUMNS if cells.get(name)}
    raw: dict[str, Any] = {"id": cells["id"] or cells.get("code", ""), "points": int(points), **person}
    if seq:
        raw["points_seq"] = int(seq)
    return msgspec.convert(raw, ClearCustomer)
