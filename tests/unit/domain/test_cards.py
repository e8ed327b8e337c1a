"""Card numbers in free texts are refused; codes, phone numbers and dates are not."""

from __future__ import annotations

import msgspec
import pytest

from hub.domain.cards import holds_card_number, refuse_card_numbers
from hub.domain.command import ChildIn, CustomIn, LineIn
from hub.domain.commands import AbortCheck, Command, CompleteSale, PlaceOrder, RecordFact, TenderIn
from hub.domain.errors import CardNumberRefused

# The issuers' published test numbers.
CARDS = [
    "4111111111111111",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "30569309025904",
    "3530111333300000",
    "6011111111111117",
    "6205500000000000004",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "カード 3782 822463 10005 です",
    "４１１１　１１１１　１１１１　１１１１",
    "卓12 4111 1111 1111 1111 会計",
    "no.4111111111111111.",
]


@pytest.mark.parametrize("text", CARDS)
def test_a_card_number_is_seen(text: str) -> None:
    assert holds_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no onions",
        "4111111111111112",  # Luhn fails
        "411111111111",  # too short
        "41111111111111111111",  # too long
        "4901234567894",  # JAN code
        "1234567890123452",  # passes Luhn, but nobody issues it
        "090-1234-5678 / 03-1234-5678",
        "2026-11-21 12:00:00 2026-11-22",
        "4111 1111 and 1111 1111",
    ],
)
def test_other_digits_are_let_through(text: str) -> None:
    assert not holds_card_number(text)


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (PlaceOrder((LineIn("p", 1), LineIn("p", 1, note=CARDS[0])), table_id="t"), "lines[1].note"),
        (
            PlaceOrder(
                (LineIn("p", 1), LineIn("p", 1, custom=(CustomIn("rare"), CustomIn(CARDS[0])))), table_id="t"
            ),
            "lines[1].custom[1].name",
        ),
        (
            PlaceOrder(
                (LineIn("p", 1, children=(ChildIn("q", custom=(CustomIn(CARDS[0]),)),)),), table_id="t"
            ),
            "lines[0].children[0].custom[0].name",
        ),
        (AbortCheck(f"paid by {CARDS[0]}"), "reason"),
        (CompleteSale((TenderIn("card", 1, reference=CARDS[8]),), check_id="c"), "tenders[0].reference"),
        (RecordFact("x.a.b", msgspec.Raw(b'{"a":[1,{"b":"4111111111111111"}]}')), "data.a[1].b"),
    ],
)
def test_free_texts_are_searched(command: Command, path: str) -> None:
    with pytest.raises(CardNumberRefused) as refused:
        refuse_card_numbers(command)
    assert refused.value.fields == {"path": path}


def test_ids_and_numbers_are_not() -> None:
    refuse_card_numbers(PlaceOrder((LineIn(CARDS[0], 1),), table_id=CARDS[1]))
    refuse_card_numbers(RecordFact("x.a.b", msgspec.Raw(b'{"n":4111111111111111}')))


def test_an_id_is_no_card_number() -> None:
    """Seen: its digits between two letters begin as a Visa card's do and pass Luhn's check."""
    assert not holds_card_number("01a1ff40-0224-7823-9328-204af122af7a/1")
    assert holds_card_number("01a1ff40-0224-7823-9328-204af122af7a 4111-1111-1111-1111")
    assert holds_card_number("41111111-1111-1111-1111-111111111111"[:19])
    assert holds_card_number("5500-0000-0000-0004 for 01a1ff40-0224-7823-9328-204af122af7a")
