"""The pure parts: the table of moves, the sums, the sizes, the waits."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tenacity import AsyncRetrying, Future, RetryCallState

from hub.domain.entries import Entry
from hub.ports import LinkStatus
from hub.upstream.address import CloudAddress
from hub.upstream.ledger import DAYS_MAX, Ledger, effect_of, tally_of
from hub.upstream.link import MOVES, SHOWN, Link, LinkMonitor
from hub.upstream.outcomes import RETRY_AFTER_S_MAX, Signal, Trouble
from hub.upstream.pace import PaceSettings
from hub.upstream.retry import Patience, routes
from hub.upstream.sizing import BatchSizer, pause_s
from hub.upstream.timing import Timing
from tests.support.memory import MemoryJournal, Store


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def word(self) -> str:
        return f"t{self.now:.0f}"


def monitor(**more: object) -> tuple[LinkMonitor, Time, list[LinkStatus]]:
    time = Time()
    seen: list[LinkStatus] = []
    return (
        LinkMonitor(now=time.word, monotonic=lambda: time.now, changed=seen.append, **more),  # type: ignore[arg-type]
        time,
        seen,
    )


def walk(link: Link) -> list[Signal]:
    """Signals that lead from the start to a state."""
    return {
        Link.OFFLINE: [],
        Link.ONLINE: [Signal.ANSWERED],
        Link.DEGRADED: [Signal.SLOW],
        Link.CAPTIVE: [Signal.INTERCEPTED],
        Link.REFUSED: [Signal.DENIED],
        Link.REJECTED: [Signal.REJECTED],
        Link.PAUSED: [Signal.PAUSE],
    }[link]


@pytest.mark.parametrize(("link", "signal"), list(product(Link, Signal)))
def test_every_pair_moves_as_the_table_says_or_not_at_all(link: Link, signal: Signal) -> None:
    subject, _, _ = monitor()
    for one in walk(link):
        subject.signal(one, "before")
    assert subject.link is link
    subject.signal(signal, "why")
    expected = MOVES.get((link, signal))
    assert subject.link is (expected or link)
    assert subject.status.reason == ("why" if expected else subject.status.reason)


def test_only_a_person_ends_a_pause_and_only_success_or_a_person_ends_a_rejection() -> None:
    assert {signal for (link, signal) in MOVES if link is Link.PAUSED} == {Signal.RESUME}
    assert {signal for (link, signal) in MOVES if link is Link.REJECTED} == {
        Signal.ACCEPTED,
        Signal.RETRY,
        Signal.PAUSE,
    }


@given(st.lists(st.tuples(st.sampled_from(Signal), st.integers(0, 100)), max_size=60))
@settings(deadline=None)
def test_any_signals_in_any_order(signals: list[tuple[Signal, int]]) -> None:
    subject, time, seen = monitor()
    shown = [subject.state]
    for signal, passed in signals:
        time.now += passed
        before = subject.status
        subject.signal(signal, signal.name)
        after = subject.status
        if after.state == before.state:
            assert after.since == before.since, "since when is told of the state, not of the reason"
        else:
            assert after.since == time.word()
            shown.append(after.state)
        assert subject.online == (after.state in ("online", "degraded"))
    assert [state for state, _ in subject.history] == shown[-len(subject.history) :]
    assert all(state in SHOWN.values() for state, _ in subject.history)
    assert len(seen) >= len(shown) - 1


def test_a_slow_answer_degrades_and_one_in_between_changes_nothing() -> None:
    subject, _, _ = monitor()
    subject.answered(0.1)
    assert subject.state == "online"
    subject.answered(3.0)
    assert subject.state == "online"
    subject.answered(5.0)
    assert subject.state == "degraded"
    subject.answered(3.0)
    assert subject.state == "degraded"
    subject.answered(0.1)
    assert subject.state == "online"
    subject.answered(3.0, sent_bytes=24_000)
    assert subject.state == "degraded"
    assert subject.status.reason.startswith("slow")


def test_retry_after_holds_and_is_capped() -> None:
    subject, time, _ = monitor()
    subject.trouble(Trouble(Signal.BUSY, "busy", retry_after_s=1e9))
    assert subject.hold_until == time.now + RETRY_AFTER_S_MAX


def state_after(failures: int, error: Trouble) -> RetryCallState:
    retrying = AsyncRetrying()
    state = RetryCallState(retrying, None, (), {})
    state.attempt_number = failures
    outcome = Future(failures)
    outcome.set_exception(error)
    state.outcome = outcome
    return state


@given(st.integers(1, 10_000))
@settings(max_examples=200, deadline=None)
def test_the_wait_never_exceeds_fifteen_seconds(failures: int) -> None:
    wait = Patience(Timing())(state_after(failures, Trouble(Signal.UNREACHABLE, "x")))
    assert 0.2 <= wait <= 15.0


def test_the_wait_is_what_the_cloud_asks_for() -> None:
    patience = Patience(Timing())
    assert 120 <= patience(state_after(1, Trouble(Signal.BUSY, "x", retry_after_s=120))) <= 121
    assert patience(state_after(1, Trouble(Signal.REJECTED, "x"))) == 900
    assert 0 < patience(state_after(9, Trouble(Signal.BUSY, "x", retry_after_s=0))) <= 1


def test_the_waits_of_a_line_that_stays_down_are_no_storm() -> None:
    """At most one round in two seconds on average, over any hour."""
    patience = Patience(Timing())
    error = Trouble(Signal.UNREACHABLE, "x")
    passed, rounds = 0.0, 0
    while passed < 3600:
        rounds += 1
        passed += patience(state_after(rounds, error))
    assert rounds <= 1800


def test_routes_can_be_read() -> None:
    assert routes() == routes()


@pytest.mark.parametrize(
    "url",
    ["http://cloud.example", "http://192.0.2.1:80", "ftp://localhost", "https://", "cloud.example",
     "https://me:secret@cloud.example", "https://cloud.example/?a=1", "http://localhost.example"],
)  # fmt: skip
def test_a_url_that_must_not_be_used_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="cloud"):
        CloudAddress.of(url)


def test_urls_that_may() -> None:
    assert CloudAddress.of("https://cloud.example/base/").path == "/base"
    assert CloudAddress.of("https://cloud.example:8443").authority == "cloud.example:8443"
    assert CloudAddress.of("http://127.0.0.1:8080").authority == "127.0.0.1:8080"
    assert CloudAddress.of("http://[::1]:8080").authority == "[::1]:8080"
    assert CloudAddress.of("http://localhost").port == 80


@given(
    st.lists(st.tuples(st.sampled_from(["ok", "slow", "timeout", "413"]), st.integers(1, 4000)), max_size=80)
)
@settings(deadline=None)
def test_sizes_stay_within_their_bounds_and_never_reach_nothing(steps: list[tuple[str, int]]) -> None:
    pace = PaceSettings()
    sizer = BatchSizer(pace)
    for step, used in steps:
        entries, size = sizer.limits(0.0)
        assert 1 <= entries <= pace.batch_entries_max
        assert 1 <= size <= pace.batch_bytes_max
        assert sizer.limits(1.0)[0] <= pace.busy_batch_entries_max
        assert sizer.limits(0.5)[0] <= 2 * pace.busy_batch_entries_max
        sent = min(used, entries)
        match step:
            case "ok":
                sizer.delivered(entries=sent, raw_bytes=sent * 1000, took_s=0.05)
            case "slow":
                sizer.delivered(entries=sent, raw_bytes=sent * 1000, took_s=9.0)
            case "timeout":
                sizer.timed_out()
            case "413":
                sizer.too_large(sent * 1000)


def test_sizes_grow_to_the_full_batch_in_a_few_steps() -> None:
    sizer = BatchSizer(PaceSettings())
    for _ in range(6):
        entries, _ = sizer.limits(0.0)
        sizer.delivered(entries=entries, raw_bytes=entries * 1000, took_s=0.05)
    assert sizer.limits(0.0)[0] == PaceSettings().batch_entries_max


def test_sizes_settle_at_what_a_slow_line_carries() -> None:
    sizer = BatchSizer(PaceSettings())
    for _ in range(30):
        entries, size = sizer.limits(0.0)
        raw = min(entries * 1000, size)
        sizer.delivered(entries=raw // 1000 or 1, raw_bytes=raw, took_s=raw / 60_000)
    entries, size = sizer.limits(0.0)
    assert 0.5 <= min(entries * 1000, size) / 60_000 <= 3.0
    assert sizer.slow_line


def test_pauses_follow_the_lan_and_the_limit() -> None:
    pace = PaceSettings()
    assert pause_s(pace, busy=0.0, took_s=0.5, entries=100) == 0
    assert pause_s(pace, busy=1.0, took_s=0.01, entries=20) == pytest.approx(0.01 * pace.busy_pause_ratio)
    assert pause_s(pace, busy=1.0, took_s=60, entries=100) == pace.busy_pause_s_max
    full = PaceSettings(yield_to_lan=False)
    assert pause_s(full, busy=1.0, took_s=0.1, entries=100) == 0
    assert pause_s(PaceSettings(entries_per_s_max=50), busy=0.0, took_s=0.5, entries=100) == 1.5


SALES = st.tuples(
    st.sampled_from(["completed", "voided", "refunded", "fact"]), st.integers(0, 10**6), st.integers(1, 28)
)


@given(st.lists(SALES, max_size=60), st.sets(st.integers(1, 60), max_size=10))
@settings(max_examples=60, deadline=None)
def test_sums_are_the_same_whenever_holes_are_filled(
    made: list[tuple[str, int, int]], holes: set[int]
) -> None:
    store = Store(MemoryJournal())
    store.start()
    for kind, total, day in made:
        date = f"2026-08-{1 + day % 5:02}"
        if kind == "fact":
            store.facts(1, date=date)
        else:
            store.sale(total, kind=kind, date=date)
    entries = store.journal.all
    plain, holed = Ledger(), Ledger()
    for entry in entries:
        plain.add(tally_of(entry), hole=False)
        holed.add(tally_of(entry), hole=entry.seq in holes)
    for entry in entries:
        if entry.seq in holes:
            holed.fill(tally_of(entry))
    assert plain == holed
    assert plain.amount == store.sales_total
    assert sum(day.entries for day in plain.days.values()) == len(entries)


def test_old_days_are_dropped_and_not_compared_when_they_turn_up_again() -> None:
    store = Store(MemoryJournal())
    store.start()
    for day in range(1, DAYS_MAX + 5):
        store.facts(1, date=f"2026-08-{day:02}")
    store.facts(1, date="2026-08-02")
    ledger = Ledger()
    for entry in store.journal.all:
        ledger.add(tally_of(entry), hole=False)
    assert len(ledger.days) == DAYS_MAX
    assert ledger.days["2026-08-02"].partial
    assert not ledger.days["2026-08-18"].partial


def test_bytes_that_are_no_entry_move_nothing() -> None:
    for raw in (
        b"",
        b"{}",
        b"nonsense",
        b'{"type":"storehub.sale.completed.v1","businessdate":"d","data":{"total":"x"}}',
    ):
        assert effect_of(raw).amount == 0
    Ledger().add(tally_of(Entry(1, "e", b"nonsense")), hole=False)


def test_a_hole_is_counted_once_however_often_it_is_filled() -> None:
    store = Store(MemoryJournal())
    store.start()
    store.facts(3)
    ledger = Ledger()
    for entry in store.journal.all:
        ledger.add(tally_of(entry), hole=entry.seq == 3)
    for entry in store.journal.all:
        ledger.fill(tally_of(entry))
        ledger.fill(tally_of(entry))
    assert sum(day.entries for day in ledger.days.values()) == 4
