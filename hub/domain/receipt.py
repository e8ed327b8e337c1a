"""A receipt as a 適格簡易請求書 (simplified qualified invoice): its content, and its text in 32 or 48 columns.

It names the issuer and its registration number, the date, every item with a mark on those of the reduced rate, and per
rate both what is taxed and the tax.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from msgspec import Struct

from hub.domain.reckoning import SaleLine, TaxRow
from hub.domain.sale import Sale
from hub.domain.state import State

Language = Literal["ja", "en"]

# Digits behind the point, for currencies that do not have two.
_DIGITS: Final = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0}
_SIGNS: Final = {"JPY": "¥", "USD": "$", "EUR": "€", "GBP": "£"}

_WORDS: Final[dict[Language, dict[str, str]]] = {
    "ja": {
        "receipt": "領 収 書",
        "registration": "登録番号",
        "no": "No.",
        "reissued": "【再発行】",
        "voided": "【取消済】",
        "returned": "返金済",
        "subtotal": "小計",
        "discount": "値引",
        "adjustment": "調整",
        "total": "合計",
        "target": "{rate}対象",
        "target_excluded": "{rate}対象(税抜)",
        "exempt": "非課税対象",
        "tax_in": "(内消費税等",
        "tax_on": "消費税等",
        "mark": "※は軽減税率対象品目です",
        "tendered": "お預り",
        "change": "お釣り",
        "points": "ご利用ポイント",
    },
    "en": {
        "receipt": "RECEIPT",
        "registration": "Reg. No.",
        "no": "No.",
        "reissued": "[REISSUED]",
        "voided": "[VOIDED]",
        "returned": "Refunded",
        "subtotal": "Subtotal",
        "discount": "Discount",
        "adjustment": "Adjustment",
        "total": "Total",
        "target": "{rate} taxable",
        "target_excluded": "{rate} taxable (net)",
        "exempt": "Tax exempt",
        "tax_in": "(incl. tax",
        "tax_on": "Tax",
        "mark": "※ = reduced tax rate",
        "tendered": "Tendered",
        "change": "Change",
        "points": "Points used",
    },
}


_REGISTRATION: Final = re.compile(r"T[0-9]{13}")


def registration_no(text: str | None) -> str | None:
    """The issuer's number as receipts say it: T and 13 digits. Anything else is none, and is not printed as one."""
    plain = unicodedata.normalize("NFKC", text or "").replace("-", "").replace(" ", "").upper()
    return plain if _REGISTRATION.fullmatch(plain) else None


class ReceiptLine(Struct, frozen=True):
    """discount: what came off this line alone, in all; discounts: (name, amount) of each. reduced: carries the mark.

    child: part of the set above it.
    """

    name: str
    quantity: int
    unit_price: int
    amount: int
    reduced: bool
    options: tuple[str, ...] = ()
    discount: int = 0
    discounts: tuple[tuple[str, int], ...] = ()
    child: bool = False


class ReceiptTender(Struct, frozen=True):
    name: str
    amount: int
    tendered: int


class ReceiptView(Struct, frozen=True, kw_only=True):
    """What a receipt says, in no language yet. discounts: (name, amount) off the subtotal.

    qualified: with a registration number it is a 適格簡易請求書. Lines that are `reduced` carry the mark ※.
    """

    currency: str
    store_name: str
    registration_no: str | None
    qualified: bool
    address: str
    phone: str
    issued_at: str
    receipt_no: str
    register_id: str
    lines: tuple[ReceiptLine, ...]
    subtotal: int
    discounts: tuple[tuple[str, int], ...]
    adjustment: int
    taxes: tuple[TaxRow, ...]
    total: int
    tenders: tuple[ReceiptTender, ...]
    change: int
    points_used: int
    reissued: bool
    voided: bool
    returned: int


