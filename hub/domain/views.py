"""What readers see: the menu, a check and a sale as plain JSON values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from hub.domain.check import Check, Line, SharePlan
from hub.domain.evolve_price import standing_discounts
from hub.domain.goods import Goods
from hub.domain.kitchen import state_of
from hub.domain.menu import Option, OptionGroup, Product, SetSlot
from hub.domain.menu_offers import Coupon
from hub.domain.plan import PlanRun
from hub.domain.reckoning import Reckoning, SaleLine
from hub.domain.sale import Sale
from hub.domain.state import State


def check_view(check: Check, *, lines: Iterable[Line] | None = None) -> dict[str, Any]:
    """A check as GET /v1/checks/{id} shows it, or with these lines only. `sums` are the hub's own and stay out."""
    shown = check.lines if lines is None else lines
    return {
        "check_id": check.check_id,
        "check_no": check.check_no,
        "business_date": check.business_date,
        "status": check.status,
        "version": check.version,
        "table_ids": list(check.table_ids),
        "guests": check.guests,
        "name": check.name,
        "dining": check.dining,
        "opened_at": check.opened_at,
        "lines": [line_view(line) for line in shown],
        "discounts": [msgspec.to_builtins(one) for one in standing_discounts(check)],
        "price_list": check.price_list,
        "total": check.total,
        "due": check.due,
        "charges": [] if check.bill is None else [line_view(line) for line in check.bill.charges],
        "plans": [plan_view(run) for run in check.plans],
        "stay_notice_at": check.stay_notice_at,
        "ended_at": check.ended_at,
        "sale_id": check.sale_id,
        "merged_into": check.merged_into,
        "split_from": check.split_from,
        "reason": check.reason,
        "shared": check.shared,
        "customer_groups": check.customer_groups,
        "shares": None if check.shares is None else shares_view(check.shares, check.due),
    }


def shares_view(plan: SharePlan, due: int) -> dict[str, Any]:
    """each: what everyone pays as the check stands now; null when the agreed amounts do not fit it any more."""
    return {"parts": plan.parts, "amounts": plan.amounts, "each": plan.of(due)}


def plan_view(run: PlanRun) -> dict[str, Any]:
    """A plan on a check: its times are the hub's, and the same on every device."""
    return {
        "plan_id": run.plan_id,
        "product_id": run.product_id,
        "name": run.name,
        "guests": run.guests,
        "line_id": run.line_id,
        "started_at": run.started_at,
        "notice_at": run.notice_at,
        "last_order_at": run.last_order_at,
        "ends_at": run.ends_at,
        "extended_minutes": run.extended_minutes,
        "stopped_at": run.stopped_at,
        "reason": run.reason,
        "product_ids": list(run.terms.product_ids),
        "category_ids": list(run.terms.category_ids),
    }


def bill_view(check: Check, bill: Reckoning) -> dict[str, Any]:
    """What the check comes to when it is paid: the same figures as its sale will have."""
    return {
        "check_id": check.check_id,
        "check_version": check.version,
        "lines": [msgspec.to_builtins(line) for line in bill.lines],
        "subtotal": bill.subtotal,
        "discount": bill.discount,
        "discounts": [msgspec.to_builtins(one) for one in bill.discounts],
        "taxes": [msgspec.to_builtins(row) for row in bill.taxes],
        "total": bill.total,
    }


def sale_view(sale: Sale) -> dict[str, Any]:
    """A sale as GET /v1/sales/{id} shows it: the answer it was given, and what has become of it."""
    view: dict[str, Any] = {
        "status": sale.status,
        "discounts": [],
        "points_used": sale.points_used,
        "refunds": [],
        "refunded": sale.refunded_total,
        "flags": [],
        "guests": sale.guests,
        "late": sale.late,
        "customer_id": sale.customer_id,
        "taken": None,
        **msgspec.to_builtins(sale),
    }
    view["lines"] = [sale_line_view(sale, line) for line in sale.lines]
    view.pop("returned", None)
    view.pop("trail", None)
    return view


