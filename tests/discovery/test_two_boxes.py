"""A box, its standby and a handheld on a LAN: real mDNS, real TLS, and a cable pulled in the middle of a dinner."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from test_discovery_lan import until
from test_doctor_lan import environment, run_hub
from test_finding_lan import CHANGES, Handheld, asked

from tests.support.netns import Host, Lan, why_not

pytestmark = [pytest.mark.netns, pytest.mark.timeout(180)]


def storehub(host: Host, folder: Path, *words: str) -> tuple[int, str]:
    done = host.run(
        *(sys.executable, "-m", "hub", words[0], "--data", folder / "data", *words[1:]),
        env=environment(),
        timeout_s=60,
    )
    return done.returncode, done.stdout + done.stderr


def write(handheld: Handheld, key: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    said = handheld.do(f"write {key} POST {path} {json.dumps(body)}")
    assert "error" not in said, said
    return said


def role_of(folder: Path) -> str:
    """'' while the doors are opened anew."""
    try:
        return str(asked(folder, "look")["role"])
    except OSError:
        return ""


def test_the_store_goes_on_at_the_standby_and_the_old_box_stays_out(tmp_path: Path) -> None:
    if reason := why_not():
        pytest.skip(reason)
    with Lan(ipv6=False) as lan:
        _play(lan, tmp_path / "first", tmp_path / "second")


def _play(lan: Lan, first: Path, second: Path) -> None:
    box, spare = lan.host("first", "10.91.0.2/24"), lan.host("second", "10.91.0.3/24")
    hand = lan.host("hand", "10.91.0.11/24")
    first.mkdir()
    second.mkdir()
    run_hub(box, first)
    asked(first, "master.apply", changes=CHANGES)
    # All of the store, its authority and keys, goes to the standby by TLS, verified with the link's fingerprint.
    code, said = storehub(spare, second, "standby", asked(first, "device.code", role="standby")["uri"])
    assert code == 0, said
    run_hub(spare, second)
    until(lambda: asked(first, "look")["mirror"]["state"] == "following", 30, "the standby follows")
    look = asked(first, "look")
    code = asked(first, "device.code", role="register")["code"]
    handheld = Handheld(hand, first, "https://10.91.0.2:8443", look, f"code={code}")
    line = {"product_id": "p-1", "quantity": 2}
    order = write(handheld, "k-order", "/v1/orders", {"table_id": "t-1", "lines": [line]})
    sale = {"lines": [line], "tenders": [{"method": "cash", "amount": 1800}]}
    sold = write(handheld, "k-sale", "/v1/sales", sale)
    assert handheld.do("browse")["hubs"] == [
        ["primary", "https://10.91.0.2:8443"],
        ["standby", "https://10.91.0.3:8443"],
    ]
    last = asked(first, "look")["last_seq"]
    until(lambda: asked(second, "look")["last_seq"] >= last, 20, "the standby has the sale")
    code, said = storehub(spare, second, "promote", "--unplugged")
    assert code == 1, said
    assert asked(second, "look")["role"] == "standby", (
        "while the box answers nobody takes its place by mistake"
    )

    box.unplug()
    code, said = storehub(spare, second, "promote", "--unplugged")
    assert code == 0, said
    # The waiter knows nothing of it: the handheld finds the other box, with the token and the trust that it has.
    more = write(handheld, "k-more", "/v1/orders", {"check_id": order["body"]["check_id"], "lines": [line]})
    assert more["urls"][0] == "https://10.91.0.3:8443"
    assert more["body"]["check_total"] == 2 * order["body"]["check_total"]
    assert more["body"]["check_no"] == order["body"]["check_no"]
    for key, path, body, first_said in (
        ("k-order", "/v1/orders", {"table_id": "t-1", "lines": [line]}, order),
        ("k-sale", "/v1/sales", sale, sold),
    ):
        again = write(handheld, key, path, body)
        assert (again["body"], again["replayed"]) == (first_said["body"], True)
    paid = {
        "check_id": order["body"]["check_id"],
        "tenders": [{"method": "cash", "amount": more["body"]["check_total"]}],
    }
    settled = write(handheld, "k-paid", "/v1/sales", paid)
    assert settled["body"]["receipt_no"] != sold["body"]["receipt_no"]
    until(lambda: settled["seq"] in handheld.do("feed")["heard"], 20, "the feed of the other box")

    # Somebody plugs the old one in again, still running and sure that it is the store.
    box.plug()
    until(lambda: role_of(first) == "superseded", 40, "the old box finds out")
    assert asked(first, "look")["journal"]["state"] == "superseded"
    # What lay in the network's buffers while the cable was out may have come in during the seconds before.
    kept = asked(first, "look")["last_seq"]
    until(
        lambda: handheld.do("browse")["hubs"] == [["primary", "https://10.91.0.3:8443"]],
        20,
        "mDNS points at the new box alone",
    )
    assert handheld.do("find")["url"] == "https://10.91.0.3:8443"
    write(handheld, "k-next", "/v1/orders", {"table_id": "t-1", "lines": [line]})
    assert asked(first, "look")["last_seq"] == kept, "nothing was added to the old box"
