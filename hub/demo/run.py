"""The demo from beginning to end: start, find, pair, serve, break, heal, prove."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from hub.demo.client import Device, Refused, Traffic, trust
from hub.demo.floor import Floor
from hub.demo.proof import Proof, compare
from hub.demo.screen import Screen, money
from hub.demo.tickets import Evening
from hub.demo.wan import Line, Wan

STORE: Final = "demo"
# All tickets are begun within this time, so that a person can watch.
SHOW_S: Final = 25.0
FIND_S_MAX: Final = 4.0
# The hub waits 15 s at most between two attempts to reach the cloud; the backlog takes a few more.
DRAIN_S_MAX: Final = 90.0
POLL_S: Final = 0.2

# When what breaks, in parts of all tickets served.
CUT_AT: Final = 0.25
KILL_AT: Final = 0.45
REFUSE_AT: Final = 0.60
HEAL_AT: Final = 0.80


class DemoError(Exception):
    """The demo could not do what it is for; the message says what went wrong."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person asked for."""

    evening: Evening
    handhelds: int = 12
    seed: int = 7
    fast: bool = False
    stay: bool = False
    data: Path | None = None


@dataclass(slots=True)
class Scene:
    """The demo's world, and the numbers that are shown of it."""

    folder: Path
    wan: Wan
    hub: Any
    hub_arguments: list[str]
    hub_id: str = ""
    url: str = ""
    devices: list[Device] = field(default_factory=list)
    tickets: int = 0
    tickets_all: int = 0
    entries: int = 0
    acked: int = 0
    line: str = "up"
    state: str = "up"
    # Set when one more ticket was served.
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    feed: list[int] = field(default_factory=list)
    traffic: Traffic = field(default_factory=Traffic)
    sync: dict[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.folder / "hub"

    @property
    def cloud_db(self) -> str:
        return f"sqlite:///{self.folder / 'cloud.db'}"


@dataclass(slots=True)
class _Shown:
    """screen.Counts of a scene."""

    scene: Scene

    def __getattr__(self, name: str) -> Any:
        scene = self.scene
        return {
            "seen": scene.feed[-1] if scene.feed else 0,
            "hub": scene.state,
            "retried": scene.traffic.retried,
        }.get(name, getattr(scene, name, None))


async def run(wish: Wish, screen: Screen) -> bool:
    """Run it; whether everything agrees. Raises DemoError, programs.ProgramError, client.Refused."""
    async with AsyncExitStack() as stack:
        scene = await _start(wish, screen, stack)
        await _find_and_pair(wish, scene, screen, stack)
        manager, kitchen, register, *handhelds = scene.devices
        feed_after = scene.entries = await _seq(manager)
        scene.acked = int(scene.sync["acked_seq"])
        following = asyncio.create_task(_follow(scene, kitchen, feed_after))
        stack.push_async_callback(_end, following)
        floor = _floor(wish, scene, handhelds, register)
        with screen:
            watching = asyncio.create_task(_watch(scene, manager, screen))
            stack.push_async_callback(_end, watching)
            breaking = asyncio.create_task(_break_things(scene, screen, kitchen))
            try:
                await _first_failure(floor.work(), breaking)
                screen.happened(f"all {floor.taken.tickets:,} tickets are served and paid", "good")
                await _drain(scene, screen, manager, following)
            finally:
                await _end(breaking)
                await _end(watching)
        proof = await _prove(scene, floor, feed_after)
        from hub.demo.table import print_result

        print_result(screen.console, scene, floor, proof, wish.evening.currency)
        if wish.stay and proof.agrees:
            await _stay(scene, screen)
        return proof.agrees


# -- starting ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _folder(data: Path | None) -> AsyncIterator[Path]:
    """Where hub and cloud keep their files: the given directory, which must be empty, or one for the time being."""
    if data is None:
        made = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="storehub-demo-"))
        try:
            yield made
        finally:
            await asyncio.to_thread(shutil.rmtree, made, ignore_errors=True)
        return
    await asyncio.to_thread(_claim, data)
    yield data


def _claim(data: Path) -> None:
    data.mkdir(parents=True, exist_ok=True)
    if any(data.iterdir()):
        raise DemoError(f"{data} is not empty: the demo begins with an empty store. Name another directory.")


