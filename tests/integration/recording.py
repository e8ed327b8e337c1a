"""What devices of one version ask and were answered, in a file, and asked again of the hub of today.

    python -m tests.integration.recording FILE     record the requests of this version (make record-devices)

A recording is a list of steps. Ids that the hub made stand in it as `{name}`: each answer gives them anew.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.integration.conftest import Device, Shop, shop_in

# (who, method, path, body, what of the answer is remembered)
SCENE: Final[tuple[tuple[str, str, str, Any, dict[str, str]], ...]] = (
    ("handheld", "GET", "/v1/menu", None, {}),
    ("handheld", "POST", "/v1/checks", {"table_ids": ["t1"], "guests": 2, "dining": "eat_in"}, {"check": "check_id"}),
    ("handheld", "POST", "/v1/orders", {"check_id": "{check}", "lines": [{"product_id": "salad", "quantity": 2,
     "note": "no onions"}, {"product_id": "beer", "quantity": 1}]}, {"order": "order_id", "line": "lines.0.line_id"}),
    ("handheld", "POST", "/v1/orders", {"table_id": "t2", "guests": 3, "lines": [{"line_id": "my-line-1",
     "product_id": "beer", "quantity": 3, "dining": "eat_in"}]}, {"second": "check_id"}),
    ("kitchen", "POST", "/v1/checks/{check}/serve", {"lines": [{"line_id": "{line}", "quantity": 1}]}, {}),
    ("handheld", "POST", "/v1/checks/{check}/void", {"lines": [{"line_id": "{line}", "quantity": 1}],
     "reason": "changed their mind"}, {}),
    ("handheld", "GET", "/v1/checks/{check}", None, {}),
    ("handheld", "GET", "/v1/checks?status=open", None, {}),
    ("handheld", "POST", "/v1/facts", {"type": "x.acme.reservation", "subject": "r1", "data": {"at": "19:00"}}, {}),
    ("kitchen", "PATCH", "/v1/products/salad", {"availability": "sold_out"}, {}),
    ("handheld", "POST", "/v1/orders", {"table_id": "t1", "lines": [{"product_id": "salad", "quantity": 1}]}, {}),
    ("kitchen", "PATCH", "/v1/products/salad", {"availability": "orderable"}, {}),
    ("register", "POST", "/v1/checks/{check}/bill", {}, {}),
    ("register", "POST", "/v1/checks/{check}/reopen", {}, {}),
    ("register", "POST", "/v1/sales", {"check_id": "{check}", "tenders": [{"method": "cash", "amount": 1,
     "tendered": 1}]}, {}),
    ("register", "POST", "/v1/sales", {"check_id": "{check}", "tenders": [{"method": "cash", "amount": 850,
     "tendered": 1000}]}, {"sale": "sale_id", "receipt": "receipt_no"}),
    ("register", "POST", "/v1/sales", {"lines": [{"product_id": "beer", "quantity": 1}], "dining": "takeout",
     "tenders": [{"method": "cash", "amount": 500}]}, {}),
    ("handheld", "GET", "/v1/sales/{sale}", None, {}),
    ("register", "POST", "/v1/sales/{sale}/void", {"reason": "wrong table"}, {}),
    ("register", "POST", "/v1/number-blocks", {"register_id": "r1", "count": 10}, {}),
    ("register", "GET", "/v1/reports/days/{today}", None, {}),
    ("manager", "GET", "/v1/devices", None, {}),
    ("manager", "POST", "/v1/sync/pause", {}, {}),
    ("manager", "POST", "/v1/sync/resume", {}, {}),
    ("handheld", "GET", "/v1/sync", None, {}),
    ("handheld", "POST", "/v1/orders", {"table_id": "t1", "lines": []}, {}),
    ("handheld", "POST", "/v1/orders", {"table_id": "t1", "lines": [{"product_id": "no-such", "quantity": 1}]}, {}),
    ("table", "POST", "/v1/orders", {"lines": [{"product_id": "beer", "quantity": 1}]}, {}),
    ("table", "GET", "/v1/checks", None, {}),
    ("handheld", "GET", "/.well-known/storehub", None, {}),
    ("handheld", "GET", "/v1/nothing", None, {}),
)  # fmt: skip


@dataclass
class Names:
    """What the hub called things this time."""

    known: dict[str, str] = field(default_factory=dict)

    def filled(self, value: Any) -> Any:
        if isinstance(value, str):
            return re.sub(r"\{(\w+)\}", lambda found: self.known.get(found[1], found[0]), value)
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        if isinstance(value, dict):
            return {key: self.filled(item) for key, item in value.items()}
        return value

    def learn(self, answer: Any, capture: dict[str, str]) -> None:
        for name, path in capture.items():
            found = answer
            for part in path.split("."):
                found = found[int(part)] if part.isdigit() else found[part]
            self.known[name] = found

    def hidden(self, value: Any) -> Any:
        """The value with this time's names taken out."""
        if isinstance(value, str):
            for name, own in self.known.items():
                value = value.replace(own, f"{{{name}}}")
            return value
        if isinstance(value, list):
            return [self.hidden(item) for item in value]
        if isinstance(value, dict):
            return {key: self.hidden(item) for key, item in value.items()}
        return value


async def crew(shop: Shop, names: Names) -> dict[str, Device]:
    """One device of each kind that the scene has."""
    made = {role: await shop.device(role) for role in ("handheld", "kitchen", "register", "manager")}  # type: ignore[arg-type]
    made["table"] = await shop.device("table", table_id="t2")
    names.known.update({f"device_{role}": device.device_id for role, device in made.items()})
    names.known["today"] = shop.box.clock.today()
    return made


async def ask(device: Device, step: dict[str, Any], names: Names) -> tuple[int, Any]:
    """The status and the answer, by the recording's names."""
    method, path = step["method"], names.filled(step["path"])
    if method == "GET":
        answer = await device.get(path)
    else:
        answer = await device.post(path, names.filled(step["body"]), method=method)
    said = answer.json() if answer.content else None
    if answer.status_code < 300:
        names.learn(said, step["capture"])
    return answer.status_code, names.hidden(said)


async def record(folder: Path) -> list[dict[str, Any]]:
    names, steps = Names(), []
    async with shop_in(folder) as shop:
        devices = await crew(shop, names)
        for who, method, path, body, capture in SCENE:
            step = {"who": who, "method": method, "path": path, "body": body, "capture": capture}
            status, answer = await ask(devices[who], step, names)
            steps.append({**step, "status": status, "answer": answer})
    return steps


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        steps = asyncio.run(record(Path(folder)))
    Path(sys.argv[1]).write_text(json.dumps(steps, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{len(steps)} requests in {sys.argv[1]}")


if __name__ == "__main__":
    main()
