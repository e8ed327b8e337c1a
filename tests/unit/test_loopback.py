"""Where plain HTTP may go: to this machine, and not to a name that begins like its address."""

import pytest

from hub.settings import on_loopback


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True), ("127.0.0.1", True), ("127.3.2.1", True), ("::1", True),
        ("localhost.example", False), ("127.0.0.1.example", False), ("127.example", False), ("", False),
        ("192.168.1.2", False), ("10.0.0.1", False), ("::", False),
    ],
)  # fmt: skip
def test_only_this_machine_is_loopback(host: str, here: bool) -> None:
    assert on_loopback(host) is here
