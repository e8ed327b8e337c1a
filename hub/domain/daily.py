"""The daily report (日報): a business day as its manager reads it, as data and as text in Japanese and English."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from hub.domain.receipt import Language, center, format_money, percent, sides
from hub.domain.report_sums import DayReport
from hub.domain.report_view import NO_NAMES, Names, view

# Products on the page, those that brought most first; all of them are in the day report.
BEST: Final = 10
COLUMNS: Final = 48

_WORDS: Final[dict[Language, dict[str, str]]] = {
    "ja": {
        "title": "日　報",
        "date": "営業日",
        "open": "未締め",
        "closed": "締め済（第{revision}回 {at}）",
        "sales": "総売上",
        "discounts": "うち値引",
        "voids": "取消",
        "refunds": "返品",
        "net": "純売上",
        "tax": "{rate}対象（内税 {tax}）",
        "tax_on": "{rate}対象（外税 {tax}）",
        "exempt": "非課税対象",
        "taxes": "税率別",
        "tenders": "支払方法別",
        "guests": "客数",
        "parties": "組数",
        "per_guest": "客単価",
        "per_party": "組単価",
        "people": "{count}名",
        "groups": "{count}組",
        "times": "{count}件",
        "categories": "部門別",
        "best": "商品別（上位{count}）",
        "hours": "時間帯別",
        "staff": "担当者別",
        "none": "（なし）",
        "before": "会計前の取消",
        "aborts": "取引中止",
        "drawer": "現金",
        "float": "釣銭準備金",
        "cash_in": "入金",
        "cash_out": "出金",
        "openings": "ドロアー開",
        "settled": "精算 {register_id} 第{number}回",
        "expected": "予定",
        "counted": "在高",
        "over_short": "過不足",
        "unsettled": "未精算のレジ",
        "open_checks": "未会計の伝票",
        "deposits": "内金",
        "accounts": "売掛",
        "deferred": "支払保留",
        "taken": "預り",
        "given_back": "返金",
        "used": "売上へ充当",
        "charged": "掛売",
        "taken_off": "掛売の取消・返品",
        "received": "入金",
        "reversed": "入金の取消",
        "begun": "発生",
        "settled_later": "確定",
        "failed": "不成立",
        "cancelled": "取消",
        "other_tenders": "売上以外の入出金",
        "voucher_surplus": "商品券の釣無し分",
        "late": "締め後の計上",
        "frozen": "締め時の純売上",
        "unsent": "未送信",
        "agrees": "クラウドと一致",
        "differs": "クラウドと不一致",
        "uncompared": "クラウドと未照合",
    },
    "en": {
        "title": "DAILY REPORT",
        "date": "Business date",
        "open": "not closed",
        "closed": "closed (no. {revision}, {at})",
        "sales": "Sales",
        "discounts": "discounts in them",
        "voids": "Voids",
        "refunds": "Refunds",
        "net": "Net sales",
        "tax": "At {rate} (tax {tax} within)",
        "tax_on": "At {rate} (tax {tax} on top)",
        "exempt": "Exempt",
        "taxes": "By tax rate",
        "tenders": "By tender",
        "guests": "Guests",
        "parties": "Parties",
        "per_guest": "per guest",
        "per_party": "per party",
        "people": "{count}",
        "groups": "{count}",
        "times": "x{count}",
        "categories": "By category",
        "best": "Products, the best {count}",
        "hours": "By hour",
        "staff": "By staff",
        "none": "(none)",
        "before": "Voided before payment",
        "aborts": "Aborted checks",
        "drawer": "Cash",
        "float": "Float",
        "cash_in": "Cash in",
        "cash_out": "Cash out",
        "openings": "Drawer opened",
        "settled": "Settled {register_id} no. {number}",
        "expected": "expected",
        "counted": "counted",
        "over_short": "over/short",
        "unsettled": "Registers not settled",
        "open_checks": "Checks still open",
        "deposits": "Deposits",
        "accounts": "On account",
        "deferred": "Deferred payments",
        "taken": "taken",
        "given_back": "given back",
        "used": "used for sales",
        "charged": "sold on account",
        "taken_off": "voided or refunded",
        "received": "received",
        "reversed": "booked back",
        "begun": "begun",
        "settled_later": "settled",
        "failed": "failed",
        "cancelled": "cancelled",
        "other_tenders": "Taken for no sale",
        "voucher_surplus": "Vouchers: kept surplus",
        "late": "After closing",
        "frozen": "Net when closed",
        "unsent": "Unsent",
        "agrees": "The cloud agrees",
        "differs": "The cloud does not agree",
        "uncompared": "Not compared with the cloud",
    },
}


def daily(
    report: DayReport,
    *,
    store_name: str,
    currency: str,
    unsettled: Iterable[str],
    open_checks: int,
    unsent: int,
    agrees: bool | None,
    categories: Names = NO_NAMES,
    staff: Names = NO_NAMES,
) -> dict[str, Any]:
    """The day report with what else a manager asks at its end. agrees: the last comparison with the cloud."""
    whole = view(report, categories=categories, staff=staff)
    products = sorted(whole.pop("products"), key=lambda row: (-row["amount"], row["product_id"]))
    whole.pop("devices")
    return {
        "store_name": store_name,
        "currency": currency,
        **whole,
        "best": products[:BEST],
        "unsettled": list(unsettled),
        "open_checks": open_checks,
        "unsent": unsent,
        "agrees": agrees,
    }


def daily_text(day: dict[str, Any], language: Language, columns: int = COLUMNS) -> str:
    """The daily report as lines of at most so many columns; Japanese characters take two."""
    words = _WORDS[language]

    def money(amount: int) -> str:
        return format_money(amount, day["currency"])

    def row(name: str, right: str) -> list[str]:
        return sides(words.get(name, name), right, columns)

    def part(name: str, rows: list[str], **more: Any) -> list[str]:
        head = f"【{words[name].format(**more)}】" if language == "ja" else f"[{words[name].format(**more)}]"
        return ["", head, *(rows or [words["none"]])]

    def times(count: int, amount: int) -> str:
        return f"{words['times'].format(count=count)} {money(amount)}"

    closing = day["closings"][-1] if day["closings"] else None
    state = words["closed"].format(**closing) if closing else words["open"]
    page = [center(day["store_name"], columns), center(words["title"], columns)]
    page += [*row("date", day["business_date"]), *sides("", state, columns), "-" * columns]
    for name in ("sales", "discounts", "voids", "refunds"):
        sign = 1 if name == "sales" else -1
        page += row(name, times(day[name]["count"], sign * day[name]["total"]))
    page += row("net", money(day["net"]["total"]))
    guests = day["guests"]
    page += [*row("guests", words["people"].format(count=guests["guests"]))]
    page += [*row("parties", words["groups"].format(count=guests["parties"]))]
    for name in ("per_guest", "per_party"):
        page += row(name, "-" if guests[name] is None else money(guests[name]))
    page += part("taxes", [line for tax in day["taxes"] for line in _tax(tax, words, money, columns)])
    tenders = [(one["name"], times(one["count"], one["amount"])) for one in day["tenders"]]
    page += part("tenders", _table(tenders, columns))
    page += part("categories", _amounts(day["categories"], "category_id", money, columns))
    page += part("best", _amounts(day["best"], "product_id", money, columns), count=len(day["best"]))
    hours = [(f"{one['hour']:02}:00", times(one["count"], one["total"])) for one in day["hours"]]
    page += part("hours", _table(hours, columns))
    people = [(one["name"] or one["staff_id"], times(one["sales"], one["total"])) for one in day["staff"]]
    if people:
        page += part("staff", _table(people, columns))
    for name in ("deposits", "accounts", "deferred"):
        rows = [
            (words["settled_later" if kind == "settled" else kind], times(one["count"], one["total"]))
            for kind, one in day[name].items()
            if one["count"]
        ]
        if rows:
            page += part(name, _table(rows, columns))
    others = [(one["name"], times(one["count"], one["amount"])) for one in day["other_tenders"]]
    if others:
        page += part("other_tenders", _table(others, columns))
    page += part("drawer", _drawer(day, words, money, columns))
    page.append("-" * columns)
    page += row("before", times(day["line_voids"]["quantity"], day["line_voids"]["amount"]))
    page += row("aborts", times(day["aborts"]["count"], day["aborts"]["total"]))
    if day["voucher_surplus"]["count"]:
        surplus = day["voucher_surplus"]
        page += row("voucher_surplus", times(surplus["count"], surplus["total"]))
    if day["unsettled"]:
        page += row("unsettled", ", ".join(day["unsettled"]))
    page += row("open_checks", words["times"].format(count=day["open_checks"]))
    if closing:
        page += row("frozen", money(closing["net"]))
        page += row("late", times(day["late"]["count"], day["late"]["total"]))
    page += row("unsent", words["times"].format(count=day["unsent"]))
    page.append(words["uncompared" if day["agrees"] is None else "agrees" if day["agrees"] else "differs"])
    return "\n".join(page) + "\n"


def _tax(row: dict[str, Any], words: dict[str, str], money: Any, columns: int) -> list[str]:
    if row["rate"] is None:
        return sides(words["exempt"], money(row["taxable"]), columns)
    name = words["tax" if row["included"] else "tax_on"]
    return sides(
        name.format(rate=percent(row["rate"]), tax=money(row["tax"])), money(row["taxable"]), columns
    )


def _amounts(rows: list[dict[str, Any]], key: str, money: Any, columns: int) -> list[str]:
    pairs = [(row["name"] or row[key] or "-", f"{row['quantity']:,} {money(row['amount'])}") for row in rows]
    return _table(pairs, columns)


def _table(pairs: Iterable[tuple[str, str]], columns: int) -> list[str]:
    return [line for left, right in pairs for line in sides(left, right, columns)]


def _drawer(day: dict[str, Any], words: dict[str, str], money: Any, columns: int) -> list[str]:
    moves = day["drawer"]
    page = []
    for name, field in (("float", "floats"), ("cash_in", "cash_in"), ("cash_out", "cash_out")):
        page += sides(words[name], money(moves[field]), columns)
    page += sides(words["openings"], words["times"].format(count=moves["openings"]), columns)
    for one in day["settlements"]:
        page.append(words["settled"].format(**one))
        for name in ("expected", "counted", "over_short"):
            page += sides(f"  {words[name]}", money(one[name]), columns)
    return page
