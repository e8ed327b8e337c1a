"""schemathesis against a real hub in service: a waiter keeps checks and sales there for it to hit."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.fuzz.things import Things
from tests.support.process import HubProcess, hub_process
from tests.support.rig import ROOT

# The feed has no end, so it has tests of its own. Pausing the replay is harmless where there is none.
EXCLUDED = ("--exclude-path", "/v1/events")
# Left out: a request that fits the schema may well be refused for what is on the check.
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "negative_data_rejection", "missing_required_header", "unsupported_method",
    "allow_header_conformance", "ignored_auth",
)  # fmt: skip
THINGS = 12
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


@dataclass
class Outcome:
    status: int
    said: str
    cases: int
    log: list[str]
    entries: int


class Waiter:
    """Keeps a few open checks with lines, and sales of today, and writes down the ids of everything."""

    def __init__(self, hub: HubProcess, token: str, file: Path) -> None:
        self._http = httpx.AsyncClient(base_url=hub.url, headers={"authorization": f"Bearer {token}"})
        self._hub = hub
        self._file = file
        self._keys = itertools.count()
        self.things = Things(self._post, hub.do)

    async def work(self) -> None:
        try:
            while True:
                await self.look()
                await asyncio.sleep(0.2)
        finally:
            await self._http.aclose()

    async def look(self) -> None:
        checks = [one for one in await self._checks() if one["lines"]]
        for _ in range(4 - len(checks)):
            await self._post("/v1/checks", {"table_ids": [], "guests": 2, "name": "waiter"})
        for check in await self._checks():
            if not check["lines"]:
                order = {"check_id": check["check_id"], "lines": [{"product_id": "salad", "quantity": 9}]}
                await self._post("/v1/orders", order)
        sale = {"lines": [{"product_id": "salad", "quantity": 3}]}
        answer = await self._post("/v1/sales", {**sale, "tenders": [{"method": "cash", "amount": 1050}]})
        if answer.status_code == 422:
            total = answer.json().get("total", 0)
            await self._post("/v1/sales", {**sale, "tenders": [{"method": "cash", "amount": total}]})
        await self.write()

    async def write(self) -> None:
        checks = await self._checks()
        sales = (await self._http.get("/v1/sales")).json()["sales"][-20:]
        gone, _ = await self._hub.device("kitchen")
        known = {
            "sale_id": [one["sale_id"] for one in sales],
            "check_id": [one["check_id"] for one in checks],
        }
        await self.things.grow(known)
        day = sales[-1]["business_date"] if sales else "2026-11-01"
        ids = {
            **self.things.ids(day),
            "check_id": [one["check_id"] for one in checks],
            "versions": {one["check_id"]: one["version"] for one in checks},
            "totals": {one["check_id"]: one["total"] for one in checks},
            "lines": {
                one.get("sale_id") or one["check_id"]: [line["line_id"] for line in one["lines"]]
                for one in (*checks, *sales)
            },
            "sale_id": [one["sale_id"] for one in sales],
            "line_id": [line["line_id"] for one in (*checks, *sales) for line in one["lines"]],
            "product_id": ["salad", "salad", "salad", "beer", "chef"],
            "table_id": [f"t{n}" for n in range(1, 6)],
            "option_id": ["large"],
            "method": ["cash", "cash", "card"],
            "device_id": [gone],
            "code": [(await self._hub.do("device.code", role="handheld"))["code"]],
        }
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(ids))
        fresh.replace(self._file)

    async def _checks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self._http.get("/v1/checks")).json()["checks"]
        return found

    async def _post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return await self._http.post(
            path, json=body, headers={"idempotency-key": f"waiter-{next(self._keys)}"}
        )


async def fuzz(
    folder: Path,
    role: str,
    *,
    examples: int,
    phases: str,
    seed: int,
    more: tuple[str, ...] = (),
    program: tuple[str, ...] = ("hub",),
) -> Outcome:
    """One run as a device of that role. `more`: further options of schemathesis."""
    async with hub_process(folder, program=program) as hub:
        _, own = await hub.device("manager")
        _, token = await hub.device(role, table="t1" if role == "table" else None)
        waiter = Waiter(hub, own, folder / "ids.json")
        await waiter.things.open()
        # Some of everything is there before the first request.
        for _ in range(THINGS):
            await waiter.look()
        working = asyncio.create_task(waiter.work())
        try:
            status, said = await _schemathesis(
                hub.url, folder, token,
                "--phases", phases, "--max-examples", str(examples), "--seed", str(seed), *more,
            )  # fmt: skip
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
        status_now = await hub.do("status")
        found = re.search(r"(\d+) generated", said)
        return Outcome(status, said, int(found[1]) if found else 0, hub.said(), status_now["last_seq"])


async def _schemathesis(url: str, folder: Path, token: str, *options: str) -> tuple[int, str]:
    # Our own status for a missing If-Match (CONTRACT section 1).
    statuses = [400, 401, 403, 404, 405, 406, 409, 412, 415, 422, 428, 429]
    (folder / "schemathesis.toml").write_text(
        f"[checks]\nmissing_required_header.expected-statuses = {statuses}\n"
        f"negative_data_rejection.expected-statuses = {statuses}\n"
    )
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
        "STOREHUB_FUZZ_IDS": str(folder / "ids.json"),
        "PYTHONPATH": str(ROOT),
    }
    process = await asyncio.create_subprocess_exec(
        str(SCHEMATHESIS), "run", f"{url}/openapi.json", "--url", url, "--header", f"Authorization: Bearer {token}",
        "--checks", ",".join(CHECKS), *EXCLUDED, "--no-color", "--generation-database", "none", "--no-shrink",
        "--suppress-health-check", "all", "--continue-on-failure", "--warnings", "off",
        "--request-timeout", "10", *options,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=folder, env=environment,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode(errors="replace")
