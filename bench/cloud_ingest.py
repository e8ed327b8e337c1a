"""How fast the cloud end stores entries durably: one hub, batches of 2,000 of about 1.8 KB, zstd.

    python bench/cloud_ingest.py [--entries 60000] [--batch 2000] [--encoding zstd] [--db URL] [--json]

Starts `storehub-cloud run` as its own process and posts over loopback. The journal is made and compressed before
the clock starts, so the figure is the cloud's: receive, decompress, verify (form, numbers, SHA-256 chain), insert,
commit with a sync, answer. `cpu` is the service's own CPU time a thousand entries; `disk` what it wrote to the device.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

import httpx
import zstandard

_MENU = ["生ビール", "枝豆", "唐揚げ", "刺身盛り合わせ", "焼き鳥", "だし巻き卵", "ポテトサラダ", "ハイボール"]


def journal(count: int) -> list[bytes]:
    """Entries like the hub's: an order with four priced lines, every fifth one a sale."""
    entries, prevhash = [], "0" * 64
    for seq in range(1, count + 1):
        sale = seq % 5 == 0
        lines = [
            {
                "line_id": f"0198f3a2-{seq:08x}-7{n:03x}", "product_id": f"p-{1200 + n}", "name": _MENU[(seq + n) % 8],
                "quantity": 1 + n % 2, "unit_price": 550 + 10 * n, "amount": (550 + 10 * n) * (1 + n % 2),
                "tax_class": "food", "tax_rate": "0.10", "options": [{"option_id": f"o-{n}", "quantity": 1}],
                "note": "", "seat": n, "course": 1,
            }
            for n in range(4)
        ]  # fmt: skip
        event = {
            "specversion": "1.0", "id": f"a1b2c3d4e5f60718-{seq}", "source": "/stores/shibuya/hubs/hub-1",
            "type": f"storehub.{'sale.completed' if sale else 'order.placed'}.v1", "subject": f"c-{seq // 3}",
            "time": "2026-08-01T19:03:11.123+09:00", "datacontenttype": "application/json", "seq": seq,
            "epoch": "a1b2c3d4e5f60718", "prevhash": prevhash, "businessdate": "2026-08-01", "deviceid": "d-07",
            "staffid": "st-3", "idempotencykey": sha256(b"%d" % seq).hexdigest()[:32],
            "requesthash": sha256(b"r%d" % seq).hexdigest(), "bootid": "0d9f6c1e", "monotonicms": str(seq * 997),
            "timetrusted": True,
            "data": {"order_id": f"0198f3a2-{seq:08x}", "check_id": f"c-{seq // 3}", "lines": lines, "total": 4200},
        }  # fmt: skip
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        prevhash = sha256(body).hexdigest()
        entries.append(body)
    return entries


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entries", type=int, default=60_000)
    parser.add_argument("--batch", type=int, default=2_000)
    parser.add_argument("--encoding", choices=["zstd", "gzip", "identity"], default="zstd")
    parser.add_argument("--db", help="default: SQLite in a temporary folder")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    entries = journal(args.entries)
    encode = {"zstd": zstandard.compress, "gzip": lambda raw: gzip.compress(raw, 6), "identity": bytes}[
        args.encoding
    ]
    batches = [
        (at + 1, encode(b"\n".join(entries[at : at + args.batch]) + b"\n"))
        for at in range(0, len(entries), args.batch)
    ]
    runs = sorted(
        (measure(args, batches, len(entries)) for _ in range(args.runs)), key=lambda run: run["entries_s"]
    )
    middle = runs[len(runs) // 2]
    if args.json:
        print(json.dumps(middle))
        return
    size = sum(map(len, entries)) / len(entries)
    print(
        f"{args.entries:,} entries of {size:.0f} bytes, {args.batch:,} a batch, {args.encoding}; of {args.runs} runs"
    )
    for name, value in middle.items():
        print(f"  {name:28} {value:>12,.1f}")


def measure(args: argparse.Namespace, batches: list[tuple[int, bytes]], count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        db = args.db or f"sqlite:///{folder}/cloud.db"
        program = [sys.executable, "-m", "cloud"]
        added = subprocess.run(
            [*program, "hub", "add", "--store", "bench", "--db", db],
            check=True,
            capture_output=True,
            text=True,
        )
        hub, token = (word.partition("=")[2] for word in added.stdout.split())
        service = subprocess.Popen(
            [*program, "run", "--db", db, "--port", "0"], stdout=subprocess.PIPE, text=True
        )
        try:
            assert service.stdout is not None
            base = service.stdout.readline().split()[-1]
            with httpx.Client(
                base_url=f"{base}/v1/hubs/{hub}/", headers={"Authorization": f"Bearer {token}"}, timeout=60
            ) as http:
                after = {"epoch": "", "seq": 0, "hash": "0" * 64}
                http.post("epochs", json={"epoch": "a1b2c3d4e5f60718", "after": after}).raise_for_status()
                idle_mb, cpu, written = _rss_mb(service.pid), _cpu_s(service.pid), _written(service.pid)
                begun, waits = time.perf_counter(), []
                for first_seq, body in batches:
                    sent = time.perf_counter()
                    answer = http.post("entries", content=body, headers={
                        "Content-Type": "application/x-ndjson", "Content-Encoding": args.encoding,
                        "Storehub-Epoch": "a1b2c3d4e5f60718", "Storehub-First-Seq": str(first_seq),
                    })  # fmt: skip
                    answer.raise_for_status()
                    waits.append(time.perf_counter() - sent)
                took = time.perf_counter() - begun
                assert answer.json()["seq"] == count
                cpu_s, disk = _cpu_s(service.pid) - cpu, _written(service.pid) - written
                asked = time.perf_counter()
                totals = http.get("totals/2026-08-01").json()
                totals_ms = 1000 * (time.perf_counter() - asked)
                assert (totals["entries"], totals["sales"]) == (count, count // 5), totals
                waits.sort()
                return {
                    "entries_s": count / took,
                    "batch p50 ms": 1000 * waits[len(waits) // 2],
                    "batch max ms": 1000 * waits[-1],
                    "cpu ms a 1000 entries": 1_000_000 * cpu_s / count,
                    "disk bytes an entry": disk / count,
                    "idle RSS MB": idle_mb,
                    "RSS MB after": _rss_mb(service.pid),
                    "totals of the day ms": totals_ms,
                }
        finally:
            service.send_signal(signal.SIGTERM)
            service.wait(30)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _written(pid: int) -> int:
    return int(Path(f"/proc/{pid}/io").read_text().partition("\nwrite_bytes: ")[2].split()[0])


def _rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
