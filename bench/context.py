"""What all sections share: where to work, how long, on which cores, and the backlog that is made once."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench import boxes, client
from bench.orders import Requests, devices
from bench.stolen import Stolen
from bench.template import Template

BACKLOG_ENTRIES = 50_000


@dataclass(slots=True)
class Bench:
    """One run. ``hub_core`` is for what is measured, ``rest_core`` for client, cloud and WAN."""

    work: Path
    template: Template
    rounds: int
    seconds: float
    hub_core: int
    rest_core: int
    backlog_entries: int
    million: int
    note: Callable[[str], None]
    stolen: Stolen
    _backlog: Path | None = field(default=None)
    _names: int = 0

    def folder(self, name: str) -> Path:
        """A new empty folder."""
        self._names += 1
        path = self.work / f"{name}-{self._names}"
        path.mkdir()
        return path

    def fresh_data(self) -> Path:
        """A hub's data with menu and devices and no order."""
        return self.template.fresh(self.folder("hub"), "data")

    def backlog_data(self) -> Path:
        """A hub's data with that many entries, taken over HTTP, which no cloud has seen."""
        if self._backlog is None:
            self.note(f"taking {self.backlog_entries:,} entries for the replay")
            data = self.fresh_data()
            hub = boxes.start_hub(data, core=self.hub_core)
            try:
                while last_seq(hub, self.template) < self.backlog_entries:
                    self.load(hub, connections=64, seconds=2.0, warm_up_s=0.0, settle=True)
            finally:
                hub.program.stop()
            self._backlog = data
        copy = self.folder("hub") / "data"
        shutil.copytree(self._backlog, copy)
        return copy

    def load(self, server: boxes.Server, **how: object) -> dict[str, float]:
        """Orders from the devices of the template, sent from the other core."""
        return client.load(server, core=self.rest_core, tokens=self.template.handhelds, **how)  # type: ignore[arg-type]

    def requests(self) -> Requests:
        """Orders of one device of the template, for whoever sends them himself."""
        tokens = json.loads(self.template.handhelds.read_text())
        return Requests(devices(tokens, 1)[0], random.Random())


def last_seq(hub: boxes.Server, template: Template) -> int:
    """The seq of the hub's last entry."""
    return int(str(boxes.get_json(f"{hub.url}/v1/sync", template.technician)["last_seq"]))
