"""The box's addresses, and whether anybody else on the network can be reached: a guest Wi-Fi shows here."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from hub.discovery.interfaces import Interface, choose, read_interfaces, taken
from hub.doctor.findings import Finding, Patient, text_of

# The addresses of a network of this size are each asked once; of a larger one the first so many.
SWEPT_MAX: Final = 256
SWEEP_S: Final = 1.5
_ARP_COMPLETE: Final = 0x2
_DISCARD: Final = 9


def addresses(patient: Patient) -> Iterator[Finding]:
    host = patient.settings.listen_host
    interfaces = read_interfaces()
    if not patient.on_lan:
        yield Finding("addresses", "warn", "loopback", {"host": host})
        return
    only = patient.settings.only_interfaces
    reach = choose(interfaces, host, only=only)
    found = [ipaddress.ip_address(address) for address in reach.addresses]
    words = {"addresses": ", ".join(reach.addresses), "unused": _unused(interfaces, only)}
    told = tuple((patient.running or {}).get("beacon", {}).get("addresses", ()))
    exposed = [address for address in found if address.version == 4 and address.is_global]
    if not found:
        yield Finding("addresses", "fail", "none", words)
    elif all(address.is_link_local for address in found):
        yield Finding("addresses", "fail", "linklocal", words)
    elif exposed:
        yield Finding(
            "addresses", "fail", "public", {**words, "public": ", ".join(str(each) for each in exposed)}
        )
    elif told and set(told) != set(reach.addresses):
        yield Finding("addresses", "warn", "changed", {**words, "told": ", ".join(told)})
    elif len({each.network for each in _networks(patient) if str(each.ip) in reach.addresses}) > 1:
        yield Finding("addresses", "ok", "several", words)
    else:
        yield Finding("addresses", "ok", "fine", words)


def _unused(interfaces: list[Interface], only: tuple[str, ...]) -> str:
    """Interfaces with an address that is not announced, each with the reason."""
    reasons = []
    for each in interfaces:
        if each.loopback or not each.addresses:
            continue
        if not taken(each.name, only):
            reasons.append(f"{each.name} ({'virtual' if not taken(each.name) else 'not chosen'})")
        elif not each.usable:
            reasons.append(f"{each.name} (down)")
    return ", ".join(reasons) or "-"


class Network(NamedTuple):
    interface: str
    ip: ipaddress.IPv4Address
    network: ipaddress.IPv4Network


def _networks(patient: Patient) -> list[Network]:
    """The IPv4 networks of the interfaces that are announced."""
    import ifaddr

    names = {
        each.name
        for each in read_interfaces()
        if each.usable and not each.loopback and taken(each.name, patient.settings.only_interfaces)
    }
    found = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips if adapter.name in names else ():
            if isinstance(ip.ip, str):
                whole = ipaddress.ip_interface(f"{ip.ip}/{ip.network_prefix}")
                if isinstance(whole, ipaddress.IPv4Interface):
                    found.append(Network(adapter.name, whole.ip, whole.network))
    return found


def isolation(patient: Patient) -> Iterator[Finding]:
    """Whether other machines of this network answer, or the router alone does: then handhelds reach nobody either.

    Sends one small UDP packet to each address of the network, so that the kernel asks who is there (ARP).
    """
    networks = _networks(patient) if patient.on_lan else []
    if not networks:
        return
    gateways = _gateways(patient)
    online = sum(1 for device in (patient.running or {}).get("devices", ()) if device["online"])
    _sweep(networks)
    here = {network.interface for network in networks}
    alive = {address for address, interface in _neighbours(patient) if interface in here}
    others = alive - gateways - {str(network.ip) for network in networks}
    wireless = any((patient.machine.sys / "class/net" / name / "wireless").exists() for name in here)
    words = {"others": len(others), "gateway": ", ".join(sorted(gateways & alive)) or "-"}
    if others or online:
        yield Finding("isolation", "ok", "none", {**words, "online": online})
    elif gateways & alive:
        yield Finding("isolation", "warn", "guest" if wireless else "alone", words)
    else:
        yield Finding("isolation", "warn", "silent", words)


def _sweep(networks: list[Network]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setblocking(False)
        for network in networks:
            for number, address in enumerate(network.network.hosts()):
                if number >= SWEPT_MAX:
                    break
                try:
                    asking.sendto(b"", (str(address), _DISCARD))
                except OSError:
                    continue  # Nobody there (the kernel says so later), or the queue is full: then not this one.
    # An answer takes a millisecond; over Wi-Fi with its power saving a few hundred.
    time.sleep(SWEEP_S)


def _neighbours(patient: Patient) -> Iterator[tuple[str, str]]:
    """Address and interface of whoever has answered ARP lately."""
    for line in (text_of(patient.machine.proc / "net/arp") or "").splitlines()[1:]:
        fields = line.split()
        if len(fields) == 6 and int(fields[2], 16) & _ARP_COMPLETE:
            yield fields[0], fields[5]


def _gateways(patient: Patient) -> set[str]:
    found = set()
    for line in (text_of(patient.machine.proc / "net/route") or "").splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[1] == "00000000" and int(fields[3], 16) & 0x2:
            found.add(str(ipaddress.IPv4Address(bytes.fromhex(fields[2])[::-1])))
    return found
