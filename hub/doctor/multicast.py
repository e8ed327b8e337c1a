"""mDNS as others see it: the hub's own announcement, and a question of our own on each interface."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import struct
import time
from collections.abc import Iterator
from typing import Final

from hub.discovery.interfaces import choose, read_interfaces
from hub.doctor.findings import Finding, Patient

GROUP: Final = "224.0.0.251"
PORT: Final = 5353
# "Which services are there?" and "which hubs?", each as a name, PTR, IN.
_NAMES: Final = ("_services._dns-sd._udp.local", "_storehub._tcp.local")
_OURS: Final = b"\x09_storehub\x04_tcp"


def seen(patient: Patient) -> Iterator[Finding]:
    settings, running = patient.settings, patient.running
    if not settings.mdns or (running is not None and running["beacon"]["state"] == "off"):
        yield Finding("mdns", "warn", "off")
        return
    if running is None:
        yield Finding("mdns", "skip", "stopped")
        return
    from hub.discovery.browse import find_hubs

    identity = patient.folder.known_identity()
    try:
        hubs = asyncio.run(find_hubs(patient.wait_s, identity.hub_id if identity else None))
    except OSError as error:
        yield Finding("mdns", "fail", "impossible", {"error": str(error)})
        return
    if not hubs:
        words = {"seconds": patient.wait_s, "reason": running["beacon"]["reason"]}
        yield Finding("mdns", "fail", "unseen", words)
    else:
        yield Finding("mdns", "ok", "seen", {"name": hubs[0].name, "addresses": ", ".join(hubs[0].addresses)})


def heard(patient: Patient) -> Iterator[Finding]:
    """Whether a multicast question on each interface comes back to this hub, and whether any other host answers."""
    if not patient.settings.mdns or not patient.on_lan:
        return
    interfaces = read_interfaces()
    reach = choose(interfaces, patient.settings.listen_host, only=patient.settings.only_interfaces)
    # The loopback (a sender of its own in `choose`) proves nothing about a LAN.
    senders = [sender for sender in reach.zeroconf_interfaces if isinstance(sender, str)]
    if not senders:
        return
    own = {address for each in interfaces for address in each.addresses}
    answered, others, refused = _ask(senders, own, patient.wait_s)
    words = {"interfaces": ", ".join(senders), "others": len(others)}
    deaf = [sender for sender in senders if sender not in answered]
    if refused:
        yield Finding("multicast", "fail", "refused", {**words, "error": refused})
    elif patient.running is not None and deaf:
        yield Finding("multicast", "warn", "deaf", {**words, "interfaces": ", ".join(deaf)})
    elif not others:
        yield Finding("multicast", "warn", "alone", words)
    else:
        yield Finding("multicast", "ok", "fine", words)


def _ask(senders: list[str], own: set[str], wait_s: float) -> tuple[set[str], set[str], str]:
    """Own addresses on whose interface this box's announcement was heard; other hosts heard; what went wrong."""
    answered: set[str] = set()
    others: set[str] = set()
    with contextlib.ExitStack() as stack:
        asking: dict[socket.socket, str] = {}
        try:
            for sender in senders:
                asking[stack.enter_context(_asker(sender))] = sender
            listening = stack.enter_context(_listener(senders))
        except OSError as error:
            return answered, others, error.strerror or str(error)
        ends = time.monotonic() + wait_s
        while (left := ends - time.monotonic()) > 0:
            ready, _, _ = select.select([*asking, listening], [], [], left)
            for each in ready:
                packet, (address, *_) = each.recvfrom(9000)
                if len(packet) < 12 or not packet[2] & 0x80:
                    continue
                if address not in own:
                    others.add(address)
                elif _OURS in packet:
                    answered.add(asking.get(each, address))
            if others and len(answered) == len(senders):
                break
    return answered, others, ""


def _asker(sender: str) -> socket.socket:
    """A socket from which both questions have gone out on one interface; answers come to it (RFC 6762, 6.7)."""
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        line.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sender))
        line.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        line.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        line.bind((sender, 0))
        line.sendto(_question(), (GROUP, PORT))
    except OSError:
        line.close()
        raise
    return line


def _listener(senders: list[str]) -> socket.socket:
    """What is said to everybody, beside whatever responder runs on this box."""
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        line.bind((GROUP, PORT))
        for sender in senders:
            membership = socket.inet_aton(GROUP) + socket.inet_aton(sender)
            line.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    except OSError:
        line.close()
        raise
    return line


def _question() -> bytes:
    packet = struct.pack(">6H", 0x5354, 0, len(_NAMES), 0, 0, 0)
    for name in _NAMES:
        packet += b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
        packet += struct.pack(">2H", 12, 1)
    return packet
