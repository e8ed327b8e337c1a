"""`storehub update` on a booted machine, by its real unit: there, back, by itself back, and through power cuts."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.install.nspawn import Machine
from tests.install.story import Packages, Told

KEYS = "/etc/storehub/update-keys"
# An update that something ended goes on at the next start: two minutes of watching at most, and a busy machine.
OVER_S_MAX = 300.0


class Updates(Told):
    """cuts: how many power cuts; seed: where in an update they come."""

    def __init__(self, machine: Machine, packages: Packages, *, seed: int, cuts: int) -> None:
        super().__init__(machine, packages)
        self._random = random.Random(seed)
        self._cuts = cuts

    def steps(self) -> list[Callable[[], str]]:
        return [
            self.a_box_that_trusts_a_key,
            self.it_takes_nothing_that_is_not_signed,
            self.it_is_updated_under_load,
            self.a_version_that_does_not_serve_gives_way,
            self.it_goes_back_when_told,
            self.a_technician_may_insist,
            self.power_cuts_in_the_middle_leave_one_of_the_two,
        ]

    def a_box_that_trusts_a_key(self) -> str:
        self.install(self.packages.first)
        self.set_up()
        self.till("orders", "20")
        self.bring(self.packages.key.with_name("update-key.pub"))
        self.machine.run("install", "-d", "-m", "755", KEYS)
        self.machine.run("install", "-m", "644", "/root/update-key.pub", KEYS)
        return self.nothing_is_lost()

    def it_takes_nothing_that_is_not_signed(self) -> str:
        unsigned = self.packages.bundle("0.9.0", signed=False)
        pid = self.machine.property("MainPID")
        for file in (unsigned, self.packages.first):
            said = self.update(file, check=False)
            assert "takes signed bundles only" in said, said
            assert "署名がありません" in said, said
        assert (self.version(), self.machine.property("MainPID")) == ("0.1.0", pid)
        return "an unsigned bundle and a package are refused in both languages, nothing is changed"

    def it_is_updated_under_load(self) -> str:
        bundle = self.packages.bundle("0.9.1")
        gap = self.under_load(lambda: self.update(bundle) and None)
        marker = self.marker()
        assert (marker["state"], self.version()) == ("done", "0.9.1"), marker
        self.quickly_back(gap)
        # By the unit, as a power cut would have to find it; and it is over for it.
        log = self.machine.run("journalctl", "-u", "storehub-update", "--no-pager", "-o", "cat")
        assert "0.9.1 takes orders" in log, log
        assert not (self.machine.root / "opt/storehub/updater").is_symlink()
        keys = self.machine.run("ls", "/opt/storehub/venv/share/storehub/keys").split()
        assert keys == ["update-key.pub"], "the bundle's key is trusted from now on"
        return f"{gap:.1f} s without an order, the unit says {marker['orders_back_s']} s; {self.nothing_is_lost()}"

    def a_version_that_does_not_serve_gives_way(self) -> str:
        bundle = self.packages.bundle("0.9.2", sick=True)
        said = ""

        def update() -> None:
            nonlocal said
            said = self.update(bundle, check=False)

        gap = self.under_load(update)
        assert "0.9.1 runs" in said, said
        assert (self.marker()["state"], self.version()) == ("returned", "0.9.1")
        status = json.loads(self.machine.run("storehub", "status", "--json"))
        assert status["update"]["state"] == "returned"
        return f"0.9.1 runs again after {gap:.0f} s, a minute of which it was given; {self.nothing_is_lost()}"

    def it_goes_back_when_told(self) -> str:
        self.update(self.packages.bundle("0.9.3"))
        assert self.version() == "0.9.3"
        gap = self.under_load(lambda: self.machine.run("storehub", "update", "--back") and None)
        assert self.version() == "0.9.1"
        self.quickly_back(gap)
        self.machine.run("storehub", "verify")
        return f"0.9.3 to 0.9.1, {gap:.1f} s without an order; {self.nothing_is_lost()}"

    def a_technician_may_insist(self) -> str:
        self.update(self.packages.bundle("0.9.0", signed=False), "--unsigned")
        assert self.version() == "0.9.0"
        log = self.machine.run("journalctl", "-t", "storehub-update", "--no-pager", "-o", "cat")
        assert "without asking who signed it" in log, log
        assert "takes signed bundles only" in self.update(self.packages.first, check=False), "the key is kept"
        return f"--unsigned is taken, and in the log; {self.nothing_is_lost()}"

    def power_cuts_in_the_middle_leave_one_of_the_two(self) -> str:
        ended: list[str] = []
        for _ in range(self._cuts):
            target = "0.9.4" if self.version() != "0.9.4" else "0.9.5"
            bundle = self.packages.bundle(target)
            before = self.marker()["at"]
            self.bring(bundle)
            self.machine.start("storehub", "update", f"/root/{bundle.name}")
            while not (found := self.marker())["at"] > before or found["to_version"] != target:
                time.sleep(0.02)
            time.sleep(self._random.uniform(0, 6))
            at = self.marker()["state"]
            self.machine.cut_power()
            self.machine.boot()
            self.wait_for_another("0", 90)
            ended.append(f"{at} to {self.ended(target)}")
            self.till("orders", "3")
            self.nothing_is_lost()
        self.machine.run("storehub", "verify")
        return f"{', '.join(ended)}; {self.nothing_is_lost()}"

    def ended(self, target: str) -> str:
        """How the unit brought it to its end after the cut."""
        until = time.monotonic() + OVER_S_MAX
        link = self.machine.root / "opt/storehub/updater"
        while link.is_symlink() or self.marker()["state"] not in ("done", "returned"):
            assert time.monotonic() < until, self.machine.run(
                "journalctl", "-u", "storehub-update", "--no-pager"
            )
            time.sleep(0.2)
        marker = self.marker()
        assert self.version() == marker["to_version" if marker["state"] == "done" else "from_version"], marker
        assert marker["to_version"] == target
        return str(marker["state"])

    def marker(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.machine.root / "opt/storehub/update.json").read_bytes())
        return found

    def update(self, file: Path, *words: str, check: bool = True) -> str:
        self.bring(file)
        return self.machine.run("storehub", "update", *words, f"/root/{file.name}", check=check)
