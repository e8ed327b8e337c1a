"""Finding customers among a hundred thousand: what is searched for lies in memory only, folded and in kana order.

A look through all of it is a look through some hundred long texts, which needs no more memory than the texts: letters
(kana, name) and numbers (phone, code, card) apart, as what people type is nearly always the one or the other, and
numbers take a byte a character. Nothing of it is on the disk.
"""

from __future__ import annotations

import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from hub.domain.customer import Person

# A segment that grows beyond this is cut in two: taking one row in then costs a few microseconds.
SEGMENT_ROWS: Final = 1024
# カ -> か, so that either finds the other.
_KANA: Final = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_DROPPED: Final = dict.fromkeys(map(ord, " \t\n\r-‐‑‒–—―−()./・"))
_FOLD: Final = {**_KANA, **_DROPPED}


def fold(text: str) -> str:
    """One form for what people write in many: width, case, hiragana and katakana, blanks and dashes."""
    return unicodedata.normalize("NFKC", text).casefold().translate(_FOLD)


def fold_phone(text: str) -> str:
    folded = fold(text)
    return f"0{folded[3:]}" if folded.startswith("+81") else folded


def terms_of(query: str) -> list[str]:
    """What is looked for: all of these, each anywhere in any field."""
    return [folded for part in query.split() if (folded := fold_phone(part))]


def row_of(person: Person) -> str:
    """kana first: rows are in its order. Fields end with a tab, which is in no field and no term."""
    fields = (
        fold(person.kana),
        fold(person.name),
        fold_phone(person.phone),
        fold(person.code),
        fold(person.card),
    )
    return "\t".join(fields) + "\t"


class _Segment:
    """Rows in order, and whose they are. The texts are made when somebody searches, the list when somebody changes."""

    __slots__ = ("_rows", "_texts", "first", "ids")

    def __init__(self, rows: list[str], ids: list[str]) -> None:
        self._rows: list[str] | None = rows
        self._texts: _Texts | None = None
        self.ids = ids
        self.first = rows[0] if rows else ""

    def rows(self) -> list[str]:
        """To be changed."""
        if self._rows is None:
            self._rows = [] if self._texts is None else self._texts.rows()
        self._texts = None
        return self._rows

    def texts(self) -> _Texts:
        if self._texts is None:
            self._texts = _Texts.of(self._rows or ())
            self._rows = None
        return self._texts


class _Part(NamedTuple):
    """Lines of a text, each with its break, and where each begins."""

    text: str
    starts: array[int]

    @classmethod
    def of(cls, lines: Sequence[str]) -> _Part:
        return cls("".join(lines), array("I", accumulate(map(len, lines[:-1]), initial=0)))

    def line(self, number: int) -> str:
        end = self.starts[number + 1] if number + 1 < len(self.starts) else len(self.text)
        return self.text[self.starts[number] : end - 1]

    def having(self, term: str) -> Iterator[int]:
        """The numbers of the lines that hold the term."""
        at = self.text.find(term)
        while at >= 0:
            number = bisect_right(self.starts, at) - 1
            yield number
            if number + 1 == len(self.starts):
                return
            at = self.text.find(term, self.starts[number + 1])


class _Texts(NamedTuple):
    """A line a row in each. seen: the characters of the letters."""

    letters: _Part
    numbers: _Part
    seen: frozenset[str]

    @classmethod
    def of(cls, rows: Sequence[str]) -> _Texts:
        parts = [row.split("\t", 2) for row in rows]
        letters = _Part.of([f"{kana}\t{name}\t\n" for kana, name, _ in parts])
        numbers = _Part.of([f"{rest}\n" for _, _, rest in parts])
        return cls(letters, numbers, frozenset(letters.text))

    def rows(self) -> list[str]:
        pairs = zip(self.letters.text.split("\n"), self.numbers.text.split("\n"), strict=True)
        return [letters + numbers for letters, numbers in pairs][:-1]

    def having(self, term: str, others: Sequence[str]) -> list[int]:
        """The numbers of the rows that hold the term in a field, and the others too, in order."""
        found: set[int] = set()
        if self.seen.issuperset(term):
            found.update(self.letters.having(term))
        if term.isascii() or not self.numbers.text.isascii():
            found.update(self.numbers.having(term))
        return sorted(one for one in found if all(self._holds(one, other) for other in others))

    def _holds(self, number: int, term: str) -> bool:
        return term in self.letters.line(number) or term in self.numbers.line(number)


