"""The orders and the menu that every measurement uses: about 1 KB, four lines, options and notes."""

from __future__ import annotations

import datetime
import json
import random
import secrets
import time
from dataclasses import dataclass

# Enough tables that a round of several seconds leaves checks of a believable size: with 64 tables one check
# would grow to hundreds of orders, and a measurement would be of that and of nothing a restaurant does.
TABLES = 6144
ORDERS_A_TABLE = 8
PRODUCTS = 80
LINES = 4

_DISHES = (
    "Ramen 醤油ラーメン",
    "Gyoza 餃子",
    "Karaage 唐揚げ",
    "Edamame 枝豆",
    "Draft beer 生ビール",
    "Oolong tea 烏龍茶",
)
_NOTES = (
    "ねぎ抜き / no spring onion",
    "sauce on the side, extra napkins",
    "アレルギー: えび, かに",
    "cut in four for sharing",
    "serve after the starters please",
)


def menu() -> dict[str, object]:
    """A menu in the shape of ``GET /v1/menu`` that every order of ``Bodies`` fits."""
    groups = [
        {
            "id": f"g-{g}",
            "name": name,
            "min": 0,
            "max": 2,
            "options": [
                {"id": f"g-{g}-o-{o}", "name": label, "price": 50 * o} for o, label in enumerate(labels)
            ],
        }
        for g, (name, labels) in enumerate(
            (("Size", ("regular", "large", "extra")), ("Extra", ("egg", "seaweed", "pork")))
        )
    ]
    products = [
        {
            "id": f"p-{n:03d}",
            "code": f"{4900000000000 + n}",
            "name": f"{_DISHES[n % len(_DISHES)]} {n}",
            "category_id": f"c-{n % 5}",
            "price": 380 + 30 * (n % 40),
            "tax_class": "food" if n % 3 else "standard",
            "tax_included": True,
            "option_group_ids": ["g-0", "g-1"],
            "open_price": False,
            "stock_tracked": False,
            "availability": "orderable",
        }
        for n in range(PRODUCTS)
    ]
    return {
        "version": "bench-1",
        "currency": "JPY",
        "categories": [{"id": f"c-{c}", "name": f"Category {c}"} for c in range(5)],
        "products": products,
        "option_groups": groups,
        "tax_rates": [
            {"tax_class": "standard", "rate": "0.10", "from": "2019-10-01T00:00:00+09:00"},
            {"tax_class": "reduced", "rate": "0.08", "from": "2019-10-01T00:00:00+09:00"},
        ],
        "tables": [{"id": f"t-{t:04d}", "name": f"T{t}", "area": f"area {t // 256}"} for t in range(TABLES)],
        "tender_methods": [{"id": "cash", "name": "現金 Cash", "kind": "cash", "needs_network": False}],
        "staff": [
            {"id": f"s-{s}", "code": f"{s:04d}", "name": f"Staff {s}", "role": "handheld"} for s in range(4)
        ],
    }


@dataclass(frozen=True, slots=True)
class Device:
    """One paired device as the load client needs it."""

    token: str
    tables: tuple[str, ...]


def devices(tokens: list[str], count: int) -> list[Device]:
    """``count`` connections, each with a token and tables of its own."""
    share = max(1, TABLES // count)
    return [
        Device(tokens[n % len(tokens)], tuple(f"t-{(n * share + k) % TABLES:04d}" for k in range(share)))
        for n in range(count)
    ]


def order_body(rng: random.Random, table_id: str) -> dict[str, object]:
    """One order; line ids hold ``%b`` where a request's own time-ordered part goes."""
    lines = [
        {
            "line_id": f"%b-8{secrets.token_hex(2)[:3]}-{secrets.token_hex(6)}",
            "product_id": f"p-{rng.randrange(PRODUCTS):03d}",
            "quantity": rng.randint(1, 3),
            "options": [
                {"option_id": f"g-0-o-{rng.randrange(3)}", "quantity": 1},
                {"option_id": f"g-1-o-{rng.randrange(3)}", "quantity": 1},
            ],
            "note": rng.choice(_NOTES),
            "seat": str(rng.randint(1, 6)),
            "course": "main",
        }
        for _ in range(LINES)
    ]
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {
        "table_id": table_id,
        "guests": rng.randint(1, 6),
        "staff_id": f"s-{rng.randrange(4)}",
        "ordered_at": now,
        "lines": lines,
    }


# One counter for the process stands in for the clock of a UUIDv7, so that keys of all devices are unique and
# time-ordered, as real ones are; drawing 50 random bits a request would cost the client a tenth of its speed.
_clock = time.time_ns() // 1_000_000


def next_stamp() -> bytes:
    """The time-ordered front of the next UUIDv7: ``xxxxxxxx-xxxx-7xxx``; unique in this process."""
    global _clock
    _clock += 1
    t = b"%012x" % _clock
    return t[:8] + b"-" + t[8:] + b"-7000"


class Requests:
    """The whole bytes of one device's requests, one after the other; each call gives a fresh order.

    A device serves a table for ``ORDERS_A_TABLE`` orders and goes on to its next one, as a waiter does: the
    checks that change within one moment are then about as many as the devices, not as the orders.
    """

    def __init__(
        self,
        device: Device,
        rng: random.Random,
        *,
        path: str = "/v1/orders",
        settles: bool = False,
        first_table: int = 0,
    ) -> None:
        self._templates = [self._template(device, rng, path, table_id) for table_id in device.tables]
        self._head = _head(device, "/v1/sales")
        self._settles = settles
        self._count = first_table * ORDERS_A_TABLE

    def __call__(self) -> bytes:
        template = self._templates[self._count // ORDERS_A_TABLE % len(self._templates)]
        self._count += 1
        s = next_stamp()
        return template % (s, s, s, s, s)

    def settling(self, answer: bytes) -> bytes | None:
        """The sale that settles the check of the order just answered, if its table is done."""
        if not self._settles or self._count % ORDERS_A_TABLE or answer[9:12] != b"201":
            return None
        check = json.loads(answer[answer.index(b"\r\n\r\n") :])
        total = check["check_total"]
        body = {
            "check_id": check["check_id"],
            "tenders": [{"method": "cash", "amount": total, "tendered": total}],
        }
        encoded = json.dumps(body, separators=(",", ":")).encode()
        return self._head % (next_stamp(), len(encoded)) + encoded

    @staticmethod
    def _template(device: Device, rng: random.Random, path: str, table_id: str) -> bytes:
        body = json.dumps(order_body(rng, table_id), ensure_ascii=False, separators=(",", ":")).encode()
        length = len(body) + LINES * (len(b"00000000-0000-7000") - len(b"%b"))
        return _head(device, path) % (b"%b", length) + body


def _head(device: Device, path: str) -> bytes:
    """Up to the body, with places for the key's time-ordered part and the length."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {device.token}\r\n"
        f"Idempotency-Key: %b-9{secrets.token_hex(2)[:3]}-{secrets.token_hex(6)}\r\n"
        "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    ).encode()
