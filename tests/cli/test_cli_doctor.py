"""The doctor names what is wrong, says what to do, in two languages, and its exit status tells how bad it is."""

from __future__ import annotations

import json
import shutil
import socket
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cliworld import Hub, Storehub

from hub.doctor.texts import texts
from hub.store.highwater import HighWater

Sell = Callable[[Hub, int], None]


def examined(storehub: Storehub, *, code: int, **environment: str) -> dict[str, dict[str, Any]]:
    # On the loopback: these tests ask nobody on the machine's own network.
    done = storehub.run("doctor", "--json", "--wait", "0.5", **{"STOREHUB_HTTP": "1", **environment})
    assert done.exit_code == code, (done.stdout, done.stderr, done.exception)
    found = json.loads(done.stdout)
    assert found["state"] == {0: "ok", 1: "fail", 3: "warn"}[code]
    return {check["check"]: check for check in found["checks"]}


def test_a_hub_that_runs(hub: Hub, storehub: Storehub) -> None:
    checks = examined(storehub, code=3)
    assert {name for name, check in checks.items() if check["state"] == "ok"} >= {
        "folder",
        "credentials",
        "speed",
        "hub",
        "journal",
        "port",
    }
    # No cloud, no mDNS, no TLS in this test.
    assert {name for name, check in checks.items() if check["state"] == "warn"} >= {
        "cloud",
        "mdns",
        "certificate",
    }


def test_a_hub_that_is_stopped_and_a_port_that_is_taken(hub: Hub, storehub: Storehub) -> None:
    hub.stop()
    with socket.create_server(("", 0)) as other:
        port = str(other.getsockname()[1])
        checks = examined(storehub, code=1, STOREHUB_PORT=port)
    assert (checks["hub"]["state"], checks["port"]["state"]) == ("warn", "fail")
    assert port in checks["port"]["detail"]
    assert checks["port"]["advice"]


def test_damage_is_found(hub: Hub, storehub: Storehub, sell: Sell) -> None:
    sell(hub, 3)
    hub.stop()
    journal = storehub.data / "journal.db"
    whole = journal.read_bytes()
    place = whole.index(b"storehub.order.placed.v1")
    journal.write_bytes(whole[:place] + b"x" + whole[place + 1 :])
    assert examined(storehub, code=1)["journal"]["state"] == "fail"
    journal.write_bytes(b"x" * len(whole))
    assert examined(storehub, code=1)["journal"]["state"] == "fail"
    journal.write_bytes(whole)
    mark = HighWater(storehub.data / "highwater.json")
    had = mark.read()
    assert had is not None
    mark.write(msgspec.structs.replace(had, seq=had.seq + 900))
    assert "entries are lost" in examined(storehub, code=1)["journal"]["detail"]


def test_a_directory_that_others_may_read(hub: Hub, storehub: Storehub) -> None:
    hub.stop()
    storehub.data.chmod(0o755)
    checks = examined(storehub, code=3, STOREHUB_PORT="0")
    assert checks["folder"]["id"] == "folder.open"
    assert "chmod" in checks["folder"]["advice"]


def test_a_token_that_others_may_read(hub: Hub, storehub: Storehub, tmp_path: Path) -> None:
    hub.stop()
    config = tmp_path / "storehub.toml"
    config.write_text('http = true\nport = 0\ncloud_url = "http://127.0.0.1:9"\ncloud_token = "secret"\n')
    for mode, wanted in ((0o640, "ok"), (0o644, "fail")):
        config.chmod(mode)
        checks = examined(storehub, code=1, STOREHUB_CONFIG=str(config))
        assert checks["credentials"]["state"] == wanted
    assert "secret" not in json.dumps(checks)
    config.chmod(0o640)
    (storehub.data / "identity.json").chmod(0o644)
    assert "identity.json" in examined(storehub, code=1)["credentials"]["detail"]


def test_a_hub_that_began_too_often(hub: Hub, storehub: Storehub) -> None:
    hub.stop()
    assert examined(storehub, code=3, STOREHUB_PORT="0")["starts"]["state"] == "ok"
    for _ in range(5):
        # While none runs a command opens the journal as a hub does, which begins an epoch.
        storehub.ok("device", "add", "--name", "h", "--role", "handheld")
    checks = examined(storehub, code=3, STOREHUB_PORT="0")
    assert checks["starts"]["id"] == "starts.many"
    assert "6 times" in checks["starts"]["detail"]


def test_a_cloud_that_cannot_be_reached(hub: Hub, storehub: Storehub) -> None:
    hub.stop()
    cloud = {"STOREHUB_CLOUD_URL": "http://127.0.0.1:9", "STOREHUB_CLOUD_TOKEN": "t", "STOREHUB_PORT": "0"}
    assert "127.0.0.1:9" in examined(storehub, code=1, **cloud)["cloud"]["detail"]


def test_it_speaks_the_terminals_language(hub: Hub, storehub: Storehub) -> None:
    loopback = {"STOREHUB_HTTP": "1"}
    japanese = storehub.run("doctor", LANG="ja_JP.UTF-8", **loopback).stdout
    assert "データフォルダ" in japanese
    assert (
        "データフォルダ" not in storehub.run("doctor", "--lang", "en", LANG="ja_JP.UTF-8", **loopback).stdout
    )
    assert "データフォルダ" not in storehub.run("doctor", LANG="C.UTF-8", **loopback).stdout


def words_of(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize(("book", "check"), [(b, c) for b in ("texts", "drill") for c in sorted(texts(b))])
def test_every_text_stands_in_both_languages_and_names_the_same_things(book: str, check: str) -> None:
    for what, text in texts(book)[check].items():
        if isinstance(text, str):
            assert {"en", "ja"} <= texts(book)[check].keys()
            continue
        assert text.keys() in ({"en", "ja"}, {"en", "ja", "en_do", "ja_do"}), (check, what)
        assert words_of(text["en"]) == words_of(text["ja"]), (check, what)


def test_it_changes_nothing(hub: Hub, storehub: Storehub) -> None:
    hub.stop()
    before = storehub.ok("export")
    names = {path.name for path in storehub.data.iterdir()}
    storehub.run("doctor", STOREHUB_HTTP="1")
    assert storehub.ok("export") == before
    assert {path.name for path in storehub.data.iterdir()} == names
    shutil.rmtree(storehub.data)
    assert examined(storehub, code=1)["folder"]["state"] == "fail"
