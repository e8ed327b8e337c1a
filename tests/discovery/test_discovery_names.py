"""Names and the choice of addresses: pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.discovery.facts import LABEL_BYTES_MAX, BeaconFacts, host_name, instance_name, txt
from hub.discovery.interfaces import Interface, Reach, choose, read_interfaces
from hub.settings import load

BOX = "3f2a9c01"
LAN = Interface("eth0", 2, ("192.168.1.20", "2001:db8::20", "fe80::20"))
LO = Interface("lo", 1, ("127.0.0.1", "::1"), loopback=True)


@pytest.mark.parametrize(
    ("store", "shown"),
    [
        ("渋谷店", "渋谷店 (3f2a9c01)"),
        ("", "storehub (3f2a9c01)"),
        (" \t\n", "storehub (3f2a9c01)"),
        ("St. Marc Café No.3", "St Marc Café No 3 (3f2a9c01)"),
        ("がぎ", "がぎ (3f2a9c01)"),
        ("あ" * 40, "あ" * 17 + " (3f2a9c01)"),
        ("🍣" * 40, "🍣" * 13 + " (3f2a9c01)"),
    ],
)
def test_the_name_a_person_sees(store: str, shown: str) -> None:
    assert instance_name(store, BOX) == shown


@given(store=st.text(max_size=120), number=st.integers(1, 9))
def test_any_store_name_makes_a_legal_label_that_ends_with_the_box(store: str, number: int) -> None:
    name = instance_name(store, BOX, number)
    assert 0 < len(name.encode()) <= LABEL_BYTES_MAX
    assert "." not in name
    assert name.isprintable() or not store.isprintable()
    assert name.endswith(f" ({BOX})" if number == 1 else f" ({BOX}-{number})")


def test_the_txt_record_is_the_contracts() -> None:
    facts = BeaconFacts(hub_id="h", store_id="s", store_name="n", box=BOX, port=1, tls=False, role="standby")
    assert txt(facts) == {
        "v": "1",
        "id": "h",
        "store": "s",
        "path": "/v1",
        "tls": "0",
        "fp": "",
        "box": BOX,
        "role": "standby",
    }
    assert host_name(BOX) == "storehub-3f2a9c01.local."


def test_every_address_that_a_handheld_can_use_and_no_other() -> None:
    machine = [
        LO,
        LAN,
        Interface("wlan0", 3, ("192.168.1.7",)),
        Interface("wlan1", 4, ("10.0.0.1",), usable=False),
        Interface("docker0", 5, ("172.17.0.1",)),
        Interface("br-0123456789ab", 6, ("172.18.0.1",)),
        Interface("br-lan", 7, ("192.168.8.1",)),
        Interface("usb0", 8, ("169.254.3.4",)),
    ]
    reach = choose(machine)
    assert reach.addresses == ("192.168.1.7", "192.168.1.20", "192.168.8.1", "2001:db8::20")
    assert reach.zeroconf_interfaces == ["192.168.1.20", 2, "192.168.1.7", "192.168.8.1", "169.254.3.4"]
    assert choose(machine, ignored=("*",)).addresses == ()
    ipv4_only = "0.0.0.0"  # noqa: S104 - nothing is bound
    assert choose(machine, ipv4_only).addresses == ("192.168.1.7", "192.168.1.20", "192.168.8.1")
    assert choose(machine, "::") == reach


def test_a_hub_that_listens_on_one_address_announces_that_one() -> None:
    machine = [LO, LAN, Interface("wlan0", 3, ("192.168.1.7",))]
    assert choose(machine, "192.168.1.7") == Reach(("192.168.1.7",), (("192.168.1.7", ""),))
    assert choose(machine, "192.168.1.99") == Reach(), "not there (yet): nothing to announce"
    assert choose(machine, "localhost") == Reach(("127.0.0.1",), (("127.0.0.1", ""),))
    assert choose(machine, "127.0.0.9").addresses == ("127.0.0.9",)
    assert choose([LO]) == Reach(), "the loopback is announced only when nothing else is wanted"


def test_a_self_assigned_address_is_better_than_none() -> None:
    assert choose([Interface("eth0", 2, ("169.254.3.4", "fe80::4"))]).addresses == ("169.254.3.4",)
    assert choose([Interface("eth0", 2, ("fe80::4",))]).addresses == ()


def test_this_machines_interfaces_can_be_read() -> None:
    loopback = [interface for interface in read_interfaces() if interface.loopback]
    assert [interface.name for interface in loopback] == ["lo"]
    assert "127.0.0.1" in loopback[0].addresses


def test_the_store_picks_its_interfaces() -> None:
    machine = [
        LO,
        Interface("eth0", 2, ("192.168.1.20", "fd12:3456::20", "fe80::2")),
        Interface("wlan0", 3, ("192.168.50.1",)),
        Interface("docker0", 4, ("172.17.0.1",)),
        Interface("tailscale0", 5, ("100.101.102.103",), usable=False),
    ]
    assert choose(machine).addresses == ("192.168.1.20", "192.168.50.1", "fd12:3456::20")
    assert choose(machine, only=("eth0",)).addresses == ("192.168.1.20", "fd12:3456::20")
    assert choose(machine, only=("wlan*", "docker0")).addresses == ("172.17.0.1", "192.168.50.1")
    assert choose(machine, only=("nosuch",)).addresses == ()
    # A tunnel cannot carry multicast, whoever picks it.
    assert choose(machine, only=("tailscale0",)).addresses == ()


@pytest.mark.parametrize(
    ("text", "names"), [("", ()), ("eth0", ("eth0",)), (" eth0 , wlan* ,", ("eth0", "wlan*"))]
)
def test_the_setting_that_picks_them(text: str, names: tuple[str, ...]) -> None:
    assert load({"interfaces": text}, {}).only_interfaces == names
