"""The port devices connect to: who has it, and whether a firewall on this box closes it."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from hub.doctor.findings import Finding, Patient


def port(patient: Patient) -> Iterator[Finding]:
    settings, running = patient.settings, patient.running
    if running is not None:
        url = running.get("base_url") or ""
        parts = urlsplit(url)
        try:
            with socket.create_connection(
                (parts.hostname or "127.0.0.1", parts.port or settings.port), timeout=3
            ):
                yield Finding("port", "ok", "ours", {"url": url})
        except OSError as error:
            yield Finding("port", "fail", "mute", {"url": url, "error": str(error)})
        return
    if settings.port == 0:
        yield Finding("port", "ok", "any")
        return
    try:
        host = settings.listen_host if ":" not in settings.listen_host else ""
        with socket.create_server((host, settings.port)):
            yield Finding("port", "ok", "free", {"port": settings.port})
    except OSError as error:
        what = "taken" if error.errno == errno.EADDRINUSE else "refused"
        yield Finding("port", "fail", what, {"port": settings.port, "error": error.strerror})


def firewall(patient: Patient) -> Iterator[Finding]:
    """Reading the rules needs root; the hub's own user is told how to."""
    if not patient.on_lan:
        return
    rules = patient.machine.run("nft", "list", "ruleset")
    number = urlsplit((patient.running or {}).get("base_url") or "").port or patient.settings.port
    if rules is None:
        yield Finding("firewall", "skip", "hidden", {"port": number})
        return
    closed = [str(each) for each in (number, 5353) if not _lets_in(rules, each)]
    if closed:
        yield Finding("firewall", "fail", "closed", {"ports": ", ".join(closed), "port": number})
    else:
        yield Finding("firewall", "ok", "open", {"port": number})


def _lets_in(rules: str, number: int) -> bool:
    """Whether each input chain that drops by default has a rule that accepts the port, or accepts all of an interface.

    Read as text, so a rule with sets or jumps may be taken for closed: the finding says to look.
    """
    for chain in re.findall(r"(?s)\{\s*type filter hook input .*?\n\t\}", rules):
        default = re.search(r"policy (\w+);", chain)
        refuses = [
            line
            for line in chain.splitlines()
            if re.search(rf"\bdport\b[^;]*\b{number}\b", line) and re.search(r"\b(drop|reject)\b", line)
        ]
        if refuses:
            return False
        if default is None or default[1] == "accept":
            continue
        if not any(_accepts(line, number) for line in chain.splitlines()):
            return False
    return True


def _accepts(line: str, number: int) -> bool:
    if not re.search(r"\baccept\b", line) or "policy" in line or re.search(r"\bct state\b", line):
        return False
    if "dport" in line:
        ranges = re.findall(r"(\d+)-(\d+)", line)
        named = re.search(rf"\b{number}\b", line) is not None
        return named or any(int(low) <= number <= int(high) for low, high in ranges)
    # A rule about the loopback, about pings or about one host says nothing of the handhelds.
    return not re.search(r'"lo"|icmp|saddr|protocol', line)
