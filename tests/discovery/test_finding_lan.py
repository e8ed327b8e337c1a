"""A paired handheld and the real hub on a LAN: a new lease, and multicast that does not pass."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.control import ask
from tests.discovery.test_discovery_lan import until
from tests.discovery.test_doctor_lan import environment, run_hub
from tests.support.netns import Host, Lan, why_not

pytestmark = pytest.mark.netns

HANDHELD = Path(__file__).with_name("handheld.py")
CHANGES: list[dict[str, Any]] = [
    {"kind": "category", "id": "c-1", "value": {"id": "c-1", "name": "Food"}},
    {
        "kind": "product",
        "id": "p-1",
        "value": {"id": "p-1", "name": "Ramen", "category_id": "c-1", "price": 900},
    },
    {"kind": "table", "id": "t-1", "value": {"id": "t-1", "name": "1", "area": ""}},
]


@pytest.fixture
def lan() -> Iterator[Lan]:
    reason = why_not("nft")
    if reason:
        pytest.skip(reason)
    with Lan(ipv6=False) as lan:
        yield lan


class Handheld:
    def __init__(
        self, host: Host, tmp_path: Path, url: str, look: dict[str, Any], token: str, *mistake: str
    ) -> None:
        facts = tmp_path / "data/tls/ca.pem"
        from hub.tls.authority import fingerprint_of

        with (tmp_path / "handheld.log").open("w") as log:
            self.process = host.popen(
                *(sys.executable, HANDHELD, url, fingerprint_of(facts.read_text()), token, look["hub"]["id"]),
                *mistake,
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def do(self, command: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found


def asked(tmp_path: Path, do: str, **parameters: Any) -> Any:
    return asyncio.run(ask(tmp_path / "data/control.sock", do, **parameters))


def test_a_new_lease_and_a_lan_without_multicast(lan: Lan, tmp_path: Path) -> None:
    hub, hand = lan.host("hub", "10.91.0.2/24"), lan.host("hand", "10.91.0.11/24")
    run_hub(hub, tmp_path)
    asked(tmp_path, "master.apply", changes=CHANGES)
    token = asked(tmp_path, "device.add", name="h", role="handheld")["token"]
    look = asked(tmp_path, "look")
    handheld = Handheld(hand, tmp_path, "https://10.91.0.2:8443", look, token)
    assert handheld.do("order")["seq"] > 0

    # The router gives the box another address in the middle of service: what is sent is sent, the feed goes on.
    hub.set_address("10.91.0.50/24")
    said = handheld.do("order")
    assert said["urls"][0] == "https://10.91.0.50:8443"
    assert said["took_s"] < 45
    last = said["seq"]
    until(lambda: last in handheld.do("feed")["heard"], 20, "the feed from the new address")
    heard = handheld.do("feed")["heard"]
    assert heard == sorted(set(heard)), "nothing twice"
    assert asked(tmp_path, "look")["base_url"] == "https://10.91.0.50:8443", (
        "what the console and its QR code show"
    )

    # An access point that eats multicast: the remembered address is enough.
    for host in (hub, hand):
        rules = tmp_path / f"{host.name}.nft"
        rules.write_text(
            "table inet f {\n chain o {\n type filter hook output priority 0;\n udp dport 5353 drop\n }\n}\n"
        )
        assert host.run("nft", "-f", rules).returncode == 0
    found = handheld.do("find")
    assert found["url"] == "https://10.91.0.50:8443"
    assert found["took_s"] < 3

    # Both at once: only a person with the QR code helps. That it is found means that the certificate names the address.
    hub.set_address("10.91.0.60/24")
    until(lambda: asked(tmp_path, "look")["base_url"] == "https://10.91.0.60:8443", 20, "the new address")
    assert "error" in handheld.do("find")
    assert handheld.do("find https://10.91.0.60:8443")["url"] == "https://10.91.0.60:8443"
