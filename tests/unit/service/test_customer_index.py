"""The index finds what a look at every person finds, in the same order, whatever is put in and taken out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.customer import Customer, Person
from hub.domain.state import State
from hub.ports import KeyKeeper, StateKeeper
from hub.service import customer_index
from hub.service.customer_index import CustomerIndex, fold, row_of, terms_of
from hub.service.customers import Customers

TEXT = st.text("あいアｲ12 -a", max_size=5)
PEOPLE = st.builds(Person, name=TEXT, kana=TEXT, phone=TEXT, code=TEXT, card=TEXT)
STEPS = st.lists(st.tuples(st.integers(0, 30), PEOPLE | st.none()), max_size=80)


def by_looking(known: dict[str, Person], terms: list[str]) -> set[str]:
    rows = {one: row_of(person).split("\t") for one, person in known.items()}
    return {one for one, row in rows.items() if all(any(term in field for field in row) for term in terms)}


@given(STEPS, TEXT)
@settings(max_examples=60, deadline=None)
def test_it_finds_what_is_there(steps: list[tuple[int, Person | None]], query: str) -> None:
    whole, customer_index.SEGMENT_ROWS = customer_index.SEGMENT_ROWS, 4
    try:
        index, known = CustomerIndex(), {}
        for number, person in steps:
            name = f"k{number}"
            if person is None:
                index.remove(name)
                known.pop(name, None)
            else:
                index.put(name, person, own=number % 2 == 0)
                known[name] = person
        terms = terms_of(query)
        found = index.search(terms, limit=1000)
        assert found is not None
        assert set(found) == by_looking(known, terms)
        assert len(found) == len(set(found))
        rows = [row_of(known[one]) for one in found]
        assert rows == sorted(rows)
        paged: list[str] = []
        while page := index.search(terms, after=paged[-1] if paged else None, limit=3):
            paged += page
        assert paged == found
        assert set(index.own) == {one for one in known if int(one[1:]) % 2 == 0}
    finally:
        customer_index.SEGMENT_ROWS = whole


def test_nobody_follows_one_who_is_not_there() -> None:
    assert CustomerIndex().search(["a"], after="k", limit=1) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ﾊﾅｺ", "はなこ"),
        ("ハナコ", "はなこ"),
        ("ＡＢＣ", "abc"),
        ("090-1234", "０９０１２３４"),
        ("サトウ ハナ", "さとうはな"),
    ],
)
def test_one_form_for_what_is_written_in_many(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Person(card="28-1"), True),
        (Person(code="m1"), True),
        (Person(phone="+81 90 1", kana="サトウ"), True),
        (Person(phone="0901", name="佐藤"), True),
        (Person(phone="0901", kana="すずき", name="佐藤"), False),
        (Person(phone="0901"), False),
        (Person(kana="さとう", name="佐藤"), False),
    ],
)
def test_who_is_the_same_person(other: Person, same: bool) -> None:
    index = CustomerIndex()
    index.put("own", Person(name="佐藤", kana="さとう", phone="090-1", code="M1", card="281"), own=True)
    index.put("known", Person(card="281"))
    assert index.same_as(other) == (["own"] if same else [])


async def test_one_who_changes_while_looked_at_is_looked_at_again() -> None:
    """Seen: a key came back from the cloud, and the lost registration while its record was being looked for."""
    looked: list[Sequence[str]] = []

    class Keeper:
        async def read_many(self, shelf: str, ids: Sequence[str]) -> list[Customer]:
            looked.append(ids)
            if len(looked) == 1:
                customers.keys_came(["c1"])
            return []

    class Keys:
        async def keys(self, ids: Sequence[str]) -> dict[str, Any]:
            return {}

    customers = Customers(state=State(), keeper=cast(StateKeeper, Keeper()), keys=cast(KeyKeeper, Keys()))
    customers.keys_came(["c1"])
    await customers.follow()
    assert looked == [["c1"], ["c1"]]
