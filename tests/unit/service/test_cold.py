"""What has ended comes back to memory for whoever names it, and leaves again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.domain.commands import (
    ApplyMaster,
    CompleteSale,
    LineIn,
    LineQuantity,
    PlaceOrder,
    RefundSale,
    TenderIn,
)
from hub.domain.commands_day import MoveDrawer
from hub.domain.commands_staff import AskApproval
from hub.domain.errors import HubError
from hub.domain.facts import MasterChange
from hub.service import cold
from tests.support.core import HubKit, check, until

CASH = (TenderIn("cash", 100),)


async def sold(kit: HubKit, count: int) -> list[dict[str, Any]]:
    made = [
        await kit.says(f"sale-{n}", CompleteSale(CASH, lines=(LineIn("p0", 1, "l"),))) for n in range(count)
    ]
    await kit.core.save()
    assert not kit.core.state.sales.committed
    return made


async def refused(kit: HubKit, key: str, sale: dict[str, Any]) -> None:
    with pytest.raises(HubError, match="tender"):
        await kit.submit(key, RefundSale((LineQuantity("l", 1),), (), "cold"), target=sale["sale_id"])


async def test_what_was_brought_back_leaves_memory_again(
    kit: HubKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = kit.core.state
    sales = await sold(kit, 40)
    for number, sale in enumerate(sales):
        await refused(kit, f"asked-{number}", sale)
    assert len(state.sales.committed) == 40
    kit.core.cold.let_go()
    assert len(state.sales.committed) == 40, "whoever brings several things has time to bring them all"
    await kit.says("back", RefundSale((LineQuantity("l", 1),), CASH, "cold"), target=sales[0]["sale_id"])
    monkeypatch.setattr(cold, "STAY_S", 0.0)
    kit.core.cold.let_go()
    assert list(state.sales.committed) == [sales[0]["sale_id"]], "what has changed waits for its save"
    await kit.core.save()
    kit.core.cold.let_go()
    assert not state.sales.committed
    assert not kit.core.cold._brought
    await check(kit)


async def test_the_hub_lets_go_by_itself_though_nothing_is_to_be_saved(
    kit: HubKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    sales = await sold(kit, 2)
    await refused(kit, "asked", sales[1])
    monkeypatch.setattr(cold, "STAY_S", 0.0)
    async with asyncio.timeout(20):
        while kit.core.state.sales.committed:
            await asyncio.sleep(0.05)


async def test_what_leaves_while_more_is_brought_is_there_when_it_is_decided(
    kit: HubKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    sales = await sold(kit, 1)
    fetch, cut = kit.keeper.fetch, []

    async def slow(state: Any, shelf: str, keys: Any) -> None:
        await fetch(state, shelf, keys)
        if shelf != "sales" and not cut:
            # As a save does that ends just now.
            cut.append(sales[0]["sale_id"])
            state.sales.forget(cut[0])

    monkeypatch.setattr(kit.keeper, "fetch", slow)
    await kit.says("back", RefundSale((LineQuantity("l", 1),), CASH, "cold"), target=sales[0]["sale_id"])
    assert cut


async def test_a_failed_commit_finds_what_its_entries_change(
    kit: HubKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sale that was refunded left memory after the group had failed and before it was read back."""
    monkeypatch.setattr(cold, "STAY_S", 0.0)
    sales = await sold(kit, 1)
    reopen = kit.journal.reopen

    async def reopened() -> None:
        kit.core.cold.let_go()
        assert not kit.core.state.sales.committed
        await reopen()

    monkeypatch.setattr(kit.journal, "reopen", reopened)
    kit.journal.faults.append("kept")
    wish = RefundSale((LineQuantity("l", 1),), CASH, "cold")
    with pytest.raises(HubError):
        await kit.submit("back", wish, target=sales[0]["sale_id"])
    await until(lambda: kit.core.writer.trouble is None)
    assert (await kit.says("back", wish, target=sales[0]["sale_id"]))["total"] == 100
    await check(kit)


async def test_an_order_at_a_table_needs_nothing_brought(kit: HubKit) -> None:
    for number in range(3):
        await kit.says(f"order-{number}", PlaceOrder((LineIn("p0", 1),), table_id="t1"))
    assert not kit.core.cold._brought


async def test_approvals_leave_memory_some_days_after(kit: HubKit) -> None:
    staff = MasterChange("staff", "s", {"id": "s", "code": "1", "name": "S", "role": "staff"})
    await kit.core.desk.order(ApplyMaster("import", (staff,)))
    await kit.says("ask", AskApproval("void"))
    await kit.core.save()
    assert len(kit.core.state.approvals.committed) == 1
    kit.clock.unix_s += 3 * 86400
    await kit.core.save()
    assert not kit.core.state.approvals.committed
    await kit.again()
    assert not kit.core.state.approvals.committed, "nor does a start read them"


async def test_what_a_decision_under_way_removed_is_not_looked_for_for_ever(kit: HubKit) -> None:
    state = kit.core.state
    await kit.says("float", MoveDrawer("float", 1000), target="r1")
    (key,) = state.registers.committed
    state.registers.remove(key)
    async with asyncio.timeout(5):
        await kit.core.cold.bring(lambda: [("registers", key)])
    assert state.registers.get(key) is None
    assert key in state.registers.committed
    state.discard_open()
