"""The real entry point as a process, and a store that has sold something."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner, Result

from hub.cli import main

FOREIGN = ("STOREHUB_", "LC_", "LANG")
MENU = {
    "categories": [{"id": "c-1", "name": "Food"}],
    "products": [
        {"id": "p-1", "name": "Ramen", "category_id": "c-1", "price": 900},
        {"id": "p-2", "name": "Gyoza", "category_id": "c-1", "price": 450},
    ],
    "tax_rates": [{"tax_class": "standard", "rate": "0.10", "from": "2019-10-01T00:00:00+09:00"}],
    "tables": [{"id": "t-1", "name": "1", "area": ""}],
}


@dataclass
class Hub:
    url: str
    hub_id: str
    process: subprocess.Popen[str]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=20)


@dataclass
class Storehub:
    """storehub on one data directory. run() stays in this process: starting Python would take most of the time."""

    data: Path

    def run(self, *arguments: str, data: Path | None = None, **environment: str) -> Result:
        with ExitStack() as stack:
            for name in [name for name in os.environ if name.startswith(FOREIGN)]:
                stack.callback(os.environ.__setitem__, name, os.environ.pop(name))
            runner = CliRunner(env={"STOREHUB_DATA": str(data or self.data), **environment})
            return runner.invoke(main, arguments, prog_name="storehub")

    def process(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """As a person starts it."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        return subprocess.run(
            [sys.executable, "-m", "hub", *arguments],
            env={**clean, "STOREHUB_DATA": str(self.data)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def ok(self, *arguments: str, data: Path | None = None) -> str:
        done = self.run(*arguments, data=data)
        assert done.exit_code == 0, (arguments, done.stdout, done.stderr, done.exception)
        return done.stdout

    def json(self, *arguments: str, data: Path | None = None) -> Any:
        return json.loads(self.ok(*arguments, "--json", data=data))

    def no(self, *arguments: str, data: Path | None = None, code: int = 1) -> str:
        """Refused, with a reason: what it said."""
        done = self.run(*arguments, data=data)
        assert done.exit_code == code, (arguments, done.stdout, done.stderr, done.exception)
        assert isinstance(done.exception, SystemExit), done.exception
        return done.stderr or done.stdout


def sold(storehub: Storehub, http: httpx.Client, count: int) -> None:
    menu = storehub.data.parent / "menu.json"
    menu.write_text(json.dumps(MENU))
    storehub.ok("import", str(menu))
    token = storehub.json("device", "add", "--name", "h", "--role", "handheld")["token"]
    for number in range(count):
        headers = {"authorization": f"Bearer {token}", "idempotency-key": f"order-{number}"}
        order = http.post(
            "/v1/orders",
            json={"table_id": "t-1", "lines": [{"product_id": "p-1", "quantity": 1}]},
            headers=headers,
        )
        assert order.status_code == 201, order.text
        sale = {"check_id": order.json()["check_id"], "tenders": [{"method": "cash", "amount": 900}]}
        paid = http.post("/v1/sales", json=sale, headers={**headers, "idempotency-key": f"sale-{number}"})
        assert paid.status_code == 201, paid.text


def hash_chain_holds(lines: list[str]) -> bool:
    from hashlib import sha256

    head = "0" * 64
    for line in lines:
        if json.loads(line)["prevhash"] != head:
            return False
        head = sha256(line.encode()).hexdigest()
    return True
