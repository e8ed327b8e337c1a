"""The announcement as other machines see it: avahi and our own browser in network namespaces."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.netns import Host, Lan, why_not

pytestmark = pytest.mark.netns

ANNOUNCER = Path(__file__).with_name("announcer.py")
PYTHON = sys.executable
FACTS = {
    "hub_id": "hub-shibuya",
    "store_id": "001",
    "store_name": "渋谷店",
    "box": "3f2a9c01",
    "port": 8443,
    "tls": True,
    "fingerprint": "ab" * 32,
}


@pytest.fixture(params=["dual stack"])
def lan(request: pytest.FixtureRequest) -> Iterator[Lan]:
    reason = why_not("unshare")
    if reason:
        pytest.skip(reason)
    with Lan(ipv6=request.param != "IPv4 only") as lan:
        yield lan


def until(look: Callable[[], Any], within_s: float, what: str) -> Any:
    """The first true answer; the test fails when there is none in time."""
    ends = time.monotonic() + within_s
    while True:
        if answer := look():
            return answer
        assert time.monotonic() < ends, f"not within {within_s} s: {what}"
        time.sleep(0.1)


class Announcer:
    """The announcing program on a host, and what it has printed."""

    def __init__(
        self, host: Host, tmp_path: Path, poll_s: float = 5.0, recheck_s: float = 30.0, **facts: Any
    ) -> None:
        self.log = tmp_path / f"announcer-{host.name}.log"
        self.facts = FACTS | facts
        with self.log.open("w") as log:
            self.process = host.popen(
                *(PYTHON, "-W", "error", ANNOUNCER, json.dumps(self.facts), "", str(poll_s), str(recheck_s)),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    @property
    def state(self) -> dict[str, Any]:
        states = [said for said in self.said() if "phase" in said]
        return states[-1] if states else {}

    def wait(self, within_s: float, **wanted: Any) -> dict[str, Any]:
        return until(
            lambda: self.state if wanted.items() <= self.state.items() else None,
            within_s,
            f"{wanted}: {self.log}",
        )

    def order(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def stop(self) -> None:
        self.order("stop")
        assert self.process.wait(10) == 0, self.log.read_text()


class Avahi:
    """avahi-daemon with a message bus of its own on a host: the second opinion."""

    def __init__(self, host: Host, tmp_path: Path) -> None:
        self.host = host
        self.bus = tmp_path / f"bus-{host.name}"
        config = tmp_path / f"avahi-{host.name}.conf"
        config.write_text(f"[server]\nhost-name=avahi-{host.name}\n[publish]\npublish-workstation=no\n")
        self.log = tmp_path / f"avahi-{host.name}.log"
        script = f"""
            mkdir -p /run/avahi-daemon && mount -t tmpfs none /run/avahi-daemon || exit 1
            dbus-daemon --config-file=/usr/share/dbus-1/system.conf --address=unix:path={self.bus} \
              --nofork --nopidfile --nosyslog &
            for _ in $(seq 100); do [ -S {self.bus} ] && break; sleep 0.05; done
            exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f {config}
        """
        with self.log.open("w") as log:
            host.popen(
                *("unshare", "-m", "sh", "-c", script),
                env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.bus}"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        until(lambda: "Server startup complete" in self.log.read_text(), 15, f"avahi starts: {self.log}")

    def call(self, *command: str) -> str:
        environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.bus}", "LC_ALL": "C.UTF-8"}
        try:
            return self.host.run(*command, env=environment, timeout_s=10).stdout
        except subprocess.TimeoutExpired:
            return ""

    def browse(self) -> list[dict[str, str]]:
        """What avahi-browse resolves: name, host, address, port, txt."""
        lines = self.call("avahi-browse", "-rpt", "_storehub._tcp").splitlines()
        parts = [line.split(";", 9) for line in lines if line.startswith("=")]
        keys = ("name", "host", "address", "port", "txt")
        return [dict(zip(keys, [_unescaped(part[3]), *part[6:]], strict=True)) for part in parts]

    def addresses(self) -> set[str]:
        return {hub["address"] for hub in self.browse()}


def _unescaped(name: str) -> str:
    """avahi-browse -p writes the bytes outside plain letters as \\ddd, in decimal."""
    raw, at = bytearray(), 0
    while at < len(name):
        if name[at] == "\\" and name[at + 1 : at + 4].isdigit():
            raw.append(int(name[at + 1 : at + 4]))
            at += 4
        else:
            raw += name[at].encode()
            at += 1
    return raw.decode()


@pytest.fixture
def avahi(tmp_path: Path) -> Callable[[Host], Avahi]:
    missing = next(
        (p for p in ("avahi-daemon", "avahi-browse", "dbus-daemon") if shutil.which(p) is None), None
    )
    if missing:
        pytest.skip(f"{missing} is not installed")
    return lambda host: Avahi(host, tmp_path)


def find(host: Host, timeout_s: float = 2.0, hub_id: str | None = None) -> list[dict[str, Any]]:
    """Our own browser, on another machine."""
    script = (
        "import asyncio, dataclasses, json, sys; from hub.discovery.browse import find_hubs\n"
        f"hubs = asyncio.run(find_hubs({timeout_s}, {hub_id!r}))\n"
        "print(json.dumps([dataclasses.asdict(hub) | {'urls': hub.base_urls} for hub in hubs]))"
    )
    done = host.run(PYTHON, "-W", "error", "-c", script)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_avahi_on_another_host_sees_it_resolves_it_and_sees_it_leave(
    lan: Lan, tmp_path: Path, avahi: Callable[[Host], Avahi]
) -> None:
    hub, handheld = lan.host("hub", "10.91.0.2/24"), lan.host("hand", "10.91.0.11/24")
    observer = avahi(handheld)
    announcer = Announcer(hub, tmp_path)
    announcer.wait(10, phase="announced")
    seen = until(
        lambda: [each for each in observer.browse() if each["address"] == "10.91.0.2"], 5, "avahi sees it"
    )[0]
    assert seen["name"] == "渋谷店 (3f2a9c01)"
    assert seen["host"] == "storehub-3f2a9c01.local"
    assert seen["port"] == "8443"
    txt = dict(item.strip('"').split("=", 1) for item in seen["txt"].split(" "))
    assert txt == {
        "v": "1",
        "id": "hub-shibuya",
        "store": "001",
        "path": "/v1",
        "tls": "1",
        "fp": "ab" * 32,
        "box": "3f2a9c01",
        "role": "primary",
    }
    assert "10.91.0.2" in observer.call("avahi-resolve", "-4", "-n", "storehub-3f2a9c01.local")

    announcer.order("update " + json.dumps(announcer.facts | {"role": "standby"}))
    until(lambda: all("role=standby" in each["txt"] for each in observer.browse()), 5, "the changed role")

    announcer.stop()
    until(lambda: not observer.browse(), 2, "the goodbye")


def test_a_new_address_is_seen_within_15_seconds(
    lan: Lan, tmp_path: Path, avahi: Callable[[Host], Avahi]
) -> None:
    hub, handheld = lan.host("hub", "10.91.0.2/24"), lan.host("hand", "10.91.0.11/24")
    observer = avahi(handheld)
    announcer = Announcer(hub, tmp_path)
    announcer.wait(10, phase="announced")
    until(lambda: "10.91.0.2" in observer.addresses(), 5, "the first address")

    hub.set_address("10.91.0.50/24")
    changed_at = time.monotonic()
    until(lambda: "10.91.0.50" in observer.addresses(), 15, "the new address")
    until(
        lambda: "10.91.0.2" not in observer.addresses(),
        15 - (time.monotonic() - changed_at),
        "the old one goes",
    )
    assert "10.91.0.50" in observer.call("avahi-resolve", "-4", "-n", "storehub-3f2a9c01.local")
    assert [hub["addresses"] for hub in find(handheld)] == [["10.91.0.50"]]
    told = [said["on_addresses"] for said in announcer.said() if "on_addresses" in said]
    assert told == [["10.91.0.2"], ["10.91.0.50"]]
    announcer.stop()


def test_it_waits_for_a_network_and_survives_losing_it(lan: Lan, tmp_path: Path) -> None:
    hub, handheld = lan.host("hub", "10.91.0.2/24"), lan.host("hand", "10.91.0.11/24")
    hub.link_down()
    announcer = Announcer(hub, tmp_path, poll_s=0.3)
    announcer.wait(10, phase="waiting", reason="no-network")
    hub.link_up()
    announcer.wait(10, phase="announced", addresses=["10.91.0.2"])
    assert find(handheld, hub_id="hub-shibuya")

    assert sum("on_addresses" in said for said in announcer.said()) == 2, (
        "none, then one; not again for fe80::"
    )

    hub.unplug()
    announcer.wait(10, phase="waiting", reason="no-network")
    hub.plug()
    announcer.wait(10, phase="announced")
    assert find(handheld, hub_id="hub-shibuya")
    announcer.stop()
    assert "Traceback" not in announcer.log.read_text()


def test_two_stores_of_one_name_are_two_hubs(lan: Lan, tmp_path: Path) -> None:
    hosts = [lan.host(name, f"10.91.0.{number}/24") for name, number in (("one", 2), ("two", 3))]
    announcers = [
        Announcer(host, tmp_path, box=box, hub_id=f"hub-{box}")
        for host, box in zip(hosts, ("3f2a9c01", "77777777"), strict=True)
    ]
    for announcer in announcers:
        announcer.wait(10, phase="announced")
    found = find(lan.host("hand", "10.91.0.11/24"))
    assert [(hub["name"], hub["hub_id"], hub["addresses"]) for hub in found] == [
        ("渋谷店 (3f2a9c01)", "hub-3f2a9c01", ["10.91.0.2"]),
        ("渋谷店 (77777777)", "hub-77777777", ["10.91.0.3"]),
    ]
    announcers[0].stop()
    left = find(lan.hosts["hand"])
    assert [hub["hub_id"] for hub in left] == ["hub-77777777"]
    announcers[1].stop()


# A late fe80:: address would make the boxes announce themselves again, and be found out without asking.
@pytest.mark.parametrize("lan", ["IPv4 only"], indirect=True)
def test_a_copied_box_takes_another_name_also_when_the_two_met_later(lan: Lan, tmp_path: Path) -> None:
    one, two = lan.host("one", "10.91.0.2/24"), lan.host("two", "10.91.0.3/24")
    handheld = lan.host("hand", "10.91.0.11/24")
    first = Announcer(one, tmp_path, recheck_s=1.0)
    first.wait(10, phase="announced")
    second = Announcer(two, tmp_path, recheck_s=1.0)
    second.wait(15, phase="announced", name="渋谷店 (3f2a9c01-2)", host="storehub-3f2a9c01-2.local.")
    second.stop()

    two.cut()
    second = Announcer(two, tmp_path, recheck_s=1.0)
    second.wait(10, phase="announced", name="渋谷店 (3f2a9c01)")
    two.uncut()
    first.wait(20, phase="announced", name="渋谷店 (3f2a9c01-2)", host="storehub-3f2a9c01-2.local.")
    assert second.state["name"] == "渋谷店 (3f2a9c01)", "the greater address keeps the name"
    found = {hub["name"]: hub["addresses"] for hub in find(handheld)}
    assert found == {"渋谷店 (3f2a9c01)": ["10.91.0.3"], "渋谷店 (3f2a9c01-2)": ["10.91.0.2"]}
    first.stop()
    second.stop()


@pytest.mark.parametrize("avahi_first", [True, False])
def test_beside_avahi_on_the_same_host(
    lan: Lan, tmp_path: Path, avahi: Callable[[Host], Avahi], avahi_first: bool
) -> None:
    hub, handheld = lan.host("hub", "10.91.0.2/24"), lan.host("hand", "10.91.0.11/24")
    own = avahi(hub) if avahi_first else None
    announcer = Announcer(hub, tmp_path)
    announcer.wait(10, phase="announced")
    own = own or avahi(hub)
    observer = avahi(handheld)
    for each in (observer, own):
        until(lambda each=each: "10.91.0.2" in each.addresses(), 10, f"seen by avahi on {each.host.name}")
        assert "10.91.0.2" in each.call("avahi-resolve", "-4", "-n", "storehub-3f2a9c01.local")
    assert "10.91.0.2" in observer.call("avahi-resolve", "-4", "-n", "avahi-hub.local"), "avahi's own answer"
    announcer.stop()
    until(lambda: not observer.browse(), 2, "the goodbye")


def test_when_mdns_cannot_be_spoken_it_says_so_and_recovers(lan: Lan, tmp_path: Path) -> None:
    """A machine on which the mDNS port can't be had at all: the beacon reports it and keeps trying."""
    hub = lan.host("hub", "10.91.0.2/24")
    # A program that holds the port without sharing it.
    script = (
        "import socket,sys\n"
        "s=socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind(('::',5353)); print('held',flush=True)\n"
        "sys.stdin.readline()"
    )
    holder = hub.popen(PYTHON, "-c", script, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    announcer = Announcer(hub, tmp_path)
    announcer.wait(10, phase="failed", reason="port-taken")
    holder.kill()
    announcer.wait(20, phase="announced")
    announcer.stop()
    assert announcer.log.read_text().count("trying again") <= 1