def receipt_of(sale: Sale, state: State, *, store_name: str = "", reissued: bool = False) -> ReceiptView:
    """The receipt of a sale. store_name: for a store whose settings do not name it."""
    settings = state.settings.committed
    alone: dict[str, list[tuple[str, int]]] = {}
    for discount in sale.discounts:
        if discount.line_id is not None and discount.amount:
            alone.setdefault(discount.line_id, []).append((discount.name, discount.amount))
    return ReceiptView(
        currency=settings.get("currency") or "JPY",
        store_name=settings.get("store_name") or store_name,
        registration_no=(number := registration_no(settings.get("registration_no"))),
        qualified=number is not None,
        address=settings.get("store_address") or "",
        phone=settings.get("store_phone") or "",
        issued_at=sale.taken.at if sale.taken is not None else sale.accepted_at,
        receipt_no=sale.receipt_no,
        register_id=sale.register_id,
        lines=tuple(
            ReceiptLine(
                name=line.name,
                quantity=line.quantity,
                unit_price=line.unit_price,
                amount=line.amount,
                reduced=line.tax_class == "reduced",
                options=tuple(option.name for option in line.options),
                discount=sum(amount for _, amount in alone.get(line.line_id, ())),
                discounts=tuple(alone.get(line.line_id, ())),
                child=line.parent_line_id is not None,
            )
            for line in with_sets(sale.lines)
        ),
        subtotal=sale.subtotal - sum(amount for found in alone.values() for _, amount in found),
        discounts=tuple(
            (discount.name, discount.amount) for discount in sale.discounts if discount.line_id is None
        ),
        adjustment=sale.adjustment,
        taxes=sale.taxes,
        total=sale.total,
        tenders=tuple(
            ReceiptTender(
                tender.name, tender.amount, tender.amount if tender.tendered is None else tender.tendered
            )
            for tender in sale.standing
            if tender.amount >= 0
        ),
        change=sale.change,
        points_used=sale.points_used,
        reissued=reissued,
        voided=sale.status == "voided",
        returned=sale.refunded_total,
    )


def receipt_text(view: ReceiptView, *, language: Language = "ja", columns: Literal[32, 48] = 32) -> str:
    """The receipt as lines of at most so many columns; Japanese characters take two."""
    words = _WORDS[language]

    def money(amount: int) -> str:
        return format_money(amount, view.currency)

    page: list[str] = []
    for text in (view.store_name, view.address, view.phone):
        page += [center(part, columns) for part in wrap(text, columns)]
    if view.registration_no:
        page.append(center(f"{words['registration']} {view.registration_no}", columns))
    page += ["", center(words["receipt"], columns)]
    page += [center(words[mark], columns) for mark in ("reissued", "voided") if getattr(view, mark)]
    when = datetime.fromisoformat(view.issued_at)
    page += sides(f"{when:%Y-%m-%d %H:%M}", f"{words['no']}{view.receipt_no}", columns)
    page.append("-" * columns)
    for line in view.lines:
        page += _item(line, words, money, columns)
    page.append("-" * columns)
    page += sides(words["subtotal"], money(view.subtotal), columns)
    for name, amount in view.discounts:
        page += sides(name or words["discount"], f"-{money(amount)}", columns)
    for row in view.taxes:
        if not row.included and row.rate is not None:
            page += sides(f"{words['tax_on']} {percent(row.rate)}", money(row.tax), columns)
    if view.adjustment:
        page += sides(words["adjustment"], money(view.adjustment), columns)
    page += sides(words["total"], money(view.total), columns)
    for row in view.taxes:
        page += _tax_lines(row, words, view.currency, columns)
    if any(line.reduced for line in view.lines):
        page += wrap(words["mark"], columns)
    page.append("-" * columns)
    for tender in view.tenders:
        page += sides(tender.name, money(tender.amount), columns)
        if tender.tendered != tender.amount:
            page += sides(f"  {words['tendered']}", money(tender.tendered), columns)
    if view.change:
        page += sides(words["change"], money(view.change), columns)
    if view.points_used:
        page += sides(words["points"], f"{view.points_used:,}", columns)
    if view.returned:
        page += sides(words["returned"], f"-{money(view.returned)}", columns)
    return "\n".join(page) + "\n"


