"""Counts, price lists, plans, deals and coupons from a CSV: all of its lines, or the good ones by choice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from hub.cli.common import operating
from hub.cli.showing import bar
from hub.domain.csv_kinds import CsvKind, read_rows
from hub.domain.menu_file import MenuFileError, RowError, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

# Lines asked about, or taken, at once: devices are served in between.
PART = 1000


def import_rows(
    data: Path | None,
    kind: CsvKind,
    raw: bytes,
    name: str,
    *,
    show: bool,
    skipped: list[RowError] | None,
) -> dict[str, Any]:
    """Every line is looked at, by itself and by the store, before the first one is taken. Raises MenuFileError."""
    try:
        rows, errors = read_rows(text_of(raw), kind)
    except MenuFileError as error:
        raise MenuFileError(error.errors, name) from None
    with operating(data) as ask:
        for found in _in_parts(ask, "csv.check", kind, rows, show=False):
            errors += [msgspec.convert(one, RowError) for one in found]
        wrong = {error.row for error in errors}
        good = [row for row in rows if row[0] not in wrong]
        errors.sort(key=lambda error: error.row)
        if errors and (skipped is None or not good):
            raise MenuFileError(errors, name)
        if skipped is not None:
            skipped.extend(errors)
        made = _in_parts(ask, "csv.take", kind, good, show=show)
    seq = max((one["seq"] for one in made), default=0)
    return {"seq": seq, "applied": seq > 0, "kind": kind.name, "count": len(good)}


def _in_parts(
    ask: Callable[..., Any], do: str, kind: CsvKind, rows: list[tuple[int, Any]], *, show: bool
) -> list[Any]:
    told = []
    with bar(kind.name, show=show) as progress:
        for start in range(0, len(rows), PART):
            part = rows[start : start + PART]
            plain = [(number, msgspec.to_builtins(item)) for number, item in part]
            told.append(ask(do, kind=kind.name, rows=plain))
            progress(kind.name, start + len(part), len(rows))
    return told
