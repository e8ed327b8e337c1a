"""storehub setup: by options, by a file, on a terminal; and what the hub then is."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import httpx
import pytest
from cliworld import FOREIGN

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[2] / "deploy/storehub.toml.example"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    config = tmp_path / "etc/storehub.toml"
    config.parent.mkdir()
    config.write_text(EXAMPLE.read_text())
    return config


def environment(config: Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    data = config.parents[1] / "data"
    return {**clean, "STOREHUB_CONFIG": str(config), "STOREHUB_DATA": str(data), "LC_ALL": "C.UTF-8"}


def setup(config: Path, *arguments: str, said: str = "", code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hub", "setup", *arguments],
        env=environment(config),
        input=said,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout


def test_a_file_of_answers_sets_a_box_up_without_a_question(config: Path) -> None:
    answers = {"store_id": "shinjuku", "store_name": "新宿店", "timezone": "Asia/Seoul"}
    made = json.loads(setup(config, "--answers", "-", "--json", said=json.dumps(answers)))
    assert (made["store_id"], made["cloud"], made["restarted"]) == ("shinjuku", None, False)
    assert made["changed"] is True
    assert re.fullmatch(r"\w{5}-\w{5}", made["pairing"]["code"])
    said = tomllib.loads(config.read_text())
    assert said == {**answers, "day_change_time": "05:00"}
    # The same again changes nothing.
    written = config.stat().st_mtime_ns
    again = json.loads(setup(config, "--answers", "-", "--json", "--no-pairing", said=json.dumps(answers)))
    assert (again["changed"], config.stat().st_mtime_ns) == (False, written)
    # Run again, it keeps what is not answered.
    setup(config, "--store-name", "新宿東口店", "--no-pairing")
    assert tomllib.loads(config.read_text()) == {**said, "store_name": "新宿東口店"}


def test_nothing_is_written_when_an_answer_is_wrong_or_missing(config: Path) -> None:
    before = config.read_text()
    assert "store_id" in setup(config, "--store-name", "x", code=1)
    assert "time zone" in setup(config, "--store-id", "1", "--store-name", "x", "--timezone", "Mars", code=1)
    wrong = json.dumps({"store_id": "1", "store_name": "x", "cloud": "y"})
    assert "cloud" in setup(config, "--answers", "-", said=wrong, code=1)
    assert "no JSON" in setup(config, "--answers", "-", said="{", code=1)
    assert config.read_text() == before
    assert not config.with_name("storehub.env").exists()


def test_the_cloud_is_asked_and_a_refusal_is_an_error(config: Path, tmp_path: Path) -> None:
    cloud = subprocess.Popen(
        [sys.executable, "-m", "cloud", "run", "--db", f"sqlite:///{tmp_path}/cloud.db", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert cloud.stdout is not None
        url = cloud.stdout.readline().split()[2]
        store = ("--store-id", "s1", "--store-name", "x", "--cloud", url)
        assert "refuses" in setup(config, *store, "--cloud-token", "wrong", code=1)
        assert "store_id" not in tomllib.loads(config.read_text())
        setup(config, *store, "--cloud-token", "wrong", "--offline")
        # The hub knows its id now, and the cloud gives out a token for it.
        hub_id = json.loads((config.parents[1] / "data/identity.json").read_text())["hub_id"]
        added = subprocess.run(
            [
                *(sys.executable, "-m", "cloud", "hub", "add", "--db", f"sqlite:///{tmp_path}/cloud.db"),
                *("--store", "s1", "--hub", hub_id),
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        token = added.stdout.strip().rpartition("token=")[2]
        made = json.loads(setup(config, "--cloud-token", token, "--json", "--no-pairing"))
        assert made["cloud"]["state"] == "ok"
    finally:
        cloud.terminate()
        cloud.wait(20)
        cloud.stdout and cloud.stdout.close()
    # A line that is down is no reason not to open the store.
    made = json.loads(setup(config, "--store-name", "y", "--json", "--no-pairing"))
    assert made["cloud"]["state"] == "fail"
    assert tomllib.loads(config.read_text())["store_name"] == "y"


def test_on_a_terminal_it_asks_again_for_what_is_wrong_and_ends_with_a_code(config: Path) -> None:
    inside, outside = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "hub", "setup", "--lang", "ja"],
        env=environment(config),
        stdin=outside,
        stdout=outside,
        stderr=outside,
    )
    os.close(outside)
    screen = ""

    def expect(text: str) -> None:
        nonlocal screen
        end = time.monotonic() + 30
        while text not in screen:
            assert time.monotonic() < end, screen
            if select.select([inside], [], [], 0.2)[0]:
                try:
                    screen += os.read(inside, 4096).decode(errors="replace")
                except OSError:
                    break
        assert text in screen, screen
        screen = screen.split(text, 1)[1]

    def answer(text: str) -> None:
        os.write(inside, f"{text}\n".encode())

    expect("店舗名")
    answer("渋谷店")
    expect("店舗 ID")
    answer("not an id")
    expect("Asia/Tokyo")
    answer("")
    expect("05:00")
    answer("04:00")
    expect("URL")
    answer("")
    expect("店舗 ID は")
    expect("店舗 ID")
    answer("shibuya")
    expect("渋谷店（shibuya）")
    expect("code=")
    assert process.wait(20) == 0
    os.close(inside)
    assert tomllib.loads(config.read_text()) == {
        "store_id": "shibuya",
        "store_name": "渋谷店",
        "timezone": "Asia/Tokyo",
        "day_change_time": "04:00",
    }


def test_the_page_is_there_while_the_box_is_new_and_its_code_is_shown_on_the_box(config: Path) -> None:
    def start() -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "hub", "run", "--http", "--port", "0", "--no-mdns"],
            env=environment(config),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        return process, process.stdout.readline().split()[2]

    hub, url = start()
    try:
        shown = json.loads(setup(config, "--code", "--json"))
        assert shown["url"] == f"{url}/setup"
        with httpx.Client(base_url=url, headers={"origin": url}) as browser:
            assert browser.get("/").headers["location"] == "/setup"
            page = browser.get("/setup")
            assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
            assert browser.get("/setup/assets/../page.py").status_code == 404
            # A page of somebody else's, and a code that is not the one.
            foreign = {"origin": "https://elsewhere.example"}
            assert browser.post("/setup", json={"code": shown["code"]}, headers=foreign).status_code == 403
            answers = {"store_id": "s1", "store_name": "x"}
            for _ in range(6):
                tried = browser.post("/setup", json={"code": "AAAAA-AAAAA", "answers": answers})
                assert tried.json()["slug"] == "pairing-code-invalid"
            # Who guesses waits, even with the right one.
            tried = browser.post("/setup", json={"code": shown["code"], "answers": answers})
            assert tried.status_code == 429
            assert "store_id" not in tomllib.loads(config.read_text())
            # The first device that is paired ends it, as it is somebody's box then.
            subprocess.run(
                [sys.executable, "-m", "hub", "device", "add", "--name", "m", "--role", "manager"],
                env=environment(config),
                check=True,
                capture_output=True,
            )
            assert browser.get("/setup").status_code == 404
            assert browser.post("/setup", json={"code": shown["code"]}).status_code == 404
            assert browser.get("/").headers["location"] == "/console"
    finally:
        hub.terminate()
        hub.communicate(timeout=20)
    assert "no first-run page" in setup(config, "--code", code=1)
