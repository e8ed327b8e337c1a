"""Formal receipts: numbered, never over more than was received, with the stamp duty that is due."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from domain_world import RATES, World, product
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.domain.commands import CompleteSale, LineIn, LineQuantity, RefundSale, TenderIn, VoidSale
from hub.domain.commands_credit import PayAccount, ReversePayment
from hub.domain.commands_layaway import CancelLayaway, CompleteLayaway, OpenLayaway
from hub.domain.commands_receipt import (
    IssueAccountReceipts,
    IssueDepositReceipts,
    IssueFormalReceipts,
    ReissueAccountReceipt,
    ReissueDepositReceipt,
    ReissueFormalReceipt,
    WithdrawAccountReceipt,
    WithdrawFormalReceipt,
)
from hub.domain.decide.receipts import unreceipted
from hub.domain.errors import Conflict, HubError, InvalidRequest, NotFound
from hub.domain.formal import NEXT, FormalMove, FormalStatus, stamp_duty
from hub.domain.invoices import formal_papers, return_invoices
from hub.domain.menu import Menu, TenderMethod
from hub.domain.receipt import registration_no
from hub.domain.sale import Sale

MENU = Menu(
    products=(
        product("tea", 98, tax_class="reduced"),
        product("bread", 98, tax_class="reduced", tax_included=False),
        product("feast", 55_000),
        product("small", 54_998),
        product("gift", 1000, tax_class="exempt"),
    ),
    tax_rates=RATES,
    tender_methods=(
        TenderMethod("cash", "現金", "cash"),
        TenderMethod("card", "Card", "card"),
        TenderMethod("suica", "Suica", "emoney"),
    ),
)
NUMBER = {"registration_no": "T1234567890123", "store_name": "居酒屋 ぽち"}


def sell(world: World, *lines: tuple[str, int], **tenders: int) -> Any:
    return world.do(
        CompleteSale(
            tuple(TenderIn(method, amount) for method, amount in tenders.items()),
            lines=tuple(LineIn(what, quantity, what) for what, quantity in lines),
        )
    )


def sale_in(world: World, sold: Any) -> Sale:
    found = world.settle(lambda state: state.sales.committed[sold.sale_id])
    assert found is not None
    return found


def test_a_formal_receipt_says_who_what_and_how_much() -> None:
    world = World(MENU, NUMBER)
    sold = sell(world, ("tea", 4), ("gift", 1), cash=1392)
    issued = world.do(IssueFormalReceipts("株式会社 山田商事", "お食事代として"), sold.sale_id)
    (paper,) = formal_papers(sale_in(world, sold), world.state)
    assert (paper.formal_no, paper.amount, paper.addressee, paper.proviso) == (
        "R-A-000001", 1392, "株式会社 山田商事", "お食事代として",
    )  # fmt: skip
    assert (paper.registration_no, paper.store_name, paper.mark) == ("T1234567890123", "居酒屋 ぽち", "")
    assert paper.taxes == sold.taxes
    assert (paper.stamp_box, paper.stamp_duty) == (False, 0)
    world.do(ReissueFormalReceipt(issued.receipts[0].formal_id, "lost"), sold.sale_id)
    (paper,) = formal_papers(sale_in(world, sold), world.state)
    assert (paper.mark, paper.formal_no, paper.reissues) == ("再発行", "R-A-000001", 1)
    world.same()


@pytest.mark.parametrize(
    ("product_id", "tender", "electronic", "duty"),
    [
        ("small", "cash", False, 0),  # 49,999 without tax
        ("feast", "cash", False, 200),  # exactly 50,000 without tax
        ("feast", "suica", False, 200),
        ("feast", "card", False, 0),
        ("feast", "cash", True, 0),
    ],
)
def test_stamp_duty_is_judged_without_tax_and_not_on_cards_or_electronic_ones(
    product_id: str, tender: str, electronic: bool, duty: int
) -> None:
    world = World(MENU)
    sold = sell(world, (product_id, 1), **{tender: 55_000 if product_id == "feast" else 54_998})
    receipt = world.do(IssueFormalReceipts(electronic=electronic), sold.sale_id).receipts[0]
    assert receipt.stamp_duty == duty
    assert receipt.card_amount == (receipt.amount if tender == "card" else 0)


def test_splitting_a_receipt_changes_the_duty_and_mixed_tenders_count_their_cash_only() -> None:
    world = World(MENU)
    sold = sell(world, ("feast", 2), cash=110_000)
    issued = world.do(IssueFormalReceipts(amounts=(56_000, 54_000)), sold.sale_id)
    assert [receipt.stamp_duty for receipt in issued.receipts] == [200, 0]
    mixed = sell(world, ("feast", 2), cash=54_998, card=55_002)
    receipt = world.do(IssueFormalReceipts(), mixed.sale_id).receipts[0]
    assert (receipt.card_amount, receipt.stamp_duty) == (55_002, 0)


@pytest.mark.parametrize(
    ("net", "duty"),
    [
        (0, 0), (49_999, 0), (50_000, 200), (1_000_000, 200), (1_000_001, 400), (2_000_000, 400), (3_000_001, 1_000),
        (1_000_000_001, 200_000),
    ],
)  # fmt: skip
def test_the_steps_of_the_duty(net: int, duty: int) -> None:
    assert stamp_duty(net) == duty


def test_never_more_than_was_received_and_not_given_back() -> None:
    world = World(MENU)
    sold = sell(world, ("tea", 10), cash=980)
    with pytest.raises(InvalidRequest, match="more than the 980"):
        world.do(IssueFormalReceipts(amounts=(500, 481)), sold.sale_id)
    world.do(RefundSale((LineQuantity("tea", 5),), (TenderIn("cash", 490),), "cold"), sold.sale_id)
    with pytest.raises(InvalidRequest):
        world.do(IssueFormalReceipts(amounts=(491,)), sold.sale_id)
    half = world.do(IssueFormalReceipts(), sold.sale_id).receipts[0]
    assert (half.amount, half.taxes[0].taxable, half.taxes[0].tax) == (490, 490, sold.taxes[0].tax // 2)
    with pytest.raises(Conflict):
        world.do(IssueFormalReceipts(), sold.sale_id)
    world.do(WithdrawFormalReceipt(half.formal_id, "wrong name"), sold.sale_id)
    again = world.do(IssueFormalReceipts("A"), sold.sale_id).receipts[0]
    assert (again.formal_no, again.amount) == ("R-A-000002", 490)
    with pytest.raises(NotFound):
        world.do(ReissueFormalReceipt("nope"), sold.sale_id)
    world.same()


def test_a_voided_sale_has_no_formal_receipts() -> None:
    world = World(MENU)
    sold = sell(world, ("tea", 1), cash=98)
    issued = world.do(IssueFormalReceipts(), sold.sale_id).receipts[0]
    world.do(VoidSale("wrong"), sold.sale_id)
    assert [receipt.status for receipt in sale_in(world, sold).formal] == ["withdrawn"]
    for command in (IssueFormalReceipts(), ReissueFormalReceipt(issued.formal_id)):
        with pytest.raises(Conflict):
            world.do(command, sold.sale_id)


@given(
    quantities=st.lists(st.integers(1, 400), min_size=3, max_size=3),
    cuts=st.lists(st.integers(1, 60_000), max_size=5),
    withdrawn=st.integers(0, 5),
    card=st.integers(0, 100_000),
)
@settings(max_examples=60, deadline=None)
def test_receipts_that_cover_a_sale_add_up_to_it_by_rate(
    quantities: list[int], cuts: list[int], withdrawn: int, card: int
) -> None:
    world = World(MENU)
    total = 98 * quantities[0] + 98 * quantities[1] + 98 * quantities[1] * 8 // 100 + 1000 * quantities[2]
    card = min(card, total)
    sold = sell(
        world, ("tea", quantities[0]), ("bread", quantities[1]), ("gift", quantities[2]),
        cash=total - card, card=card,
    )  # fmt: skip
    issued = []
    for cut in cuts:
        try:
            issued += world.do(IssueFormalReceipts(amounts=(cut,)), sold.sale_id).receipts
        except HubError:
            continue
    if issued:
        back = issued.pop(withdrawn % len(issued))
        world.do(WithdrawFormalReceipt(back.formal_id, "wrong"), sold.sale_id)
    if sum(receipt.amount for receipt in issued) < total:
        issued += world.do(IssueFormalReceipts(), sold.sale_id).receipts
    sums: dict[Any, list[int]] = {}
    for receipt in issued:
        assert sum(row.due for row in receipt.taxes) == receipt.amount
        assert 0 <= receipt.card_amount <= receipt.amount
        for row in receipt.taxes:
            part = sums.setdefault((row.rate, row.included), [0, 0])
            part[0], part[1] = part[0] + row.taxable, part[1] + row.tax
    assert sums == {(row.rate, row.included): [row.taxable, row.tax] for row in sold.taxes}
    assert sum(receipt.card_amount for receipt in issued) == card
    with pytest.raises(Conflict):
        world.do(IssueFormalReceipts(), sold.sale_id)
    world.same()


@pytest.mark.parametrize("move", list(FormalMove))
@pytest.mark.parametrize("status", get_args(FormalStatus))
def test_every_pair(status: FormalStatus, move: FormalMove) -> None:
    world = World(MENU)
    sold = sell(world, ("tea", 1), cash=98)
    formal_id = world.do(IssueFormalReceipts(), sold.sale_id).receipts[0].formal_id
    if status == "withdrawn":
        world.do(WithdrawFormalReceipt(formal_id, "wrong"), sold.sale_id)
    command = {
        FormalMove.REISSUE: ReissueFormalReceipt(formal_id),
        FormalMove.WITHDRAW: WithdrawFormalReceipt(formal_id, "wrong"),
    }[move]
    if (status, move) in NEXT:
        world.do(command, sold.sale_id)
        assert sale_in(world, sold).formal[0].status == NEXT[status, move]
    else:
        with pytest.raises(Conflict):
            world.do(command, sold.sale_id)


def test_a_return_invoice_names_items_rates_and_both_days() -> None:
    world = World(MENU, NUMBER)
    sold = sell(world, ("tea", 4), ("feast", 1), cash=55_392)
    world.day = "2026-11-22"
    world.do(RefundSale((LineQuantity("tea", 1),), (TenderIn("cash", 98),), ""), sold.sale_id)
    world.do(RefundSale((LineQuantity("feast", 1),), (TenderIn("cash", 55_000),), ""), sold.sale_id)
    tea, feast = return_invoices(sale_in(world, sold), world.state)
    assert (tea.required, feast.required) == (False, True)
    assert (feast.registration_no, feast.sold_on, feast.returned_on) == (
        "T1234567890123", "2026-11-21", "2026-11-22",
    )  # fmt: skip
    assert [(line.name, line.reduced) for line in (*tea.lines, *feast.lines)] == [
        ("TEA", True),
        ("FEAST", False),
    ]
    assert [(row.rate, row.taxable, row.tax) for row in feast.taxes] == [("0.10", 55_000, 5_000)]
    world.same()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("T1234567890123", "T1234567890123"),
        ("Ｔ1-2345-6789-0123", "T1234567890123"),
        ("1234567890123", None),
        ("T123", None),
        ("", None),
        (None, None),
    ],
)
def test_only_t_and_thirteen_digits_are_a_registration_number(text: str | None, number: str | None) -> None:
    assert registration_no(text) == number


FEAST = (LineIn("feast", 1, "x"),)
CREDIT = replace(MENU, tender_methods=(*MENU.tender_methods, TenderMethod("tab", "売掛", "account")))


def deposited(world: World, deposit: int, method: str = "cash") -> str:
    return str(world.do(OpenLayaway(FEAST, (TenderIn(method, deposit),))).layaway_id)


def test_a_deposit_has_its_receipt_and_the_sale_covers_the_rest() -> None:
    world = World(MENU, NUMBER)
    layaway_id = deposited(world, 50_000)
    with pytest.raises(InvalidRequest, match="50000 that are left"):
        world.do(IssueDepositReceipts(amounts=(50_001,)), layaway_id)
    given = world.do(IssueDepositReceipts("山田"), layaway_id)
    (receipt,) = given.receipts
    # No tax on the paper: the whole amount is judged, and it is no invoice.
    assert (receipt.taxes, receipt.registration_no, receipt.stamp_duty) == ((), None, 200)
    assert (receipt.proviso, receipt.formal_no, given.subject()) == (
        "内金として",
        "R-A-000001",
        f"layaways/{layaway_id}",
    )
    with pytest.raises(Conflict):
        world.do(IssueDepositReceipts(), layaway_id)
    sold = world.do(CompleteLayaway((TenderIn("cash", 5_000),)), layaway_id)
    sale = sale_in(world, sold)
    assert (unreceipted(sale), sale.formal) == (5_000, (receipt,))
    with pytest.raises(Conflict, match="was completed"):
        world.do(ReissueDepositReceipt(receipt.formal_id), layaway_id)
    # Its paper comes back, and one over the whole is given.
    world.do(WithdrawFormalReceipt(receipt.formal_id, "one for all"), sold.sale_id)
    whole = world.do(IssueFormalReceipts(), sold.sale_id).receipts[0]
    assert (whole.amount, whole.taxes) == (55_000, sold.taxes)
    # The sale is voided: the goods wait again, and their deposit has no receipt any more.
    world.do(VoidSale("wrong"), sold.sale_id)
    again = world.do(IssueDepositReceipts(electronic=True), layaway_id).receipts[0]
    assert (again.amount, again.stamp_duty) == (50_000, 0)
    world.do(CancelLayaway("x", (TenderIn("cash", 50_000),)), layaway_id)
    layaway = world.state.layaways.get(layaway_id)
    assert layaway is not None
    assert [one.status for one in layaway.formal] == ["withdrawn"]
    world.same()


def test_a_deposit_by_card_does_not_lessen_the_card_part_of_the_sale() -> None:
    world = World(MENU)
    layaway_id = deposited(world, 20_000, "card")
    assert world.do(IssueDepositReceipts(), layaway_id).receipts[0].card_amount == 20_000
    sold = world.do(CompleteLayaway((TenderIn("card", 30_000), TenderIn("cash", 5_000))), layaway_id)
    rest = world.do(IssueFormalReceipts(), sold.sale_id).receipts[0]
    assert (rest.amount, rest.card_amount) == (35_000, 30_000)


def test_a_payment_on_account_has_its_receipt_and_the_sale_has_none() -> None:
    world = World(CREDIT)
    owed = world.do(CompleteSale((TenderIn("tab", 55_000, account_name="A"),), lines=FEAST))
    with pytest.raises(Conflict):
        world.do(IssueFormalReceipts(), owed.sale_id)
    account_id = owed.tenders[0].account_id
    paid = world.do(PayAccount((TenderIn("cash", 40_000), TenderIn("card", 15_000))), account_id)
    issued = world.do(IssueAccountReceipts(amounts=(30_000,)), paid.payment_id)
    receipt = issued.receipts[0]
    assert (receipt.card_amount, receipt.proviso, issued.receipt_no) == (
        8_182,
        "売掛金として",
        paid.receipt_no,
    )
    world.do(ReissueAccountReceipt(receipt.formal_id, "lost"), paid.payment_id)
    world.do(WithdrawAccountReceipt(receipt.formal_id, "name"), paid.payment_id)
    assert world.do(IssueAccountReceipts(), paid.payment_id).receipts[0].amount == 55_000
    world.do(ReversePayment("bounced"), paid.payment_id)
    received = world.state.received.get(paid.payment_id)
    assert received is not None
    assert {one.status for one in received.formal} == {"withdrawn"}
    with pytest.raises(Conflict, match="reversed"):
        world.do(IssueAccountReceipts(), paid.payment_id)
    with pytest.raises(NotFound):
        world.do(IssueAccountReceipts(), "nope")
    world.same()
