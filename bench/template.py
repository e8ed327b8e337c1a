"""A hub's data directory with menu and devices, made once with the product's own commands."""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from bench import boxes, machine, orders

HANDHELDS = 100  # the most that a measurement needs


@dataclass(frozen=True, slots=True)
class Template:
    """A hub's data directory with the menu and all devices in it, to be copied for every round."""

    data: Path
    menu: Path
    handhelds: Path  # JSON list of tokens
    technician: str

    def fresh(self, work: Path, name: str) -> Path:
        """A copy to run a hub on."""
        target = work / name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.data, target)
        return target


def make_template(work: Path) -> Template:
    """Import the menu and pair the devices, with the product's own commands, while the hub runs."""
    data = work / "template"
    menu = work / "menu.json"
    menu.write_text(json.dumps(orders.menu(), ensure_ascii=False))
    hub = boxes.start_hub(data, core=machine.cores()[0])
    try:
        boxes.say("hub", "import", str(menu), "--data", str(data))
        said = boxes.run([sys.executable, "-m", "bench.enroll", str(data), str(HANDHELDS)])
    finally:
        hub.program.stop()
    tokens = re.findall(r"token=(\S+)", said)
    assert len(tokens) == HANDHELDS + 1, said
    handhelds = work / "tokens.json"
    handhelds.write_text(json.dumps(tokens[1:]))
    return Template(data, menu, handhelds, tokens[0])
