"""A hundred thousand products: import, the menu's answer, memory, and what devices notice of it."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from bench import boxes, machine
from bench.boxes import Server
from bench.context import Bench
from bench.results import Row, median, p

SECTION = "scale"
PRODUCTS = 100_000
ASKED = 50


def run(bench: Bench) -> list[Row]:
    """One round: the import alone takes several seconds."""
    data = bench.folder("scale")
    file = bench.work / "products.csv"
    write_products(file, 2_000 if bench.backlog_entries < 50_000 else PRODUCTS)
    hub = boxes.start_hub(data, core=bench.hub_core)
    try:
        said = boxes.say("hub", "device", "add", "--data", str(data), "--name", "bench", "--role", "handheld")
        token = said.split("token=")[1].strip()
        bench.note("importing products")
        with Asking(hub, token) as asking:
            start = time.perf_counter()
            boxes.say("hub", "import", str(file), "--data", str(data))
            took_s = time.perf_counter() - start
        resident = machine.resident_mb(hub.pid)
        first_ms, etag, size = ask(hub, token, "/v1/menu", {"Accept-Encoding": "gzip"})
        again = [ask(hub, token, "/v1/menu", {"Accept-Encoding": "gzip"})[0] for _ in range(ASKED)]
        unchanged = [ask(hub, token, "/v1/menu", {"If-None-Match": etag})[0] for _ in range(ASKED)]
    finally:
        hub.program.stop()
    start = time.perf_counter()
    hub = boxes.start_hub(data, core=bench.hub_core)
    started_s = time.perf_counter() - start
    hub.program.stop()
    return [
        Row(SECTION, "import of the products, while devices ask", took_s, " s", f"{PRODUCTS:,} lines of CSV"),
        Row(SECTION, "longest answer to a device meanwhile", max(asking.took_ms), " ms", "GET /v1/checks"),
        Row(SECTION, "resident memory with them", resident, " MB"),
        Row(SECTION, "menu, unchanged (ETag), p99", p(unchanged, 0.99), " ms", "304", at_most=50.0),
        Row(SECTION, "menu in gzip, the first time", first_ms, " ms", f"{size / 1e6:.1f} MB"),
        Row(SECTION, "menu in gzip, again, p50", median(again), " ms", "made once a version"),
        Row(SECTION, "start to ready with them", started_s, " s"),
    ]


def write_products(file: Path, count: int) -> None:
    lines = (
        f"p-{n:06d},{4900000000000 + n},商品 {n} 醤油ラーメン,ショウユラーメン{n},分類{n % 40},{100 + n % 900},food\n"
        for n in range(count)
    )
    file.write_text("id,code,name,kana,category,price,tax_class\n" + "".join(lines), encoding="utf-8")


def ask(hub: Server, token: str, path: str, headers: dict[str, str]) -> tuple[float, str, int]:
    """Milliseconds, ETag and bytes of an answer."""
    request = urllib.request.Request(hub.url + path, headers={"Authorization": f"Bearer {token}", **headers})  # noqa: S310
    start = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            body = answer.read()
            etag = answer.headers.get("etag", "")
    except urllib.error.HTTPError as answer:
        if answer.code != 304:
            raise
        body, etag = b"", answer.headers.get("etag", "")
    return 1000 * (time.perf_counter() - start), etag, len(body)


class Asking:
    """A device that asks every 20 ms for as long as the block lasts."""

    def __init__(self, hub: Server, token: str) -> None:
        self.took_ms: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(hub, token))

    def _run(self, hub: Server, token: str) -> None:
        while not self._over.wait(0.02):
            self.took_ms.append(ask(hub, token, "/v1/checks", {})[0])

    def __enter__(self) -> Asking:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