class CustomerIndex:
    """Who is found by what. `own` are those whom the store registered and the cloud has not brought itself."""

    def __init__(self) -> None:
        self._segments: list[_Segment] = [_Segment([], [])]
        self._where: dict[str, _Segment] = {}
        self.own: dict[str, Person] = {}
        # (place of the field, its value) -> those of them who have it.
        self._own_by: dict[tuple[int, str], set[str]] = {}

    def __len__(self) -> int:
        return len(self._where)

    def __contains__(self, customer_id: str) -> bool:
        return customer_id in self._where

    def put(self, customer_id: str, person: Person, *, own: bool = False) -> None:
        self.remove(customer_id)
        row = row_of(person)
        place = max(0, bisect_right(self._segments, row, key=lambda segment: segment.first) - 1)
        segment = self._segments[place]
        rows = segment.rows()
        at = bisect_right(rows, row)
        rows.insert(at, row)
        segment.ids.insert(at, customer_id)
        segment.first = rows[0]
        self._where[customer_id] = segment
        if own:
            self.own[customer_id] = person
            for mark in _marks(row):
                self._own_by.setdefault(mark, set()).add(customer_id)
        if len(rows) > SEGMENT_ROWS:
            half = len(rows) // 2
            new = _Segment(rows[half:], segment.ids[half:])
            del rows[half:], segment.ids[half:]
            self._segments.insert(place + 1, new)
            self._where.update(dict.fromkeys(new.ids, new))

    def remove(self, customer_id: str) -> None:
        own = self.own.pop(customer_id, None)
        for mark in _marks(row_of(own)) if own is not None else ():
            self._own_by[mark].discard(customer_id)
            if not self._own_by[mark]:
                del self._own_by[mark]
        segment = self._where.pop(customer_id, None)
        if segment is None:
            return
        rows, at = segment.rows(), segment.ids.index(customer_id)
        del rows[at], segment.ids[at]
        if rows:
            segment.first = rows[0]
        elif len(self._segments) > 1:
            self._segments.remove(segment)

    def search(self, terms: Sequence[str], *, after: str | None = None, limit: int) -> list[str] | None:
        """Ids of those who have all the terms, in kana order; None when `after` is nobody (any more)."""
        start, skip = 0, 0
        if after is not None:
            segment = self._where.get(after)
            if segment is None:
                return None
            start, skip = self._segments.index(segment), segment.ids.index(after) + 1
        found: list[str] = []
        # The longest is the rarest, mostly.
        first, *others = sorted(terms, key=len, reverse=True) or [""]
        for segment in self._segments[start:]:
            numbers = segment.texts().having(first, others) if segment.ids else ()
            found += [segment.ids[number] for number in numbers if number >= skip]
            if len(found) >= limit:
                return found[:limit]
            skip = 0
        return found

    def holder(self, person: Person, *, besides: str = "") -> str | None:
        """Someone else who has the same member code or card."""
        wanted = row_of(person).split("\t")
        for place in (3, 4):
            value = wanted[place]
            for segment in self._segments if value else ():
                numbers = segment.texts().numbers
                for number in numbers.having(f"\t{value}\t") if segment.ids else ():
                    if (
                        segment.ids[number] != besides
                        and numbers.line(number).split("\t")[place - 2] == value
                    ):
                        return segment.ids[number]
        return None

    def same_as(self, person: Person) -> list[str]:
        """The store's own records of this person: the same card, the same code, or phone and kana (or name)."""
        if not self.own:
            return []
        row = row_of(person)
        likely = {one for mark in _marks(row) for one in self._own_by.get(mark, ())}
        mine = row.split("\t")
        return sorted(one for one in likely if same(mine, row_of(self.own[one]).split("\t")))


def _marks(row: str) -> list[tuple[int, str]]:
    """Phone, code and card: two records that have none of them in common are never the same person's."""
    fields = row.split("\t")
    return [(place, fields[place]) for place in (2, 3, 4) if fields[place]]


def same(mine: Sequence[str], other: Sequence[str]) -> bool:
    """The rule by which two records are of one person (docs/customers.md): rows of row_of(), split."""
    if mine[4] and mine[4] == other[4]:
        return True
    if mine[3] and mine[3] == other[3]:
        return True
    if not mine[2] or mine[2] != other[2]:
        return False
    by = 0 if mine[0] and other[0] else 1
    return bool(mine[by]) and mine[by] == other[by]
