"""Which of the machine's addresses handhelds can use, and from which interfaces to speak mDNS."""

from __future__ import annotations

import ipaddress
import re
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

# Networks inside the machine and tunnels: no handheld is on them, and announcing an address of theirs costs
# every handheld a connection time-out. Docker's own bridges are br-<12 hex>; br-lan is a real LAN.
VIRTUAL: Final = (
    *(
        "docker*",
        "br-" + "[0-9a-f]" * 12,
        "veth*",
        "virbr*",
        "vnet*",
        "vmnet*",
        "vboxnet*",
        "lxcbr*",
        "lxdbr*",
    ),
    *("cni*", "podman*", "flannel*", "cali*", "kube*", "tailscale*", "zt*", "wg*"),
)

_IFF_UP, _IFF_LOOPBACK, _IFF_POINTOPOINT, _IFF_RUNNING, _IFF_MULTICAST = 0x1, 0x8, 0x10, 0x40, 0x1000
_SIOCGIFFLAGS = 0x8913
_IF_INET6: Final = Path("/proc/net/if_inet6")
# IFA_F_TEMPORARY, DADFAILED, DEPRECATED, TENTATIVE: privacy addresses change daily (each would mean a new
# certificate), the others can't be bound.
_UNUSABLE_V6: Final = 0x01 | 0x08 | 0x20 | 0x40


@dataclass(frozen=True, slots=True)
class Interface:
    """One network interface as the kernel tells it."""

    name: str
    index: int
    addresses: tuple[str, ...]
    loopback: bool = False
    # Up with a carrier, able to multicast, not a tunnel: somebody may be listening there.
    usable: bool = True


@dataclass(frozen=True, slots=True)
class Reach:
    """What to announce, and where.

    A sender is (IPv4 address, "") or (interface index, its first IPv6 address), as zeroconf binds to that.
    """

    addresses: tuple[str, ...] = ()
    senders: tuple[tuple[str | int, str], ...] = ()

    @property
    def zeroconf_interfaces(self) -> list[str | int]:
        return [sender for sender, _ in self.senders]


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def taken(name: str, only: Iterable[str] = (), ignored: Iterable[str] = VIRTUAL) -> bool:
    """Whether an interface of this name is one to announce on: named by the store, or else not a virtual one."""
    patterns = tuple(only)
    if patterns:
        return any(fnmatchcase(name, pattern) for pattern in patterns)
    return not any(fnmatchcase(name, pattern) for pattern in ignored)


def choose(
    interfaces: Iterable[Interface],
    host: str = "",
    ignored: Iterable[str] = VIRTUAL,
    only: Iterable[str] = (),
) -> Reach:
    """What to announce for a hub that listens on `host`.

    "" and "::" mean every address, "0.0.0.0" every IPv4 address, a loopback host only that (a demo, a test),
    and any other address only itself. `only`: names or patterns of the interfaces that the store has picked.
    """
    patterns, picked = tuple(ignored), tuple(only)
    if is_loopback(host):
        address = "127.0.0.1" if host == "localhost" else host
        return Reach((address,), (("127.0.0.1", ""),))
    chosen = [
        interface
        for interface in interfaces
        if interface.usable and not interface.loopback and taken(interface.name, picked, patterns)
    ]
    if host not in ("", "::", "0.0.0.0"):  # noqa: S104 - compared, not bound
        chosen = [interface for interface in chosen if host in interface.addresses]
        return Reach((host,) if chosen else (), _senders(chosen))
    found = [address for interface in chosen for address in interface.addresses]
    if host == "0.0.0.0":  # noqa: S104 - compared, not bound
        found = [address for address in found if ":" not in address]
    return Reach(_announced(found), _senders(chosen))


def _announced(found: Iterable[str]) -> tuple[str, ...]:
    """Sorted, IPv4 first. 169.254.x only for want of a better; fe80:: never: it is useless without a zone."""
    parsed = {ipaddress.ip_address(address) for address in found}
    routable = {address for address in parsed if not address.is_link_local}
    kept = routable or {address for address in parsed if address.version == 4}
    return tuple(
        str(address) for address in sorted(kept, key=lambda address: (address.version, int(address)))
    )


def _senders(chosen: Iterable[Interface]) -> tuple[tuple[str | int, str], ...]:
    senders: list[tuple[str | int, str]] = []
    for interface in sorted(chosen, key=lambda each: each.index):
        v4 = next((address for address in interface.addresses if ":" not in address), None)
        v6 = next((address for address in interface.addresses if ":" in address), None)
        if v4 is not None:
            # One is enough: the multicast group is joined once an interface.
            senders.append((v4, ""))
        if v6 is not None:
            senders.append((interface.index, v6))
    return tuple(senders)


def read_interfaces() -> list[Interface]:
    """The machine's interfaces now. Under a millisecond, but the first call loads ifaddr."""
    import ifaddr  # Heavy: it looks for libc by running ldconfig.

    unusable_v6 = _unusable_v6()
    interfaces = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for adapter in ifaddr.get_adapters():
            addresses = []
            for ip in adapter.ips:
                address = ip.ip if isinstance(ip.ip, str) else ip.ip[0].partition("%")[0]
                if address not in unusable_v6:
                    addresses.append(address)
            flags = _flags(control, adapter.name)
            interfaces.append(
                Interface(
                    name=adapter.name,
                    index=adapter.index or 0,
                    addresses=tuple(addresses),
                    loopback=bool(flags & _IFF_LOOPBACK),
                    usable=bool(flags & _IFF_UP and flags & _IFF_RUNNING and flags & _IFF_MULTICAST)
                    and not flags & _IFF_POINTOPOINT,
                )
            )
    return interfaces


def _flags(control: socket.socket, name: str) -> int:
    import fcntl

    # An alias (eth0:1) has the flags of its interface. One that has just gone has none.
    request = struct.pack("16sH14x", re.sub(r":.*", "", name).encode()[:15], 0)
    try:
        answer = fcntl.ioctl(control.fileno(), _SIOCGIFFLAGS, request)
    except OSError:
        return 0
    return int(struct.unpack("16sH14x", answer)[1])


def _unusable_v6() -> frozenset[str]:
    try:
        lines = _IF_INET6.read_text(encoding="ascii").splitlines()
    except OSError:
        return frozenset()
    return frozenset(
        str(ipaddress.IPv6Address(int(fields[0], 16)))
        for fields in map(str.split, lines)
        if int(fields[4], 16) & _UNUSABLE_V6
    )
