"""The support bundle: what somebody far away needs, and nothing that is secret or somebody's."""

from __future__ import annotations

import json
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cliworld import Hub, Storehub
from hypothesis import given
from hypothesis import strategies as st

from hub.datadir import DataDir
from hub.doctor.bundle import MEMBER_LENGTH_MAX, write_bundle
from hub.doctor.findings import Machine
from hub.doctor.scrubbing import GONE, Scrubber
from hub.settings import Settings

Sell = Callable[[Hub, int], None]
MEMBERS = {
    "README.txt", "doctor.json", "settings.json", "sync.json", "metrics.txt", "entries.jsonl", "tables.json",
    "system.json", "unit.txt", "log.txt", "kernel.txt",
}  # fmt: skip
# What must be nowhere in it. Each is put where a store would put it, and into a log that says too much.
TOKEN, PASSWORD, ENV_SECRET = "tok-Zq81kfmw20", "hunter2secret", "mailpass-9931"
CUSTOMER, PHONE, EMAIL, CARD = "山田花子", "090-1234-5678", "hanako.yamada@example.com", "4111 1111 1111 1111"
PIN, NOTE, REASON, OWNER = "83615", "誕生日の田中様", "spilled by Mr Suzuki", "Kobayashi's phone"
PLANTED = (TOKEN, PASSWORD, ENV_SECRET, CUSTOMER, PHONE, EMAIL, CARD, PIN, NOTE, REASON, OWNER)
LOG = f"""#!/bin/sh
cat <<'END'
2026-11-21T10:00:01+0900 box storehub[7]: INFO hub: serving
2026-11-21T10:00:02+0900 box storehub[7]: WARNING x: Authorization: Bearer {TOKEN}
2026-11-21T10:00:03+0900 box storehub[7]: WARNING x: {{"pin": "{PIN}", "token":"abc123secretvalue"}}
2026-11-21T10:00:04+0900 box storehub[7]: WARNING x: customer {EMAIL} tel {PHONE} card {CARD}
2026-11-21T10:00:05+0900 box storehub[7]: WARNING x: STOREHUB_CLOUD_TOKEN={TOKEN} at https://u:{PASSWORD}@cloud.example/x?key={PASSWORD}
2026-11-21T10:00:06+0900 box storehub[7]: WARNING x: {OWNER} was revoked
END
"""


def unpacked(file: Path) -> dict[str, str]:
    with tarfile.open(file, "r:gz") as tar:
        found = {}
        for member in tar:
            assert member.mode == 0o600
            content = tar.extractfile(member)
            assert content is not None
            found[member.name.removeprefix("storehub-bundle/")] = content.read().decode()
        return found


@pytest.fixture
def talkative(tmp_path: Path) -> dict[str, str]:
    """An environment with secrets, and with a journalctl that tells them all."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "journalctl").write_text(LOG)
    (programs / "journalctl").chmod(0o755)
    return {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "STOREHUB_HTTP": "1",
        "STOREHUB_CLOUD_URL": f"http://u:{PASSWORD}@127.0.0.1:9/x?key={PASSWORD}",
        "STOREHUB_CLOUD_TOKEN": TOKEN,
        "MAIL_SECRET": ENV_SECRET,
    }


def lived(storehub: Storehub, hub: Hub, sell: Sell) -> list[str]:
    """A store with people and secrets in every corner; what a device's token and a pairing code are."""
    sell(hub, 2)
    people = storehub.data.parent / "people.csv"
    people.write_text(f"id,name,phone,email,points\nc-1,{CUSTOMER},{PHONE},{EMAIL},5\n")
    storehub.ok("import", str(people))
    token = storehub.json("device", "add", "--name", OWNER, "--role", "manager")["token"]
    code = storehub.json("device", "code", "--role", "handheld")["code"]
    with httpx.Client(base_url=hub.url, trust_env=False) as http:

        def post(path: str, key: str, body: dict[str, Any]) -> None:
            headers = {"authorization": f"Bearer {token}", "idempotency-key": key}
            answer = http.post(path, json=body, headers=headers)
            assert answer.status_code in (200, 201), answer.text

        line = {"product_id": "p-1", "quantity": 2, "note": NOTE, "line_id": "l-1"}
        post("/v1/orders", PHONE.replace("-", ""), {"table_id": "t-1", "lines": [line]})
        check = http.get("/v1/checks?status=open", headers={"authorization": f"Bearer {token}"}).json()
        void = {"lines": [{"line_id": "l-1", "quantity": 1}], "reason": REASON}
        post(f"/v1/checks/{check['checks'][0]['check_id']}/void", "void-1", void)
        post("/v1/facts", "fact-1", {"type": "x.acme.note", "subject": CUSTOMER, "data": {"pin": PIN}})
    return [token, code, code.replace("-", ""), PHONE.replace("-", "")]