def with_sets(lines: Sequence[SaleLine]) -> Iterator[SaleLine]:
    """The lines, each set with its children behind it."""
    children: dict[str, list[SaleLine]] = {}
    there = {line.line_id for line in lines}
    for line in lines:
        if line.parent_line_id in there:
            children.setdefault(line.parent_line_id or "", []).append(line)
    for line in lines:
        if line.parent_line_id not in there:
            yield line
            yield from children.get(line.line_id, ())


def _item(
    line: ReceiptLine, words: Mapping[str, str], money: Callable[[int], str], columns: int
) -> list[str]:
    """What stands for one line. Of a set the children are indented, and show a price only where they add one."""
    indent = "  " if line.child else ""
    name = f"{indent}{line.name}{'※' if line.reduced else ''}"
    if line.child and not line.amount:
        page = wrap(name if line.quantity == 1 else f"{name} x {line.quantity}", columns)
    else:
        page = sides(name, money(line.amount), columns)
    room = columns - 2 - len(indent)
    page += [f"{indent}  {part}" for option in line.options for part in wrap(f"+{option}", room)]
    if line.quantity != 1 and (line.amount or not line.child):
        page.append(f"{indent}  {money(line.unit_price)} x {line.quantity}")
    for called, amount in line.discounts:
        page += sides(f"{indent}  {called or words['discount']}", f"-{money(amount)}", columns)
    return page


def _tax_lines(row: TaxRow, words: Mapping[str, str], currency: str, columns: int) -> list[str]:
    amount = format_money(row.taxable, currency)
    if row.rate is None:
        return sides(words["exempt"], amount, columns)
    name = words["target" if row.included else "target_excluded"].format(rate=percent(row.rate))
    tax = format_money(row.tax, currency)
    if row.included:
        return [*sides(name, amount, columns), *sides("", f"{words['tax_in']} {tax})", columns)]
    return [*sides(name, amount, columns), *sides("", f"{words['tax_on']} {tax}", columns)]


def percent(rate: str) -> str:
    """'0.08' -> '8%'"""
    return f"{(Decimal(rate) * 100).normalize():f}%"


def format_money(amount: int, currency: str) -> str:
    """1200 -> '¥1,200' in JPY, '$12.00' in USD."""
    digits = _DIGITS.get(currency, 2)
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(amount), 10**digits)
    text = f"{whole:,}.{rest:0{digits}d}" if digits else f"{whole:,}"
    return f"{sign}{_SIGNS.get(currency, currency + ' ')}{text}"


# -- text in columns --------------------------------------------------------------------------------------------------


def width(text: str) -> int:
    """Columns on a Japanese printer: wide and ambiguous characters (※) take two, combining marks none."""
    return sum(_width_of(character) for character in text)


def _width_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WFA" else 1


def wrap(text: str, columns: int) -> list[str]:
    """The text in lines of at most so many columns; breaks anywhere, as Japanese does."""
    lines: list[str] = []
    line, used = "", 0
    for character in text:
        wide = _width_of(character)
        if used + wide > columns:
            lines.append(line)
            line, used = "", 0
        line += character
        used += wide
    return [*lines, line] if line else lines


def center(text: str, columns: int) -> str:
    return " " * max(0, (columns - width(text)) // 2) + text


def sides(left: str, right: str, columns: int) -> list[str]:
    """Left and right on one line; a left side that is too long goes on lines of its own before it."""
    room = columns - width(right) - 1
    lines = wrap(left, room) if room > 0 else wrap(left, columns)
    last = lines.pop() if lines else ""
    return [*lines, last + " " * (columns - width(last) - width(right)) + right]
