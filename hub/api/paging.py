"""Pages of what was saved and what is still only in memory, as one list in the order of its ids."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from hub.service.box import Box

PAGE_MAX: Final = 200
# Shelf -> the field with the aggregate's id, and the one that it is listed under.
_LISTED: Final = {
    "sales": ("sale_id", "business_date"),
    "payments": ("payment_id", "business_date"),
    "layaways": ("layaway_id", "business_date"),
    "account_moves": ("key", "account_id"),
    "stock_moves": ("key", "product_id"),
}


async def listed(box: Box, shelf: str, under: str, cursor: str) -> tuple[list[Any], str | None]:
    """A page of what is listed under a business day, an account or a product, after the cursor; the next cursor."""
    key, name = _LISTED[shelf]

    def known() -> list[Any]:
        values = getattr(box.core.state, shelf).committed.values()
        return [one for one in values if getattr(one, name) == under]

    saved = box.keeper.of_day(shelf, under, after=cursor, limit=PAGE_MAX)
    return page_of((await with_saved(known, saved, key)).values(), key, cursor)


async def with_saved(
    known: Callable[[], Iterable[Any]], saved: Awaitable[Iterable[Any]], key: str
) -> dict[str, Any]:
    """What was saved and what is in memory, by that field. What is in memory is newer."""
    # Looked at before as well: a save meanwhile lets go of what the tables did not have yet when they were asked.
    before = list(known())
    return {getattr(one, key): one for one in (*before, *await saved, *known())}


def page_of(found: Iterable[Any], key: str, cursor: str) -> tuple[list[Any], str | None]:
    """The page after the cursor, in the order of that field; None as the next cursor: there is no more."""
    after = (one for one in found if getattr(one, key) > cursor)
    page = sorted(after, key=lambda one: str(getattr(one, key)))[:PAGE_MAX]
    return page, getattr(page[-1], key) if len(page) == PAGE_MAX else None
