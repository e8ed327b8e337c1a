"""Why every receipt number is where it is: which were handed out on a business day, and what each was used for.

The ranges of all days of a series cover it from 1 to its last number, each number once. So a day's list explains every
number and every gap: used, set aside for a register and not used yet, or lost with entries that this journal had.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from hub.domain.numbers import parsed, written

NumberKind = Literal["sale", "refund", "formal", "deposit", "payment"]
# Uses are listed a bucket at a time.
BUCKET: Final = 1000


class NumberRange(Struct, frozen=True, omit_defaults=True):
    """Numbers that were handed out together. register_id: set aside as a block for that register."""

    series: str
    first: int
    last: int
    register_id: str | None = None


class NumberDay(Struct, frozen=True):
    """What was handed out on a business day, in order; only the last range grows."""

    business_date: str
    ranges: tuple[NumberRange, ...] = ()

    def with_range(self, new: NumberRange) -> NumberDay:
        last = self.ranges[-1] if self.ranges else None
        if last is not None and (last.series, last.last + 1, last.register_id, new.register_id) == (
            new.series,
            new.first,
            None,
            None,
        ):
            return replace(self, ranges=(*self.ranges[:-1], replace(last, last=new.last)))
        return replace(self, ranges=(*self.ranges, new))

    def without(self, part: NumberRange) -> tuple[NumberDay, tuple[NumberRange, ...]]:
        """The day less the numbers of the part that were handed out on it in that way, and those numbers."""
        kept, gone = [], []
        for mine in self.ranges:
            first, last = max(mine.first, part.first), min(mine.last, part.last)
            if (mine.series, mine.register_id) != (part.series, part.register_id) or first > last:
                kept.append(mine)
                continue
            gone.append(replace(mine, first=first, last=last))
            if mine.first < first:
                kept.append(replace(mine, last=first - 1))
            if last < mine.last:
                kept.append(replace(mine, first=last + 1))
        return replace(self, ranges=tuple(kept)), tuple(gone)

    def joined(self, parts: Iterable[NumberRange]) -> NumberDay:
        """The day with more of them, in the order in which numbers and series count up."""
        day = NumberDay(self.business_date)
        for part in sorted((*self.ranges, *parts), key=lambda one: (len(one.series), one.series, one.first)):
            day = day.with_range(part)
        return day


class NumberUse(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a number is on. about: the id of the sale, layaway, account or payment on it. business_date: of the use."""

    receipt_no: str
    kind: NumberKind
    about: str
    business_date: str
    at: str
    register_id: str | None = None
    voided: bool = False

    @property
    def bucket(self) -> str:
        return bucket_of(self.receipt_no)


class NumberRow(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One number, or a run of unused ones. `reserved`: of a register's block and not used (yet).

    `lost`: its entry was lost and has not come back.
    """

    first_no: str
    last_no: str
    kind: NumberKind | Literal["reserved", "lost"]
    about: str | None = None
    business_date: str | None = None
    at: str | None = None
    register_id: str | None = None
    voided: bool = False


def bucket_of(receipt_no: str) -> str:
    series, number = parsed(receipt_no) or ("", 0)
    return f"{series}:{number // BUCKET}"


def page_of(day: NumberDay, start: int, limit: int) -> list[NumberRange]:
    """The part of the day's numbers from the start-th on, at most `limit` of them."""
    found = []
    for part in day.ranges:
        size = part.last - part.first + 1
        if start >= size:
            start -= size
            continue
        last = min(part.last, part.first + start + limit - 1)
        found.append(replace(part, first=part.first + start, last=last))
        limit -= last - (part.first + start) + 1
        start = 0
        if limit <= 0:
            break
    return found


def explained(ranges: list[NumberRange], uses: Mapping[str, NumberUse]) -> Iterator[NumberRow]:
    """A row for each number that was used; one for each run of others."""
    for part in ranges:
        kind: Literal["reserved", "lost"] = "lost" if part.register_id is None else "reserved"
        run: str | None = None
        for number in range(part.first, part.last + 1):
            name = written(part.series, number)
            use = uses.get(name)
            if use is None:
                run = run or name
            if run is not None and (use is not None or number == part.last):
                end = name if use is None else written(part.series, number - 1)
                yield NumberRow(first_no=run, last_no=end, kind=kind, register_id=part.register_id)
                run = None
            if use is not None:
                yield NumberRow(
                    first_no=name,
                    last_no=name,
                    kind=use.kind,
                    about=use.about,
                    business_date=use.business_date,
                    at=use.at,
                    register_id=use.register_id,
                    voided=use.voided,
                )