def test_nothing_secret_and_nobody_is_in_it(
    hub: Hub, storehub: Storehub, sell: Sell, talkative: dict[str, str], tmp_path: Path
) -> None:
    secrets = [*PLANTED, *lived(storehub, hub, sell)]
    identity = json.loads((storehub.data / "identity.json").read_text())
    secrets += [identity["store_key"], (storehub.data / "customers.key").read_text().strip()]
    for number, running in enumerate((True, False)):
        if not running:
            hub.stop()
        target = tmp_path / f"bundle-{number}.tar.gz"
        done = storehub.run("bundle", str(target), "--json", "--wait", "0.5", **talkative)
        assert done.exit_code == 0, (done.stdout, done.stderr, done.exception)
        told = json.loads(done.stdout)
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
        assert told["bytes"] == target.stat().st_size < 1_000_000
        found = unpacked(target)
        assert found.keys() == MEMBERS == told["members"].keys()
        for name, text in found.items():
            for secret in secrets:
                assert secret not in text, (name, secret)
        # And yet it tells what is wrong: every part has what it is for.
        assert any(check["id"] == "cloud.unreachable" for check in json.loads(found["doctor.json"])["en"])
        settings = json.loads(found["settings.json"])["settings"]
        assert (settings["cloud_token"], settings["cloud_url"]) == ("set", "http://127.0.0.1:9")
        sync = json.loads(found["sync.json"])
        assert (sync["running"], sync["unsent"]["count"] > 5) == (running, True)
        assert len(sync["devices"]) == 2
        assert "serving" in found["log.txt"]
        assert found["log.txt"].count(GONE) >= 7
        assert ("storehub_entries_total" in found["metrics.txt"]) == running
        entries = [json.loads(line) for line in found["entries.jsonl"].splitlines()]
        assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
        assert "storehub.order.placed.v1" in {entry["type"] for entry in entries}
        assert json.loads(found["tables.json"])["rows"]["entries"] == len(entries)
        assert "msgspec" in json.loads(found["system.json"])["packages"]


def test_a_damaged_journal_is_told_and_a_file_is_never_replaced(
    hub: Hub, storehub: Storehub, tmp_path: Path
) -> None:
    hub.stop()
    (storehub.data / "journal.db").write_bytes(b"x" * 8192)
    quiet = {"STOREHUB_HTTP": "1"}
    done = storehub.run("bundle", str(tmp_path), "--wait", "0.5", **quiet)
    assert done.exit_code == 0, (done.stdout, done.stderr)
    (file,) = tmp_path.glob("storehub-bundle-*.tar.gz")
    found = unpacked(file)
    assert found["entries.jsonl"].startswith("not to be had: ClickException")
    assert "journal.damaged" in found["doctor.json"]
    before = file.read_bytes()
    assert storehub.run("bundle", str(file), "--wait", "0.5", **quiet).exit_code == 1
    assert file.read_bytes() == before


class Chatty(Machine, frozen=True):
    def run(self, *command: str, timeout_s: float = 5.0) -> str | None:
        return "2026-11-21 storehub: a line of the log\n" * 200_000 if command[0] == "journalctl" else None


def test_it_stays_small_however_much_there_is_to_say(storehub: Storehub, tmp_path: Path) -> None:
    storehub.data.mkdir(mode=0o700)
    target = tmp_path / "b.tar.gz"
    settings = Settings(data=str(storehub.data), http=True, port=0, mdns=False)
    sizes = write_bundle(settings, DataDir(storehub.data), target, wait_s=0.5, machine=Chatty())
    assert sizes["log.txt"] <= MEMBER_LENGTH_MAX + 10
    assert target.stat().st_size < 200_000


@given(st.text(), st.sampled_from(["token=", '"pin": "', "Bearer ", "STOREHUB_CLOUD_TOKEN=", "password: "]))
def test_what_stands_behind_a_telling_name_goes_whatever_is_around(around: str, name: str) -> None:
    assert "s3cr3tvalue" not in Scrubber()(f"{around} {name}s3cr3tvalue\n{around}")


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-21T10:00:01.123+09:00 seq 1048576 in 12.5 ms",
        "addresses: 192.168.10.20, fd00::1",
        "hub-1f3a9c0122334455 epoch 9f3c51d07ab24e68 boot 01234567",
        "POST /v1/orders 201 request 0192f0c1-2b3c-7d4e-8f50-6172839405a6",
        "12345678901 bytes free",
    ],
)
def test_what_a_technician_needs_stays(line: str) -> None:
    assert Scrubber(["abcd"])(line) == line
