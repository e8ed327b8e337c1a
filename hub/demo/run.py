"""The demo from beginning to end: start, find, pair, serve, break, heal, prove."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AsyncExitStack
from typing import Any, Final

from hub.demo.client import Device
from hub.demo.floor import Floor
from hub.demo.opening import find_and_pair, named_tables, start
from hub.demo.proof import Proof, compare
from hub.demo.scene import Scene, Wish, folder_for
from hub.demo.screen import Screen
from hub.demo.table import print_result
from hub.demo.troubles import break_things, drain, follow, watch

# All tickets are begun within this time, so that a person can watch.
SHOW_S: Final = 25.0


async def run(wish: Wish, screen: Screen) -> bool:
    """Run it; whether everything agrees. Raises DemoError, programs.ProgramError, client.Refused."""
    async with AsyncExitStack() as stack:
        folder = await stack.enter_async_context(folder_for(wish.data))
        scene = await start(wish, folder.path, screen, stack)
        await find_and_pair(wish, scene, screen, stack)
        manager, kitchen, register, *handhelds = scene.devices
        feed_after = scene.entries = await _seq(manager)
        scene.acked = int(scene.sync["acked_seq"])
        following = asyncio.create_task(follow(scene, kitchen, feed_after))
        stack.push_async_callback(_end, following)
        floor = _floor(wish, scene, handhelds, register)
        with screen:
            watching = asyncio.create_task(watch(scene, manager, screen))
            stack.push_async_callback(_end, watching)
            breaking = asyncio.create_task(break_things(scene, screen))
            try:
                await _first_failure(floor.work(), breaking)
                screen.happened(f"all {floor.taken.tickets:,} tickets are served and paid", "good")
                await drain(scene, screen, manager, following)
            finally:
                await _end(breaking)
                await _end(watching)
        proof = await _prove(scene, floor, feed_after)
        print_result(screen.console, scene, floor, proof, wish.evening.currency)
        if not proof.agrees:
            folder.keep = True
            screen.console.print(
                f"  What hub, cloud and their logs say stays in {folder.path}", soft_wrap=True
            )
        elif wish.stay:
            await _stay(scene, screen)
        return proof.agrees


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
        named=named_tables(wish.evening),
        seed=wish.seed,
        traffic=scene.traffic,
        interval_s=0.0 if wish.fast else SHOW_S / max(len(wish.evening.tickets), 1),
        done=one_more,
    )


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
