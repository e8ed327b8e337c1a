"""What every keeper of the state promises (hub.ports.StateKeeper)."""

from __future__ import annotations

import asyncio

import pytest

from hub.domain.check import Check
from hub.domain.entries import NO_HASH
from hub.domain.facts import After
from hub.domain.report_sums import CountTotal, DayReport
from hub.domain.state import State
from hub.ports import StoreError
from tests.contract.stores import Store

DAY = "2026-11-21"
HERE = After("e" * 16, 7, "5" * 64)


def check_(number: int, status: str = "open", day: str = DAY) -> Check:
    return Check(
        check_id=f"c{number:03}", check_no=number, business_date=day, status=status, version=1,
        table_ids=(f"t{number}",), guests=2, dining="eat_in", opened_at="2026-11-21T12:00:00+09:00",
    )  # type: ignore[call-arg, arg-type]  # fmt: skip


def commit(state: State) -> None:
    state.seal()
    state.settle()


async def save(store: Store, state: State, **more: object) -> None:
    said = {"requests": [], "reports": [], "position": HERE, "today": DAY, **more}
    await store.keeper.save(state, **said)


async def test_a_new_store_has_nothing(store: Store) -> None:
    state = State()
    assert await store.keeper.load(state) == After("", 0, NO_HASH)
    assert not any(shelf.committed for shelf in state.shelves())
    assert await store.keeper.reports() == ([], [])
    assert await store.keeper.report(DAY) is None
    assert list(await store.keeper.requests_of(1)) == []
    await store.keeper.fetch(state, "checks", ["c001"])
    assert not state.checks.committed


async def test_what_is_live_comes_back_and_the_rest_when_it_is_fetched(store: Store) -> None:
    state = State()
    state.checks.put("c001", check_(1))
    state.checks.put("c002", check_(2, "closed"))
    state.counters.put("n", 5)
    state.seated.put("t1", "c001")
    commit(state)
    await save(store, state)
    assert list(state.checks.committed) == ["c001"], "what need not stay has left memory"
    await store.reopened()
    again = State()
    assert await store.keeper.load(again) == HERE
    assert again.checks.committed == {"c001": check_(1)}
    assert (again.counters.get("n"), again.seated.get("t1")) == (5, "c001")
    await store.keeper.fetch(again, "checks", ["c002"])
    assert again.checks.committed["c002"] == check_(2, "closed")


async def test_a_newer_value_is_not_covered_by_a_fetched_one(store: Store) -> None:
    state = State()
    state.checks.put("c001", check_(1))
    commit(state)
    await save(store, state)
    state.checks.put("c001", check_(1, "closed"))
    commit(state)
    await store.keeper.fetch(state, "checks", ["c001"])
    assert state.checks.committed["c001"].status == "closed"


async def test_what_was_removed_is_removed(store: Store) -> None:
    state = State()
    state.seated.put("t1", "c001")
    state.seated.put("t2", "c002")
    commit(state)
    await save(store, state)
    state.seated.remove("t1")
    commit(state)
    await save(store, state)
    await store.reopened()
    again = State()
    await store.keeper.load(again)
    assert again.seated.committed == {"t2": "c002"}


async def test_only_what_is_committed_is_saved(store: Store) -> None:
    state = State()
    state.counters.put("n", 1)
    commit(state)
    state.counters.put("n", 2)
    state.seal()
    state.counters.put("n", 3)
    await save(store, state)
    again = State()
    await store.keeper.load(again)
    assert again.counters.get("n") == 1
    state.settle()
    await save(store, state)
    again = State()
    await store.keeper.load(again)
    assert again.counters.get("n") == 2


async def test_a_save_writes_the_moment_at_which_it_was_asked_for(store: Store) -> None:
    """What is committed while it writes belongs to the next one."""
    state = State()
    report = DayReport(business_date=DAY, orders=1)
    for number in range(200):
        state.counters.put(f"n{number}", 1)
    commit(state)
    saving = asyncio.ensure_future(save(store, state, reports=[report]))
    await asyncio.sleep(0)
    report.orders = 2
    state.counters.put("n1", 2)
    commit(state)
    await saving
    again = State()
    await store.keeper.load(again)
    assert again.counters.get("n1") == 1
    assert (await store.keeper.report(DAY)).orders == 1
    await save(store, state, reports=[report])
    again = State()
    await store.keeper.load(again)
    assert again.counters.get("n1") == 2


async def test_a_save_that_fails_changes_nothing_and_forgets_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = State()
    state.counters.put("n", 1)
    state.checks.put("c002", check_(2, "closed"))
    commit(state)

    async def failing(*_: object) -> None:
        raise StoreError("made to fail")

    def refusing() -> None:
        raise StoreError("made to fail")

    if hasattr(store.journal, "transact"):
        monkeypatch.setattr(store.journal, "transact", failing)
    else:
        monkeypatch.setattr(store.journal, "check_disk", refusing)
    with pytest.raises(StoreError):
        await save(store, state, requests=[(1, 2)])
    monkeypatch.undo()
    assert state.checks.committed["c002"]
    again = State()
    assert (await store.keeper.load(again)).seq == 0
    assert not again.counters.committed
    await save(store, state, requests=[(1, 2)])
    await store.keeper.load(again)
    assert again.counters.get("n") == 1
    await store.keeper.fetch(again, "checks", ["c002"])
    assert again.checks.committed["c002"]


async def test_reports_of_days(store: Store) -> None:
    days = [f"2026-11-{day:02}" for day in range(1, 8)]
    for number, day in enumerate(days):
        report = DayReport(business_date=day, orders=number, sales=CountTotal(1, 100 * number))
        await save(store, State(), reports=[report])
    await store.reopened()
    known, newest = await store.keeper.reports()
    assert sorted(known) == days
    assert sorted(report.business_date for report in newest) == days[-3:]
    first = await store.keeper.report(days[1])
    assert (first.orders, first.sales) == (1, CountTotal(1, 100))


async def test_requests_are_found_by_their_fingerprint_and_read_in_pages(store: Store) -> None:
    pairs = [(number % 5, number) for number in range(1, 40)] + [((1 << 63) - 1, 40)]
    await save(store, State(), requests=pairs[:20])
    await save(store, State(), requests=pairs[10:])
    await store.reopened()
    assert sorted(await store.keeper.requests_of(3)) == [seq for number, seq in pairs if number == 3]
    assert list(await store.keeper.requests_of((1 << 63) - 1)) == [40]
    assert list(await store.keeper.requests_of(77)) == []
    found = []
    place = (-1, 0)
    while page := await store.keeper.requests_after(*place, limit=7):
        found += [tuple(pair) for pair in page]
        place = page[-1]
    assert sorted(set(found)) == sorted(pairs)


async def test_a_shelf_is_read_in_pages_and_by_ids(store: Store) -> None:
    state = State()
    for number in range(5):
        state.checks.put(f"c{number:03}", check_(number, "closed"))
    commit(state)
    await save(store, state)
    first = await store.keeper.of_shelf("checks", after="", limit=3)
    rest = await store.keeper.of_shelf("checks", after=first[-1].check_id, limit=3)
    assert [one.check_no for one in (*first, *rest)] == list(range(5))
    assert await store.keeper.of_shelf("sales", after="", limit=3) == []
    found = await store.keeper.read_many("checks", ["c001", "c003", "gone"])
    assert sorted(one.check_no for one in found) == [1, 3]
