"""The glossary's invariants of one State, for every test that drives a store. The numbers are those of the glossary.

Each raises AssertionError. What it takes more than one state to say (answers, entries, days) stays with the tests.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hub.domain.check import Check
from hub.domain.evolve_price import standing_discounts
from hub.domain.money import Rounding, tax_on
from hub.domain.numbers import parsed
from hub.domain.state import State


def each(shelf: Any) -> list[Any]:
    """What lies on a shelf, which is no dict."""
    return [value for _, value in shelf.items()]


def one_party_a_table(state: State) -> dict[str, list[Check]]:
    """2: who sits where."""
    at: dict[str, list[Check]] = {}
    for check in each(state.checks):
        for table in () if check.ended else check.table_ids:
            at.setdefault(table, []).append(check)
    for table, found in at.items():
        assert len(found) == 1 or all(one.shared for one in found), f"2: two parties at {table}"
    return at


def total_of_its_lines(check: Check, rounding: Rounding) -> None:
    """3: lines, less discounts, with the tax on top once a rate; carries are what splits and merges moved."""
    sums: Counter[tuple[str | None, bool]] = Counter()
    for line in check.lines:
        assert line.amount == line.quantity * line.unit_price, "3: a line is not its portions"
        assert 0 <= line.served <= line.quantity
        assert all(one.amount >= 0 for one in line.discounts)
        assert line.discount == sum(one.amount for one in line.discounts) <= line.amount
        sums[line.tax_rate, line.tax_included] += line.net
    kept = {(part.rate, part.included): part for part in check.sums}
    due = 0
    for (rate, included), amount in sums.items():
        assert kept[rate, included].amount == amount, "3: a sum is not what its lines come to"
        due += amount + kept[rate, included].carry
        if rate is not None and not included:
            due += tax_on(amount, rate, included=False, rounding=rounding)
    assert all(part.carry == 0 for part in kept.values() if part.included or not part.amount)
    whole = [one.amount for one in standing_discounts(check) if one.line_id is None]
    if whole:
        # What they take off is checked with the bill; here, that they do, and no more than there is.
        assert 0 <= sum(whole) <= sum(sums.values()), "3: a discount takes off more than there is"
        assert 0 <= check.total <= due, "3: a discount takes off more than there is"
    else:
        assert check.total == due, "3: the total is not what the lines come to"


def stays_as_it_ended(ended: dict[str, Any], check: Check) -> None:
    """4: only a merged check comes back. ended: what was seen of this store before."""
    now = (check.status, check.total, [(line.line_id, line.quantity) for line in check.lines])
    if check.ended:
        assert ended.setdefault(check.check_id, now) == now, "4: an ended check has changed"
    else:
        first = ended.pop(check.check_id, None)
        assert first is None or first[0] == "merged", "4: an ended check is open again"


def portions_out(state: State, product_id: str) -> int:
    """Portions on checks that are not ended, and in sales, less what was given back."""
    open_ = sum(
        line.quantity
        for check in each(state.checks)
        if check.status in ("open", "billed")
        for line in check.lines
        if line.product_id == product_id
    )
    return open_ + sum(
        line.quantity - sale.returned.get(line.line_id, 0)
        for sale in each(state.sales)
        if sale.status != "voided"
        for line in sale.lines
        if line.product_id == product_id
    )


def portions_accounted_for(state: State, product_id: str, portions: int) -> None:
    """5: what is left is what there was, less what went out. portions: what there was."""
    product = state.products.get(product_id)
    assert product is not None
    assert product.remaining is not None
    assert product.remaining >= 0, "5: more portions were promised than there are"
    assert product.remaining == portions - portions_out(state, product_id), (
        "5: a portion is lost, or was given twice"
    )


def check_numbers_differ(state: State) -> None:
    """7: guests are called by them."""
    found = Counter((check.business_date, check.check_no) for check in each(state.checks))
    assert all(count == 1 for count in found.values()), "7: two checks of a day have one number"


def numbers_explained(state: State) -> None:
    """7: receipt numbers are given once, and every one was used or is set aside for a register."""
    sales = each(state.sales)
    numbers = [sale.receipt_no for sale in sales] + [one.refund_no for sale in sales for one in sale.refunds]
    assert len(set(numbers)) == len(numbers), "7: a receipt number was given twice"
    used = {found[1] for text in numbers if (found := parsed(text)) is not None}
    reserved = {
        number
        for register in each(state.numbers)
        for block in register.blocks
        for number in range(block.first, block.last + 1)
    }
    last = state.counters.get(f"receipt_no:{state.receipt_series}") or 0
    assert used | reserved == set(range(1, last + 1)), "7: nobody can explain a gap in the receipt numbers"


def money_adds_up(state: State) -> None:
    """3, of sales: tenders, taxes, lines and what was given back; and the store's sum of them all."""
    for sale in each(state.sales):
        assert sum(one.amount for one in sale.tenders) == sale.total, "3: tenders are not the total"
        assert sum(row.due for row in sale.taxes) + sale.adjustment == sale.total
        assert sum(line.net for line in sale.lines) == sum(row.taxable for row in sale.taxes)
        assert sum(line.amount for line in sale.lines) == sale.subtotal
        assert all(0 <= line.discount <= line.amount for line in sale.lines)
        assert 0 <= sale.refunded_total <= sale.total, "3: more was given back than was paid"
        assert sale.status != "refunded" or sale.refunded_total == sale.total
    net = sum(sale.total - sale.refunded_total for sale in each(state.sales) if sale.status != "voided")
    assert (state.counters.get("sales_total") or 0) == net, "3: the store's total is not that of its sales"