async def _start(wish: Wish, screen: Screen, stack: AsyncExitStack) -> Scene:
    from hub.demo.programs import Program
    from hub.demo.programs import run as run_program

    folder = (await stack.enter_async_context(_folder(wish.data))).resolve()
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
    menu.write_bytes(msgspec.json.encode({**evening.menu, "tables": _tables(wish)}))
    await run_program("storehub", "import", "--data", str(scene.data), str(menu))
    screen.say(
        f"[bold]menu[/]     {len(evening.menu['products'])} products in {evening.currency}, {len(_tables(wish))} tables"
    )
    return scene


def _tables(wish: Wish) -> list[dict[str, str]]:
    """Two for each handheld, so that a party can move, and those that the file names."""
    own = [
        {"id": f"t-{number:02}{letter}", "name": f"{number}{letter}", "area": "floor"}
        for number in range(1, wish.handhelds + 1)
        for letter in "ab"
    ]
    named = [
        {"id": table_id, "name": name[:200], "area": "file"}
        for name, table_id in _named(wish.evening).items()
    ]
    return [*own, *named]


def _named(evening: Evening) -> dict[str, str]:
    names = dict.fromkeys(ticket.table for ticket in evening.tickets if ticket.table)
    return {name: f"t-f{number}" for number, name in enumerate(names, 1)}


async def _find_and_pair(wish: Wish, scene: Scene, screen: Screen, stack: AsyncExitStack) -> None:
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


# -- serving and breaking -----------------------------------------------------------------------------------------


def _floor(wish: Wish, scene: Scene, handhelds: list[Device], register: Device) -> Floor:
    def one_more() -> None:
        scene.tickets += 1
        scene.changed.set()

    numbers = range(1, wish.handhelds + 1)
    return Floor(
        wish.evening,
        handhelds=handhelds,
        register=register,
        tables=[[f"t-{number:02}a", f"t-{number:02}b"] for number in numbers],
        named=_named(wish.evening),
        seed=wish.seed,
        traffic=scene.traffic,
        interval_s=0.0 if wish.fast else SHOW_S / max(len(wish.evening.tickets), 1),
        done=one_more,
    )


async def _break_things(scene: Scene, screen: Screen, kitchen: Device) -> None:
    """Cut the line, kill the hub, let the line refuse, heal it: each at its part of the evening."""
    await _served(scene, CUT_AT)
    await scene.wan.switch(Line.SILENT)
    scene.line = "silent"
    screen.happened("[bold]the WAN falls silent[/]: the router is up, nothing comes through", "break")
    await _served(scene, KILL_AT)
    await scene.hub.kill()
    scene.state = "killed"
    killed_at = time.monotonic()
    screen.happened("[bold]kill -9 of the hub[/] while orders are on their way", "break")
    before = scene.traffic.replayed
    await scene.hub.start("--port", scene.url.rpartition(":")[2])
    scene.state = "up"
    screen.happened(
        f"the hub serves again after {time.monotonic() - killed_at:.1f} s, handhelds send again what had no answer",
        "good",
    )
    await _served(scene, REFUSE_AT)
    await scene.wan.switch(Line.REFUSED)
    scene.line = "refused"
    screen.happened("[bold]the WAN refuses[/] every connection", "break")
    await _served(scene, HEAL_AT)
    waiting = scene.entries - scene.acked
    await scene.wan.switch(Line.UP)
    scene.line = "up"
    screen.happened(f"[bold]the WAN is back[/], {waiting:,} entries wait at the hub", "good")
    if replayed := scene.traffic.replayed - before:
        screen.happened(
            f"{replayed} answers had been lost in the crash: the retry got the first answer again", "note"
        )


async def _served(scene: Scene, part: float) -> None:
    while scene.tickets < int(part * scene.tickets_all):
        await scene.changed.wait()
        scene.changed.clear()


async def _follow(scene: Scene, kitchen: Device, after: int) -> None:
    """The kitchen display: follow the live feed over the kill, without gap or repeat."""
    place = f"{scene.sync['epoch']}:{after}"
    async for event in kitchen.events(after=place):
        if event.kind.startswith("storehub."):
            scene.feed.append(int(event.id.rpartition(":")[2]))