def sale_line_view(sale: Sale, line: SaleLine) -> dict[str, Any]:
    return {**msgspec.to_builtins(line), "refunded": sale.returned.get(line.line_id, 0)}


def line_view(line: Line) -> dict[str, Any]:
    view: dict[str, Any] = msgspec.to_builtins(line)
    view["served"] = line.served
    view["status"] = state_of(line).value
    return view


def menu_version(state: State) -> str:
    """Changes whenever anything that menu_view shows does, sold portions included."""
    counters = state.counters.committed
    return f"{counters.get('menu_version', 0)}.{counters.get('stock_version', 0)}"


def menu_view(state: State, *, products: Iterable[Product] | None = None) -> dict[str, Any]:
    """The body of GET /v1/menu, from what is committed; with these products only."""
    shown = state.products.committed.values() if products is None else products
    goods = Goods.of(state)
    return {
        "version": menu_version(state),
        "currency": state.settings.committed.get("currency", "JPY"),
        "categories": _all(state.categories.committed.values()),
        "products": [product_view(product, gone=goods.gone(product)) for product in shown],
        "option_groups": [option_group_view(group) for group in state.option_groups.committed.values()],
        "tax_rates": _all(state.tax_rates.committed.values()),
        "tables": _all(state.tables.committed.values()),
        "tender_methods": _all(state.tender_methods.committed.values()),
        "staff": _all(state.staff.committed.values()),
        "time_bands": _all(state.time_bands.committed.values()),
        "deals": _all(state.deals.committed.values()),
        "coupons": [coupon_view(coupon) for coupon in state.coupons.committed.values()],
    }


def product_view(product: Product, *, gone: bool = False) -> dict[str, Any]:
    """availability as it is in effect: sold out when no portion is left. remaining only when portions are counted.

    gone: its goods are, and no more can be sold than there are.
    """
    view: dict[str, Any] = {
        "id": product.id,
        "code": product.code,
        "name": product.name,
        "kana": product.kana,
        "category_id": product.category_id,
        "price": product.price,
        "tax_class": product.tax_class,
        "tax_included": product.tax_included,
        "option_group_ids": list(product.option_group_ids),
        "open_price": product.open_price,
        "kind": product.kind,
        "stock_tracked": product.stock_tracked,
        "availability": "sold_out" if gone or product.sold_out else "orderable",
    }
    if product.remaining is not None:
        view["remaining"] = product.remaining
    if product.prices:
        view["prices"] = product.prices
    if product.tax_shared:
        view["tax_shared"] = True
    if product.oversell is not None:
        view["oversell"] = product.oversell
    if product.slots:
        view["slots"] = [slot_view(slot) for slot in product.slots]
    if product.plan is not None:
        view["plan"] = msgspec.to_builtins(product.plan)
    if product.custom_contents:
        view["custom_contents"] = [
            {"id": content.id, "name": content.name, "price": content.price}
            for content in product.custom_contents
        ]
    return view


def coupon_view(coupon: Coupon) -> dict[str, Any]:
    """Without its code, which guests bring: the menu is on their tables' tablets too."""
    view: dict[str, Any] = msgspec.to_builtins(coupon)
    del view["code"]
    return view


def slot_view(slot: SetSlot) -> dict[str, Any]:
    return {
        "id": slot.id,
        "name": slot.name,
        "min": slot.min,
        "max": slot.max,
        "course": slot.course,
        "held": slot.held,
        "choices": [{"product_id": choice.product_id, "price": choice.price} for choice in slot.choices],
    }


def option_group_view(group: OptionGroup) -> dict[str, Any]:
    """availability and remaining of each option as of a product."""
    return {
        "id": group.id,
        "name": group.name,
        "min": group.min,
        "max": group.max,
        "options": [option_view(option) for option in group.options],
    }


def option_view(option: Option) -> dict[str, Any]:
    view: dict[str, Any] = {
        "id": option.id,
        "name": option.name,
        "price": option.price,
        "availability": "sold_out" if option.sold_out else "orderable",
    }
    if option.remaining is not None:
        view["remaining"] = option.remaining
    return view


def _all(values: Any) -> list[Any]:
    return [msgspec.to_builtins(value) for value in values]
