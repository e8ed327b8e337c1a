"""A small LAN in network namespaces: hosts joined by a switch, each with a wire that can be pulled or cut.

    with Lan() as lan:
        hub = lan.host("hub", "10.91.0.2/24")
        hub.run("ip", "addr")                     # to its end
        process = hub.popen("python", "...")      # ended with the LAN

Needs root and iproute2; `why_not()` says what is missing. Multicast passes the switch. Nothing outside the
namespaces is touched, and what a killed run left behind goes when the next one begins.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import signal
import subprocess
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

_PREFIX = "sht"
_count = itertools.count(1)


@cache
def why_not(*programs: str) -> str | None:
    """None when namespaces (and the programs) can be used here, else the reason to skip."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program in ("ip", *programs):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    name = f"{_PREFIX}{os.getpid()}-probe"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return f"no network namespaces here: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "delete", name], check=True)
    return None


def _ip(*args: str) -> None:
    subprocess.run(["ip", *args], check=True, capture_output=True, text=True, timeout=20)


class Host:
    """One machine on the LAN; its interface is eth0."""

    def __init__(self, lan: Lan, name: str, address: str) -> None:
        self.lan = lan
        self.name = name
        self.address = address
        self.namespace = f"{lan.prefix}-{name}"
        self.port = f"p-{name}"[:15]
        _ip("netns", "add", self.namespace)
        pair = f"{_PREFIX}{os.getpid() % 100000}{name}"[:15]
        _ip("link", "add", pair, "type", "veth", "peer", "name", self.port, "netns", lan.switch)
        _ip("link", "set", pair, "netns", self.namespace, "name", "eth0")
        _ip("-n", self.namespace, "link", "set", "lo", "up")
        self.uncut()
        if not lan.ipv6:
            _ip("-n", self.namespace, "link", "set", "eth0", "addrgenmode", "none")
        _ip("-n", self.namespace, "addr", "add", address, "dev", "eth0")
        self.link_up()

    def argv(self, *command: str | Path) -> list[str]:
        return ["ip", "netns", "exec", self.namespace, *map(str, command)]

    def run(
        self, *command: str | Path, timeout_s: float = 30, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.argv(*command), capture_output=True, text=True, timeout=timeout_s, check=False, **options
        )

    def popen(self, *command: str | Path, **options: Any) -> subprocess.Popen[str]:
        """A process in its own session, killed with all of its children when the LAN is taken down."""
        process = subprocess.Popen(self.argv(*command), text=True, start_new_session=True, **options)
        self.lan.processes.append(process)
        return process

    def set_address(self, address: str) -> None:
        """As a new DHCP lease does: the old address goes, the new one comes."""
        _ip("-n", self.namespace, "addr", "flush", "dev", "eth0", "scope", "global")
        _ip("-n", self.namespace, "addr", "add", address, "dev", "eth0")
        self.address = address

    def link_down(self) -> None:
        _ip("-n", self.namespace, "link", "set", "eth0", "down")

    def link_up(self) -> None:
        _ip("-n", self.namespace, "link", "set", "eth0", "up")

    def unplug(self) -> None:
        """The cable is pulled: the carrier is gone, the interface keeps its address."""
        _ip("-n", self.lan.switch, "link", "set", self.port, "down")

    def plug(self) -> None:
        _ip("-n", self.lan.switch, "link", "set", self.port, "up")

    def cut(self) -> None:
        """Nothing passes, and this host can't notice: a partition inside the network."""
        _ip("-n", self.lan.switch, "link", "set", self.port, "nomaster")

    def uncut(self) -> None:
        _ip("-n", self.lan.switch, "link", "set", self.port, "master", "br0")
        _ip("-n", self.lan.switch, "link", "set", self.port, "up")


class Lan:
    """The switch and its hosts. Use as a context manager, so that everything is taken down again.

    Without `ipv6` the hosts have no fe80:: address, which otherwise comes a second or two after the link.
    """

    def __init__(self, *, ipv6: bool = True) -> None:
        self.ipv6 = ipv6
        self.prefix = f"{_PREFIX}{os.getpid()}-{next(_count)}"
        self.switch = f"{self.prefix}-switch"
        self.hosts: dict[str, Host] = {}
        self.processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Lan:
        _sweep()
        _ip("netns", "add", self.switch)
        # Without snooping: multicast goes to every port, as on a switch in a small shop.
        _ip(
            "-n",
            self.switch,
            "link",
            "add",
            "br0",
            "type",
            "bridge",
            "mcast_snooping",
            "0",
            "forward_delay",
            "0",
        )
        _ip("-n", self.switch, "link", "set", "br0", "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()
        for namespace in (*(host.namespace for host in self.hosts.values()), self.switch):
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)

    def host(self, name: str, address: str) -> Host:
        """A new machine with this address ("10.91.0.2/24"); the name has at most 6 letters."""
        self.hosts[name] = Host(self, name, address)
        return self.hosts[name]


def _sweep() -> None:
    """Delete the namespaces of test runs that are no longer alive."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=False).stdout
    for line in listed.splitlines():
        name = line.split()[0]
        owner = re.match(rf"{_PREFIX}(\d+)-", name)
        if owner and not Path(f"/proc/{owner[1]}").exists():
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