async def _watch(scene: Scene, manager: Device, screen: Screen) -> None:
    import httpx

    shown = _Shown(scene)
    while True:
        with contextlib.suppress(httpx.TransportError, Refused):
            scene.sync = await manager.read("/v1/sync")
            scene.entries, scene.acked = int(scene.sync["last_seq"]), int(scene.sync["acked_seq"])
        screen.show(shown)
        await asyncio.sleep(POLL_S)


async def _drain(scene: Scene, screen: Screen, manager: Device, following: asyncio.Task[None]) -> None:
    """Until the cloud has everything, has compared its sums with the hub's, and the display has seen the last entry."""
    ends = time.monotonic() + DRAIN_S_MAX
    asked = False
    while time.monotonic() < ends:
        if following.done():
            following.result()
        sync = scene.sync
        sent = not sync["unsent"]["count"] and sync["last_seq"] == scene.entries
        if sent and not asked:
            screen.happened("the cloud has every entry", "good")
            # The hub compares when a replay has ended, then once a minute. A person who looks does not wait for that.
            asked = True
            for path in ("/v1/sync/pause", "/v1/sync/resume"):
                await manager.press(path)
        elif sent and _compared(sync) and scene.feed and scene.feed[-1] >= scene.entries:
            screen.happened("both ends have compared their sums", "good")
            return
        await asyncio.sleep(POLL_S)
    screen.happened(
        f"after {DRAIN_S_MAX:.0f} s the cloud still has not everything: {scene.sync['link']}", "bad"
    )


def _compared(sync: dict[str, Any]) -> bool:
    """Whether the newest comparison holds the last entry, and every other one came to a result."""
    rows = sync["reconciliation"]
    heads = {row["hub"]["last_seq"] for row in rows}
    return sync["last_seq"] in heads and all(row["agrees"] is not None for row in rows)


async def _first_failure(work: Any, beside: asyncio.Task[None]) -> None:
    """Do the work; stop at once when what runs beside it fails. Then let that end, too."""
    main = asyncio.ensure_future(work)
    try:
        await asyncio.wait([main, beside], return_when=asyncio.FIRST_EXCEPTION)
        for task in (beside, main):
            if task.done():
                task.result()
        await main
        await beside
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    finally:
        await _end(main)


async def _end(task: asyncio.Future[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _seq(manager: Device) -> int:
    return int((await manager.read("/v1/sync"))["last_seq"])


# -- proving and staying --------------------------------------------------------------------------------------------


async def _prove(scene: Scene, floor: Floor, feed_after: int) -> Proof:
    from hub.demo.programs import run as run_program

    journal, cloud = scene.folder / "journal.ndjson", scene.folder / "cloud.ndjson"
    with journal.open("wb") as file:
        await run_program("storehub", "export", "--data", str(scene.data), to=file)
    with cloud.open("wb") as file:
        await run_program("storehub-cloud", "export", "--db", scene.cloud_db, "--hub", scene.hub_id, to=file)
    return await asyncio.to_thread(
        compare,
        acknowledged=floor.taken.writes,
        taken_total=floor.taken.total,
        journal=journal,
        cloud=cloud,
        sync=scene.sync,
        feed=scene.feed,
        feed_after=feed_after,
    )


async def _stay(scene: Scene, screen: Screen) -> None:
    from hub.control import ask

    made = await ask(scene.data / "control.sock", "device.code", role="manager", minutes=120)
    screen.console.print(
        f"\n  The store stays open. Its console:\n\n      [bold]{scene.url}/[/]\n      code for a manager:"
        f" [bold]{made['code']}[/]  [dim](once, for two hours)[/]\n\n"
        "  [dim]The browser does not know the store's own authority yet and will warn; the six digits to compare:"
        f" {made['digits']}\n  storehub status --data {scene.data}\n  Ctrl-C ends it.[/]",
        highlight=False,
        soft_wrap=True,
    )
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    # The programs are stopped in order on the way out.
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


__all__ = ["DemoError", "Scene", "Wish", "money", "run"]
