"""A hundred thousand customers: how long the import, a start, the index and a search take, and what memory it costs.

`python -m bench.customers [COUNT]` states the figures of docs/customers.md; nothing is asserted. The hub is a real
process over HTTP on loopback; its data are thrown away.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx

SEARCHES: Final = 1000
FAMILIES: Final = (
    ("佐藤", "サトウ"), ("鈴木", "スズキ"), ("高橋", "タカハシ"), ("田中", "タナカ"), ("伊藤", "イトウ"),
    ("渡辺", "ワタナベ"), ("山本", "ヤマモト"), ("中村", "ナカムラ"), ("小林", "コバヤシ"), ("加藤", "カトウ"),
)  # fmt: skip
SYLLABLES: Final = "アイウエオカキクケコサシスセソタチツテトナニノハヒフホマミムメモヤユヨラリルレロワ"


def people(count: int) -> Iterator[tuple[str, ...]]:
    dice = random.Random(1)
    for number in range(count):
        name, kana = dice.choice(FAMILIES)
        given = "".join(dice.choices(SYLLABLES, k=dice.randint(2, 4)))
        phone = f"090-{dice.randrange(10_000):04d}-{dice.randrange(10_000):04d}"
        yield (
            f"k-{number:06d}",
            f"M{number:06d}",
            f"{name} {given}",
            f"{kana} {given}",
            phone,
            f"28{number:08d}",
            "0",
        )


def queries(found: list[tuple[str, ...]]) -> Iterator[str]:
    """What staff types: parts of a name, of a phone, a whole card, a code; and now and then what nobody has."""
    dice = random.Random(2)
    for number in range(SEARCHES):
        _, code, name, kana, phone, card, _ = dice.choice(found)
        yield (
            kana.replace(" ", "")[:4], phone[-4:], card, code, name.split()[0], f"{name.split()[0]} {phone[-4:]}",
            "ンンン", phone.replace("-", ""),
        )[number % 8]  # fmt: skip


def rss_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def storehub(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "hub", *arguments, "--data", str(folder)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


async def measure(count: int, folder: Path) -> None:
    found = list(people(count))
    file = folder / "customers.csv"
    file.write_text(
        "id,code,name,kana,phone,card,points\n" + "".join(",".join(row) + "\n" for row in found),
        encoding="utf-8",
    )
    data = folder / "data"
    began = time.monotonic()
    storehub(data, "import", str(file))
    print(f"import of {count:,} customers   {time.monotonic() - began:8.1f} s")
    token = (
        storehub(data, "device", "add", "--name", "bench", "--role", "handheld").split("token=")[1].strip()
    )
    began = time.monotonic()
    hub = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub", "run", "--http", "--no-mdns", "--port", "0", "--data", str(data),
        stdout=asyncio.subprocess.PIPE, env={**os.environ},
    )  # fmt: skip
    try:
        assert hub.stdout is not None
        base = (await hub.stdout.readline()).decode().split()[2]
        print(f"start until ready             {time.monotonic() - began:8.2f} s  {rss_mb(hub.pid):6.0f} MB")
        headers = {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=base, headers=headers) as http:
            for _ in range(2000):
                if (await http.get("/v1/customers?q=k")).json()["complete"]:
                    break
                await asyncio.sleep(0.05)
            print(
                f"start until all are found     {time.monotonic() - began:8.2f} s  {rss_mb(hub.pid):6.0f} MB"
            )
            took = []
            worked = processor_s(hub.pid)
            hits = 0
            for query in queries(found):
                asked = time.perf_counter()
                answer = await http.get(f"/v1/customers?q={quote(query)}")
                took.append((time.perf_counter() - asked) * 1000)
                hits += len(json.loads(answer.content)["customers"])
        worked = (processor_s(hub.pid) - worked) / SEARCHES * 1000
        took.sort()
        middle, high = took[SEARCHES // 2], took[-SEARCHES // 100]
        print(
            f"search, {SEARCHES:,} over HTTP        p50 {middle:.1f} ms, p99 {high:.1f} ms,"
            f" most {took[-1]:.1f} ms; {hits / SEARCHES:.1f} found each;"
            f" {worked:.1f} ms of the processor each; {rss_mb(hub.pid):.0f} MB"
        )
    finally:
        hub.send_signal(signal.SIGTERM)
        await hub.wait()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="storehub-bench-") as place:
        asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, Path(place)))
