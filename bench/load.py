"""A closed-loop and an open-loop HTTP/1.1 load client, fast enough never to be what is measured.

    python -m bench.load --url http://127.0.0.1:8080 --tokens tokens.json --connections 64 --seconds 5
    python -m bench.load --url … --tokens … --connections 100 --rate 1 --seconds 20

Closed loop: every connection sends its next order when the last was answered. Open loop (``--rate``: orders
a second for each device): every order has a time at which it is due, and its latency counts from then, so a
hub that stalls is charged for all orders that had to wait; SIGTERM ends it early, with its report. Every
request is an order of its own with a key of its own; every answer's status is checked. Prints a JSON object.
"""

from __future__ import annotations

import argparse
import array
import contextlib
import heapq
import json
import os
import random
import select
import signal
import socket
import struct
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bench.orders import Requests, devices

ANSWER_TIMEOUT_S = 15.0  # An order that waits longer is a failure, and the run must end.
_TIMEVAL = struct.pack("ll", int(ANSWER_TIMEOUT_S), 0)


def answer_end(data: bytes) -> int:
    """Where the first answer in ``data`` ends; 0 while it is not all there."""
    head_end = data.find(b"\r\n\r\n")
    if head_end < 0:
        return 0
    head = data[:head_end].lower()
    at = head.find(b"\r\ncontent-length:")
    if at < 0:
        raise ValueError(f"an answer without Content-Length: {data[:200]!r}")
    end_of_line = head.find(b"\r\n", at + 2)
    length = int(head[at + 17 : end_of_line if end_of_line > 0 else head_end])
    end = head_end + 4 + length
    return end if len(data) >= end else 0


class Connection:
    """One keep-alive connection of one device; at most one request is under way on it."""

    __slots__ = ("address", "buffer", "due_at", "requests", "sent_at", "sock")

    def __init__(self, address: tuple[str, int], requests: Requests) -> None:
        self.address = address
        self.requests = requests
        self.buffer = b""
        self.sent_at = 0.0
        self.due_at = 0.0  # when the next order of an open loop is due
        self.sock = self.connect()

    def connect(self) -> socket.socket:
        sock = socket.create_connection(self.address, timeout=ANSWER_TIMEOUT_S)
        sock.setblocking(True)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            sock.setsockopt(socket.SOL_SOCKET, option, _TIMEVAL)
        return sock

    def send(self, at: float) -> None:
        self.sent_at = at
        self.sock.sendall(self.requests())

    def receive(self) -> bytes | None:
        """A complete answer, ``None`` while there is more to come; raises at a hang-up."""
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError("closed by the hub")
        if self.buffer:
            data = self.buffer + data
        end = answer_end(data)
        if not end:
            self.buffer = data
            return None
        if end != len(data):
            raise ConnectionError("more than one answer")
        self.buffer = b""
        return data


@dataclass(slots=True)
class Tally:
    """What came back, and when."""

    counted_from: float
    counted_until: float
    finished_at: array.array[float] = field(default_factory=lambda: array.array("d"))
    latency_s: array.array[float] = field(default_factory=lambda: array.array("d"))
    acknowledged: int = 0  # all of them, also those of the warm-up and after the end
    counted: int = 0
    sales: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    first_refusal: str = ""

    def add_sale(self, answer: bytes) -> None:
        if answer[9:10] == b"2":
            self.sales += 1
        else:
            self.refused(answer)

    def refused(self, answer: bytes) -> None:
        self.failures[answer[9:12].decode("latin-1")] += 1
        self.first_refusal = self.first_refusal or answer.decode("utf-8", "replace")

    def add(self, answer: bytes, sent_at: float, now: float) -> None:
        if answer[9:10] != b"2":
            self.refused(answer)
            return
        self.acknowledged += 1
        if self.counted_from <= now < self.counted_until:
            self.counted += 1
            self.latency_s.append(now - sent_at)
            self.finished_at.append(now)

    def report(self, cpu_share: float) -> dict[str, object]:
        ordered = sorted(self.latency_s)
        seconds = self.counted_until - self.counted_from

        def at(share: float) -> float | None:
            return (
                round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 4)
                if ordered
                else None
            )

        return {
            "per_s": self.counted / seconds,
            "counted": self.counted,
            "acknowledged": self.acknowledged,
            "sales": self.sales,
            "failed": sum(self.failures.values()),
            "failures": dict(self.failures),
            "first_refusal": self.first_refusal,
            "p50_ms": at(0.50),
            "p90_ms": at(0.90),
            "p99_ms": at(0.99),
            "p999_ms": at(0.999),
            "max_ms": round(1000 * ordered[-1], 4) if ordered else None,
            "seconds": seconds,
            "client_cpu": round(cpu_share, 3),
        }


