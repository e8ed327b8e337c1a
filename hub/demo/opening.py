"""How a store begins: a cloud, a hub, its menu, devices that find it and are paired."""

from __future__ import annotations

import contextlib
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import msgspec

from hub.demo.client import Device, trust
from hub.demo.scene import Scene, Wish
from hub.demo.screen import Screen
from hub.demo.tickets import Evening
from hub.demo.wan import Wan

STORE: Final = "demo"
FIND_S_MAX: Final = 4.0


async def start(wish: Wish, folder: Path, screen: Screen, stack: AsyncExitStack) -> Scene:
    from hub.demo.programs import Program
    from hub.demo.programs import run as run_program

    evening = wish.evening
    db = f"sqlite:///{folder / 'cloud.db'}"
    cloud = Program("storehub-cloud", "run", "--db", db, "--port", "0", log=folder / "cloud.log")
    stack.push_async_callback(cloud.stop)
    cloud_url = (await cloud.start())[0]
    words = (await run_program("storehub-cloud", "hub", "add", "--store", STORE, "--db", db)).split()
    hub_id, token = (word.partition("=")[2] for word in words[:2])
    wan = await stack.enter_async_context(Wan(("127.0.0.1", int(cloud_url.rpartition(":")[2]))))
    screen.say(f"[bold]cloud[/]    {cloud_url}, reached over a line that this demo can cut")
    arguments = ["run", "--data", str(folder / "hub"), "--hub-id", hub_id, "--store-id", STORE]
    arguments += ["--store-name", "storehub demo", "--cloud", wan.url, "--cloud-token", token]
    hub = Program("storehub", *arguments, log=folder / "hub.log")
    stack.push_async_callback(hub.stop)
    began = time.monotonic()
    url = (await hub.start("--port", "0"))[0]
    started_s = time.monotonic() - began
    scene = Scene(folder=folder, wan=wan, hub=hub, hub_arguments=arguments, hub_id=hub_id, url=url)
    scene.tickets_all = len(evening.tickets)
    screen.say(f"[bold]hub[/]      {url}, serving {started_s:.1f} s after its start")
    menu = folder / "menu.json"
    menu.write_bytes(msgspec.json.encode({**evening.menu, "tables": tables_of(wish)}))
    await run_program("storehub", "import", "--data", str(scene.data), str(menu))
    products, tables = len(evening.menu["products"]), len(tables_of(wish))
    screen.say(f"[bold]menu[/]     {products} products in {evening.currency}, {tables} tables")
    return scene


def tables_of(wish: Wish) -> list[dict[str, str]]:
    """Two for each handheld, so that a party can move, and those that the file names."""
    own = [
        {"id": f"t-{number:02}{letter}", "name": f"{number}{letter}", "area": "floor"}
        for number in range(1, wish.handhelds + 1)
        for letter in "ab"
    ]
    named = [
        {"id": table_id, "name": name[:200], "area": "file"}
        for name, table_id in named_tables(wish.evening).items()
    ]
    return [*own, *named]


def named_tables(evening: Evening) -> dict[str, str]:
    names = dict.fromkeys(ticket.table for ticket in evening.tickets if ticket.table)
    return {name: f"t-f{number}" for number, name in enumerate(names, 1)}


async def find_and_pair(wish: Wish, scene: Scene, screen: Screen, stack: AsyncExitStack) -> None:
    """What a person does once: find the box, show it a code, compare the fingerprint."""
    from hub.control import ask
    from hub.tls import read_pair_uri

    control = scene.data / "control.sock"
    roles = [("manager", "office"), ("kitchen", "kitchen display"), ("register", "register 1")]
    roles += [("handheld", f"handheld {number}") for number in range(1, wish.handhelds + 1)]
    first = read_pair_uri((await ask(control, "device.code", role=roles[0][0]))["uri"])
    scene.url = await _found(scene, screen, first.url, first.fingerprint)
    verify = await trust(scene.url, first.fingerprint)
    codes = [first.code]
    for role, _ in roles[1:]:
        codes.append(read_pair_uri((await ask(control, "device.code", role=role))["uri"]).code)
    for (_, name), code in zip(roles, codes, strict=True):
        device = await Device.pair(scene.url, code=code, name=name, verify=verify, traffic=scene.traffic)
        stack.push_async_callback(device.close)
        scene.devices.append(device)
    screen.say(
        f"[bold]devices[/]  {wish.handhelds} handhelds, a register, a kitchen display and the office, paired with"
        f" one-time codes\n             over TLS, [dim]authority {first.fingerprint[:16]}… checked[/]"
    )
    scene.sync = await scene.devices[0].read("/v1/sync")


async def _found(scene: Scene, screen: Screen, printed: str, fingerprint: str) -> str:
    """The hub's address by mDNS; the printed one, as in the pairing QR code, where multicast does not work."""
    from hub.discovery.browse import find_hubs

    began = time.monotonic()
    try:
        hubs = await find_hubs(FIND_S_MAX, scene.hub_id)
    except OSError:
        hubs = []
    for url in hubs[0].base_urls if hubs else ():
        with contextlib.suppress(OSError):
            await trust(url, fingerprint)
            screen.say(
                f"[bold]found[/]    {url} by mDNS after {time.monotonic() - began:.1f} s, as “{hubs[0].name}”"
            )
            return url
    screen.say(
        f"[bold]found[/]    {printed} from the pairing code: multicast does not work on this machine", "note"
    )
    return printed
