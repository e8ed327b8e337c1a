"""A box that was installed long ago and is brought to today's version in place: its journal and devices go on."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.install.story import ROOT, Told

# The oldest package of this project: counters of stock and answered requests were kept otherwise then.
OLDEST = "305c916"


class InPlace(Told):
    def steps(self) -> list[Callable[[], str]]:
        return [
            self.it_was_installed_long_ago,
            self.it_is_brought_to_today,
            self.it_goes_on,
        ]

    def it_was_installed_long_ago(self) -> str:
        with tempfile.TemporaryDirectory(dir=self.packages.first.parent) as folder:
            package = oldest(Path(folder))
            self.install(package)
        # There was no `storehub setup` yet.
        self.import_menu()
        self.bring(ROOT / "tests/install/till.py")
        code = json.loads(self.machine.run("storehub", "device", "code", "--role", "manager", "--json"))[
            "code"
        ]
        self.till("pair", code)
        self.till("orders", "50")
        return f"{OLDEST}; {self.nothing_is_lost()}"

    def it_is_brought_to_today(self) -> str:
        gap = self.under_load(lambda: self.install(self.packages.first) and None)
        self.quickly_back(gap)
        return f"{gap:.1f} s without an order; {self.nothing_is_lost()}"

    def it_goes_on(self) -> str:
        self.till("orders", "50")
        self.machine.run("systemctl", "restart", "storehub")
        self.till("orders", "5")
        said = json.loads(self.machine.run("storehub", "verify", "--json"))
        self.machine.run("systemctl", "stop", "storehub")
        # Everything that is derived is compared with what the entries say.
        still = self.machine.run("storehub", "verify")
        self.machine.run("systemctl", "start", "storehub")
        return f"verify: {said}, {still.strip().splitlines()[-1]}; {self.nothing_is_lost()}"


def oldest(folder: Path) -> Path:
    """Its package, built by its own program."""
    archive = subprocess.run(["git", "-C", ROOT, "archive", OLDEST], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
    environment = {"PYTHON": sys.executable, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
    command = [folder / "deploy/build-deb.sh", "--out", folder / "built"]
    built = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return Path(built.stdout.strip())