def closed_loop(connections: list[Connection], *, warm_up_s: float, seconds: float) -> Tally:
    """Send without a pause for ``warm_up_s`` + ``seconds``, then wait for what is under way."""
    clock = time.perf_counter
    poll = select.epoll()
    by_fd = {c.sock.fileno(): c for c in connections}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    start = clock()
    tally = Tally(start + warm_up_s, start + warm_up_s + seconds)
    stop = tally.counted_until
    for c in connections:
        c.send(clock())
    under_way = len(connections)
    settling: set[Connection] = set()
    give_up = stop + ANSWER_TIMEOUT_S
    while under_way and clock() < give_up:
        for fd, _ in poll.poll(1.0):
            c = by_fd[fd]
            try:
                answer = c.receive()
            except (OSError, ValueError) as error:
                tally.failures[str(error) or type(error).__name__] += 1
                poll.unregister(fd)
                under_way -= 1
                continue
            if answer is None:
                continue
            now = clock()
            if c in settling:
                settling.discard(c)
                tally.add_sale(answer)
            else:
                tally.add(answer, c.sent_at, now)
                if now < stop and (sale := c.requests.settling(answer)):
                    settling.add(c)
                    c.sock.sendall(sale)
                    continue
            if now < stop:
                c.send(now)
            else:
                under_way -= 1
    if under_way:
        tally.failures["no answer"] += under_way
    return tally


def open_loop(connections: list[Connection], *, every_s: float, warm_up_s: float, seconds: float) -> Tally:
    """Send each device's order when it is due; a device that still waits sends its next as soon as it may."""
    clock = time.perf_counter
    poll = select.epoll()
    by_fd = {c.sock.fileno(): c for c in connections}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    start = clock() + 0.05
    tally = Tally(start + warm_up_s, start + warm_up_s + seconds)
    stop, give_up = tally.counted_until, tally.counted_until + ANSWER_TIMEOUT_S
    due: list[tuple[float, int]] = []  # devices that are free, by the time of their next order
    for n, c in enumerate(connections):
        c.due_at = start + every_s * n / len(connections)  # spread over the period, as people are
        due.append((c.due_at, c.sock.fileno()))
    heapq.heapify(due)
    under_way = 0
    asked_to_end: list[float] = []
    signal.signal(signal.SIGTERM, lambda *_: asked_to_end.append(clock()))
    while (due or under_way) and clock() < give_up:
        now = clock()
        if asked_to_end and due:
            tally.counted_until = stop = min(stop, asked_to_end[0])
            give_up = stop + ANSWER_TIMEOUT_S
            due.clear()
        while due and due[0][0] <= now:
            _, fd = heapq.heappop(due)
            c = by_fd[fd]
            c.send(c.due_at)
            c.due_at += every_s
            under_way += 1
            now = clock()
        wait = min(1.0, max(0.0, due[0][0] - now)) if due else 1.0
        # epoll counts in milliseconds, which is more than an order takes; select counts in microseconds.
        if not select.select([poll], [], [], wait)[0]:
            continue
        for fd, _ in poll.poll(0):
            c = by_fd[fd]
            try:
                answer = c.receive()
            except (OSError, ValueError) as error:
                tally.failures[str(error) or type(error).__name__] += 1
                poll.unregister(fd)
                under_way -= 1
                continue
            if answer is None:
                continue
            tally.add(answer, c.sent_at, clock())
            under_way -= 1
            if c.due_at < stop:
                heapq.heappush(due, (c.due_at, fd))
    if under_way:
        tally.failures["no answer"] += under_way
    return tally


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.load", description="Send orders and measure the answers.")
    parser.add_argument("--url", required=True)
    parser.add_argument("--path", default="/v1/orders")
    parser.add_argument(
        "--tokens", type=Path, help="JSON list of device tokens; without it any token is sent"
    )
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--warm-up", type=float, default=1.0)
    parser.add_argument(
        "--rate", type=float, help="orders a second for each device; without it a closed loop"
    )
    parser.add_argument("--settle", action="store_true", help="pay a table's check before the next table")
    parser.add_argument("--first-table", type=int, default=0, help="which of its own a device begins with")
    parser.add_argument("--core", type=int, help="the core to run on")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--samples", type=Path, help="write (finished at, latency) pairs of doubles here")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    options = arguments(argv)
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    parts = urlsplit(options.url)
    address = (parts.hostname or "127.0.0.1", parts.port or 80)
    tokens = json.loads(options.tokens.read_text()) if options.tokens else ["none"]
    rng = random.Random(options.seed)
    connections = [
        Connection(
            address,
            Requests(device, rng, path=options.path, settles=options.settle, first_table=options.first_table),
        )
        for device in devices(tokens, options.connections)
    ]
    cpu, wall = time.process_time(), time.perf_counter()
    if options.rate:
        # Beside the cloud on one core: the wait for that core is not the hub's and must not be counted.
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        tally = open_loop(
            connections, every_s=1 / options.rate, warm_up_s=options.warm_up, seconds=options.seconds
        )
    else:
        tally = closed_loop(connections, warm_up_s=options.warm_up, seconds=options.seconds)
    share = (time.process_time() - cpu) / (time.perf_counter() - wall)
    if options.samples:
        pairs = array.array("d")
        for finished, latency in zip(tally.finished_at, tally.latency_s, strict=True):
            pairs.extend((finished, latency))
        options.samples.write_bytes(pairs.tobytes())
    print(json.dumps(tally.report(share)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
