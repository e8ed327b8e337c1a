"""What systemd hears, on a real datagram socket."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.notify import Notifier, watchdog_interval_s


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@storehub-test-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        sock.settimeout(5)
        yield name, sock


def test_every_state_arrives_as_systemd_spells_it(listener: tuple[str, socket.socket]) -> None:
    name, sock = listener
    with Notifier.from_environment({"NOTIFY_SOCKET": name}) as notifier:
        assert notifier.connected
        assert notifier.starting("Checking the journal", within_s=60)
        assert notifier.ready("Serving")
        assert notifier.watchdog()
        assert notifier.status("12 entries\nWATCHDOG=trigger unsent")
        assert notifier.stopping()
    heard = [sock.recv(4096).decode() for _ in range(5)]
    assert heard == [
        "EXTEND_TIMEOUT_USEC=60000000\nSTATUS=Checking the journal",
        "READY=1\nSTATUS=Serving",
        "WATCHDOG=1",
        "STATUS=12 entries WATCHDOG=trigger unsent",
        "STOPPING=1",
    ]


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}])
def test_without_a_service_manager_nothing_happens(environ: dict[str, str]) -> None:
    notifier = Notifier.from_environment(environ)
    assert not notifier.connected
    assert not notifier.ready()
    notifier.close()


def test_an_address_it_cannot_use_is_told_and_does_not_stop_the_hub(caplog: pytest.LogCaptureFixture) -> None:
    assert not Notifier("vsock:2:1234").ready()
    assert "NOTIFY_SOCKET" in caplog.text


def test_a_listener_that_is_gone_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Notifier(str(tmp_path / "nobody")) as notifier:
        assert [notifier.watchdog() for _ in range(50)] == [False] * 50
    assert len(caplog.records) == 1


def test_a_full_socket_never_holds_up_the_event_loop(tmp_path: Path) -> None:
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, Notifier(name) as notifier:
        sock.bind(name)
        # Nobody reads: the queue of a datagram socket fills after some hundred messages.
        assert not all(notifier.watchdog() for _ in range(100_000))


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_fed_twice_in_the_time_allowed(
    environ: dict[str, str], expected: float | None
) -> None:
    assert watchdog_interval_s(environ) == expected
