"""While a UPS is on its battery nothing long is begun; when the power is back it is."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub.cli import main
from hub.cli.update import bring
from hub.control import ControlDoor
from hub.power.nut import UpsPlace
from hub.power.sensors import Readings
from hub.power.watch import MachineHealth
from hub.update.layout import Layout, UpdateError
from tests.integration.conftest import Shop


class Upsd:
    """upsd's protocol, as far as the hub speaks it."""

    def __init__(self) -> None:
        self.status = "OL"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while words := (await reader.readline()).split():
            if words[0] != b"GET":
                break
            told = {"ups.status": self.status, "battery.runtime": "299"}
            name = words[3].decode()
            line = f'VAR shop {name} "{told[name]}"' if name in told else "ERR VAR-NOT-SUPPORTED"
            writer.write(f"{line}\n".encode())
        writer.close()


@pytest.fixture
async def upsd(shop: Shop) -> AsyncIterator[Upsd]:
    """Asked by the shop's hub, whose command line may ask it."""
    upsd = Upsd()
    server = await asyncio.start_server(upsd.serve, "127.0.0.1", 0)
    place = UpsPlace("shop", "127.0.0.1", server.sockets[0].getsockname()[1])
    async with server, ControlDoor(shop.hub.data.control, shop.box):
        shop.box.health = MachineHealth(ups=place, sensors=Readings)
        yield upsd


async def storehub(shop: Shop, *arguments: str) -> Result:
    command = ("--data", str(shop.hub.data.path))
    return await asyncio.to_thread(CliRunner().invoke, main, [arguments[0], *command, *arguments[1:]])


async def test_backup_and_proof_wait_for_the_power(shop: Shop, upsd: Upsd, tmp_path: Path) -> None:
    target = tmp_path / "backup.tar"
    for upsd.status, status in (("OB DISCHRG", os.EX_TEMPFAIL), ("OB LB", os.EX_TEMPFAIL), ("OL CHRG", 0)):
        await shop.box.health.look()
        for command in (["backup", "--if-power", str(target)], ["verify", "--quick", "--if-power"]):
            ended = await storehub(shop, *command)
            assert ended.exit_code == status, ended.output
            assert ("on its battery, for 4 more minutes" in ended.output) is (status != 0)
        assert target.exists() is (status == 0)
    # Who asks for it by hand gets it all the same.
    upsd.status = "OB"
    await shop.box.health.look()
    assert (await storehub(shop, "backup", str(tmp_path / "now.tar"))).exit_code == 0


async def test_no_update_is_begun_on_a_battery(shop: Shop, upsd: Upsd, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "root")
    layout.data.parent.mkdir(parents=True)
    layout.data.symlink_to(shop.hub.data.path.absolute())
    upsd.status = "OB"
    await shop.box.health.look()
    with pytest.raises(UpdateError, match="on its battery"):
        await asyncio.to_thread(bring, layout, "no-such-file.tar", None)
    upsd.status = "OL"
    await shop.box.health.look()
    with pytest.raises(UpdateError, match="no-such-file"):
        await asyncio.to_thread(bring, layout, "no-such-file.tar", None)


async def test_without_a_hub_nothing_is_held_back(tmp_path: Path) -> None:
    from hub.cli.mains import held_back

    assert await asyncio.to_thread(held_back, tmp_path / "control.sock") == ""
