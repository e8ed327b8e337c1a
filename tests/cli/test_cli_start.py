"""A start imports only what the first order needs: imports are nearly all of its time (docs/performance.md)."""

from __future__ import annotations

import subprocess
import sys

# What each of them is there for comes later, or never: other commands, the cloud, TLS's issuing, mDNS, pictures, pages;
# FastAPI while the first orders are taken.
LATER = {
    "hub.cli.demo", "hub.cli.doctor", "hub.cli.status", "hub.api.openapi", "hub.api.schemas", "hub.api.metrics",
    "hub.api.app", "hub.upstream.service", "hub.setup.page", "hub.doctor", "hub.domain.csv_kinds",
    "PIL", "cryptography", "fastapi", "httpx", "prometheus_client", "pydantic", "rich", "segno", "starlette",
    "zeroconf", "zstandard",
}  # fmt: skip


def test_a_start_leaves_to_later_what_comes_later() -> None:
    code = "import sys, hub.__main__, hub.cli.run, hub.serve; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not LATER & set(imported.split())
