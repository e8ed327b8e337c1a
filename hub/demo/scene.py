"""The demo's world: what was asked for, where its files lie, who takes part, and the numbers that are shown."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub.demo.client import Device, Traffic
from hub.demo.tickets import Evening
from hub.demo.wan import Wan

if TYPE_CHECKING:
    from hub.demo.programs import Program


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
    hub: Program
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
class Folder:
    """Where hub and cloud keep their files. What went wrong is kept to be looked at."""

    path: Path
    keep: bool = False


@asynccontextmanager
async def folder_for(data: Path | None) -> AsyncIterator[Folder]:
    """The given directory, which must be empty, or one for the time being."""
    if data is not None:
        yield Folder(await asyncio.to_thread(_claim, data), keep=True)
        return
    folder = Folder(Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="storehub-demo-")))
    try:
        yield folder
    except Exception:
        folder.keep = True
        raise
    finally:
        if not folder.keep:
            await asyncio.to_thread(shutil.rmtree, folder.path, ignore_errors=True)


def _claim(data: Path) -> Path:
    data.mkdir(parents=True, exist_ok=True)
    if any(data.iterdir()):
        raise DemoError(f"{data} is not empty: the demo begins with an empty store. Name another directory.")
    return data.resolve()
