"""The store's cloud at a dinner: what the boxes removed, because it has it, is read from there."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support.ports import free_port
from tests.support.rig import HUB, STORE, Program, run


class Cloud:
    """A real cloud over SQLite. Each box of the store has a token of its own, as on a real take-over."""

    def __init__(self, folder: Path) -> None:
        self._database = f"sqlite:///{folder / 'cloud.db'}"
        self._port = free_port()
        self.program = Program(
            ("cloud", "run", "--db", self._database, "--port", str(self._port)), folder / "cloud.log"
        )

    async def settings(self) -> str:
        """The lines of storehub.toml that connect one more box."""
        said = await run("cloud", "hub", "add", "--db", self._database, "--store", STORE, "--hub", HUB)
        token = said.split("token=")[1].strip()
        return (
            f'cloud_url = "http://127.0.0.1:{self._port}"\ncloud_token = "{token}"\n'
            f'hub_id = "{HUB}"\nstore_id = "{STORE}"\n'
        )

    async def entries(self) -> list[bytes]:
        return (await run("cloud", "export", "--db", self._database, "--hub", HUB)).encode().splitlines()


def whole(theirs: list[bytes], ours: list[bytes]) -> list[bytes]:
    """A box's journal from the first entry on: what it removed, as the cloud has it, and what it keeps."""
    first = json.loads(ours[0])["seq"]
    return [*theirs[: first - 1], *ours]


async def removed_some(journal: Path, usb: Path) -> None:
    """Return when this journal does not begin with the first entry any more, and the mirror has the state before it."""
    async with asyncio.timeout(60):
        first = 1
        while first == 1 or not list(usb.glob("base-*.db")):
            await asyncio.sleep(0.1)
            with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
                first = db.execute("SELECT min(seq) FROM entries").fetchone()[0] or 1
