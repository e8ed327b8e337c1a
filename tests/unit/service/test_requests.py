"""A retried request has one effect and gets its first answer again, wherever it is remembered."""

from __future__ import annotations

import asyncio

import pytest

from hub.domain.commands import CompleteSale, LineIn, PlaceOrder, TenderIn
from hub.domain.errors import IdempotencyKeyReused, InvalidRequest, NotReady, SoldOut
from hub.ports import StoreError
from hub.service import desk as desk_module
from hub.service import requests as requests_module
from hub.service import writer as writer_module
from hub.service.requests import Filter, Requests
from tests.support.core import PORTIONS, HubKit, check

ORDER = PlaceOrder(lines=(LineIn("p1", 1),), table_id="t1")
LAST = PlaceOrder(lines=(LineIn("last", 1),), table_id="t1")
SALE = CompleteSale(tenders=(TenderIn("cash", 110, 200),), lines=(LineIn("p1", 1),))


async def test_twins_at_the_same_time_have_one_effect(kit: HubKit) -> None:
    answers = await asyncio.gather(*(kit.submit("k", LAST) for _ in range(20)))
    assert len({answer.body for answer in answers}) == 1
    assert sorted(answer.replayed for answer in answers) == [False] + [True] * 19
    assert kit.core.state.products.committed["last"].remaining == PORTIONS - 1


@pytest.mark.parametrize("filled", [False, True], ids=["filter not filled", "filter filled"])
@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("restarted", [False, True])
async def test_the_first_answer_is_given_again(
    kit: HubKit, saved: bool, restarted: bool, filled: bool
) -> None:
    first = {key: await kit.submit(key, command) for key, command in (("a", ORDER), ("b", SALE), ("c", LAST))}
    if saved:
        await kit.core.save()
    if restarted:
        await kit.again()
    async with asyncio.timeout(5):
        while filled and not kit.core.requests.filter.complete:
            await asyncio.sleep(0)
    kit.core.requests.filter.complete = filled
    for key, command in (("a", ORDER), ("b", SALE), ("c", LAST)):
        again = await kit.submit(key, command)
        assert again.replayed
        assert (again.body, again.seq) == (first[key].body, first[key].seq)
    assert not (await kit.submit("new", ORDER)).replayed
    await check(kit)


async def test_keys_belong_to_their_device(kit: HubKit) -> None:
    await kit.submit("k", ORDER, device="d1")
    assert not (await kit.submit("k", ORDER, device="d2")).replayed


@pytest.mark.parametrize("saved", [False, True])
async def test_a_key_stands_for_one_request_only(kit: HubKit, saved: bool) -> None:
    await kit.submit("k", ORDER)
    if saved:
        await kit.core.save()
    with pytest.raises(IdempotencyKeyReused):
        await kit.submit("k", LAST)
    with pytest.raises(IdempotencyKeyReused):
        await kit.submit("k", ORDER, path="/v1/y")
    assert kit.core.state.products.committed["last"].remaining == PORTIONS


async def test_a_refused_request_is_not_remembered(kit: HubKit) -> None:
    many = PlaceOrder(lines=(LineIn("last", PORTIONS + 1),), table_id="t1")
    with pytest.raises(SoldOut):
        await kit.submit("k", many)
    with pytest.raises(InvalidRequest):
        await kit.submit("k", PlaceOrder(lines=(LineIn("nothing", 1),), table_id="t1"))
    assert not (await kit.submit("k", LAST)).replayed


@pytest.mark.parametrize("saved", [0, 1, 2])
async def test_two_keys_of_one_fingerprint_keep_their_answers(
    kit: HubKit, saved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (requests_module, writer_module, desk_module):
        monkeypatch.setattr(module, "fingerprint", lambda device, key: 7)
    first = {}
    for number, key in enumerate(("a", "b")):
        first[key] = await kit.submit(key, LAST)
        if number < saved:
            await kit.core.save()
    for _ in range(2):
        for key, answer in first.items():
            again = await kit.submit(key, LAST)
            assert (again.replayed, again.body) == (True, answer.body)
        await kit.again()
    assert kit.core.state.products.committed["last"].remaining == PORTIONS - 2
    await check(kit)


async def test_a_key_whose_place_cannot_be_read_is_not_decided_anew(
    kit: HubKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kit.submit("k", LAST)
    await kit.core.save()

    async def broken(fingerprint: int) -> list[int]:
        raise StoreError("made to fail")

    monkeypatch.setattr(kit.keeper, "requests_of", broken)
    with pytest.raises(NotReady):
        await kit.submit("k", LAST)
    monkeypatch.undo()
    assert (await kit.submit("k", LAST)).replayed


def test_the_filter_never_forgets_and_seldom_errs() -> None:
    filter_ = Filter()
    assert filter_.may_hold(1), "while it is being filled everything is looked up"
    held = [requests_module.fingerprint("d", f"k{n}") for n in range(20_000)]
    for number in held:
        filter_.add(number)
    filter_.complete = True
    assert all(filter_.may_hold(number) for number in held)
    others = [requests_module.fingerprint("e", f"k{n}") for n in range(20_000)]
    assert sum(filter_.may_hold(number) for number in others) < 10


def test_one_of_memory_and_table_always_knows_a_request() -> None:
    requests = Requests()
    requests.note(1, 10)
    requests.note(1, 10)
    taken = requests.unsaved()
    assert taken == [(1, 10)]
    requests.note(1, 11)
    requests.filter.complete = True
    requests.saved(taken)
    assert requests.recent(1) == (11,)
    assert requests.filter.may_hold(1)
    requests.saved([(1, 11)])
    assert requests.recent(1) == ()
