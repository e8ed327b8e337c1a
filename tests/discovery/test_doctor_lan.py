"""The doctor on a LAN of network namespaces: neighbours, a network that keeps its clients apart, a firewall."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.discovery.test_discovery_lan import Announcer, until
from tests.support.netns import Host, Lan, why_not

pytestmark = pytest.mark.netns

ROOT = Path(__file__).parents[2]


@pytest.fixture
def lan() -> Iterator[Lan]:
    reason = why_not("bridge")
    if reason:
        pytest.skip(reason)
    with Lan(ipv6=False) as lan:
        yield lan


def environment(**more: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STOREHUB_")}
    return {**clean, "PYTHONPATH": str(ROOT), **more}


def run_hub(host: Host, tmp_path: Path, **settings: str) -> None:
    log = tmp_path / "hub.log"
    with log.open("w") as out:
        host.popen(
            *(sys.executable, "-m", "hub", "run", "--data", tmp_path / "data"),
            env=environment(**settings),
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    until(lambda: "announced as" in log.read_text(), 90, f"the hub is announced: {log}")


def examined(host: Host, tmp_path: Path, **settings: str) -> dict[str, dict[str, Any]]:
    command = (sys.executable, "-m", "hub", "doctor", "--json", "--wait", "1.5", "--data", tmp_path / "data")
    done = host.run(*command, env=environment(**settings))
    assert done.returncode in (1, 3), (done.stdout, done.stderr)
    return {check["check"]: check for check in json.loads(done.stdout)["checks"]}


def kept_apart(host: Host, *, apart: bool) -> None:
    """What a guest Wi-Fi does: the switch passes nothing between two ports that are both marked so."""
    command = ("ip", "-n", host.lan.switch, "link", "set", host.port, "type", "bridge_slave", "isolated")
    subprocess.run([*command, "on" if apart else "off"], check=True, capture_output=True)


def test_neighbours_a_guest_network_and_a_firewall(lan: Lan, tmp_path: Path) -> None:
    hub, hand = lan.host("hub", "10.91.0.2/24"), lan.host("hand", "10.91.0.11/24")
    lan.host("gw", "10.91.0.1/24")
    hub.run("ip", "route", "add", "default", "via", "10.91.0.1")
    other = Announcer(hand, tmp_path, box="77777777", hub_id="hub-other")
    other.wait(10, phase="announced")
    run_hub(hub, tmp_path)

    found = examined(hub, tmp_path)
    ids = {name: check["id"] for name, check in found.items()}
    assert ids["addresses"] == "addresses.fine"
    assert ids["certificate"] == "certificate.until"
    assert (ids["mdns"], ids["multicast"], ids["isolation"]) == (
        "mdns.seen",
        "multicast.fine",
        "isolation.none",
    )

    for host in (hub, hand):
        kept_apart(host, apart=True)
    for host in (hub, hand):
        host.run("ip", "neigh", "flush", "dev", "eth0")
    found = examined(hub, tmp_path)
    # The hub's own announcement says nothing about others: alone it would have passed.
    assert found["mdns"]["id"] == "mdns.seen"
    assert (found["multicast"]["id"], found["isolation"]["id"]) == ("multicast.alone", "isolation.alone")
    assert "10.91.0.1" in found["isolation"]["detail"]
    assert "VLAN" in found["isolation"]["advice"]

    if shutil.which("nft") is None:
        pytest.skip("nft is not installed")
    rules = tmp_path / "rules.nft"
    rules.write_text(
        'table inet f {\n chain i {\n type filter hook input priority 0; policy drop;\n iifname "lo" accept\n }\n}\n'
    )
    assert hub.run("nft", "-f", rules).returncode == 0
    assert examined(hub, tmp_path)["firewall"]["id"] == "firewall.closed"
    assert hub.run("nft", "add rule inet f i tcp dport 8443 accept").returncode == 0
    assert hub.run("nft", "add rule inet f i udp dport 5353 accept").returncode == 0
    assert examined(hub, tmp_path)["firewall"]["id"] == "firewall.open"
