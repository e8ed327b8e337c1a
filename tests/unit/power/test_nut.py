"""The UPS: what upsd's words mean, and a real upsd over a UPS that is none (Debian's nut-server, dummy-ups)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hub.power.nut import Ups, UpsPlace, ask, place_of, state_of
from hub.power.sensors import Readings
from hub.power.watch import MachineHealth
from hub.settings import SettingsError, load
from tests.support.ports import free_port

NUT = Path("/lib/nut")
FULL = "ups.status: OL\nbattery.runtime: 1800\nbattery.charge: 100\n"
OUT = "ups.status: OB DISCHRG\nbattery.runtime: 299.5\nbattery.charge: 40\n"
EMPTY = "ups.status: OB LB\nbattery.charge: 3\n"


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("OL", "line"), ("OL CHRG", "line"), ("OL LB CHRG", "line"), ("OB DISCHRG", "battery"), ("OB LB", "low"),
        ("FSD OL", "low"), ("", "unknown"), ("CAL", "unknown"),
    ],
)  # fmt: skip
def test_the_words_of_ups_status(words: str, state: str) -> None:
    assert state_of(words) == state


@pytest.mark.parametrize(
    "text",
    ["shop", "shop@192.168.1.5", "a b@127.0.0.1", "shop@127.0.0.1:0", "shop@127.0.0.1:99999", "@localhost"],
)
def test_only_this_machine_is_asked(text: str) -> None:
    with pytest.raises(ValueError, match="on this machine"):
        place_of(text)
    with pytest.raises(SettingsError, match="STOREHUB_UPS"):
        load({}, {"STOREHUB_UPS": text})


def test_where_upsd_is() -> None:
    assert place_of("shop@[::1]:3000") == UpsPlace("shop", "::1", 3000)
    assert load({}, {"STOREHUB_UPS": "shop@127.0.0.1"}).ups == "shop@127.0.0.1"


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"x" * 5000, b"ERR ACCESS-DENIED\n", b"\xff\xfe\n"]
)
async def test_whoever_is_no_upsd_does_no_harm(said: bytes) -> None:
    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(stranger, "127.0.0.1", 0)
    async with server:
        found = await ask(UpsPlace("shop", "127.0.0.1", server.sockets[0].getsockname()[1]))
    assert (found.state, bool(found.reason)) == ("unknown", True)


async def test_nobody_listens() -> None:
    assert (await ask(UpsPlace("shop", "127.0.0.1", free_port()))).state == "unknown"


@asynccontextmanager
async def upsd(folder: Path) -> AsyncIterator[UpsPlace]:
    port, state = free_port(), folder / "state"
    state.mkdir()
    for name, text in {
        "ups.conf": "[shop]\n  driver = dummy-ups\n  port = shop.dev\n  mode = dummy-loop\n  pollinterval = 1\n",
        "upsd.conf": f"LISTEN 127.0.0.1 {port}\n", "upsd.users": "", "shop.dev": FULL,
    }.items():  # fmt: skip
        (folder / name).write_text(text)
        (folder / name).chmod(0o640)
    environment = {**os.environ, "NUT_CONFPATH": str(folder), "NUT_STATEPATH": str(state),
                   "NUT_ALTPIDPATH": str(state), "NUT_PIDPATH": str(state)}  # fmt: skip
    programs: list[asyncio.subprocess.Process] = []

    async def begin(*command: str) -> None:
        made = asyncio.create_subprocess_exec(
            NUT / command[0], *command[1:], env=environment, stdout=log, stderr=log
        )
        programs.append(await made)

    with (folder / "log").open("wb") as log:
        try:
            await begin("dummy-ups", "-a", "shop", "-F", "-u", "root")
            await begin("upsd", "-F", "-u", "root")
            place = UpsPlace("shop", "127.0.0.1", port)
            async with asyncio.timeout(20):
                while (await ask(place)).state != "line":
                    await asyncio.sleep(0.1)
            yield place
        finally:
            for program in programs:
                program.terminate()
                await program.wait()


@pytest.mark.slow
@pytest.mark.skipif(not (NUT / "upsd").exists(), reason="needs Debian's nut-server")
@pytest.mark.skipif(os.geteuid() != 0, reason="upsd changes its user: needs root")
async def test_a_real_upsd_over_an_outage(tmp_path: Path) -> None:
    async with upsd(tmp_path) as place:
        assert await ask(place) == Ups("line", 30, 100)
        health = MachineHealth(ups=place, sensors=Readings)
        await health.look()
        assert not health.on_battery
        for said, state, minutes in ((OUT, "battery", 4), (EMPTY, "low", None), (FULL, "line", 30)):
            (tmp_path / "shop.dev").write_text(said)
            async with asyncio.timeout(30):
                while (await ask(place)).state != state:
                    await asyncio.sleep(0.1)
            await health.look()
            assert health.on_battery is (state != "line")
            # dummy-ups forgets nothing that a file leaves out.
            assert health.view()["ups"]["minutes_left"] in (minutes, 4)
        assert (await ask(UpsPlace("other", "127.0.0.1", place.port))).reason == "upsd says: ERR UNKNOWN-UPS"
