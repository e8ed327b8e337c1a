"""The package on a booted machine, from a bare Debian without network to its removal; every step is checked.

usage: python -m tests.install.booted [--suite bookworm] [--only STORY]... [--seed N] [--cuts N] [--deb FILE]
       [--arch amd64]                                     (root; debootstrap and systemd-nspawn)

Four stories, each on a machine of its own. install: installs, sets up, pairs, takes orders; then kill -9, a hang, a
reboot, a power cut, an upgrade under load, an upgrade that does not start, removal and purge. updates: `storehub
update` by its own unit: signed, under load, a version that is not well, back, and --cuts power cuts at instants that
--seed chooses. upkeep: timers, credentials, the log. inplace: the oldest package of this project that installs, brought
to today's. Prints a line for each step with its figures. Exit status: 0 all is well, 1 something is not, 77 a machine
cannot be booted here.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.install.booted_inplace import InPlace
from tests.install.booted_updates import Updates
from tests.install.booted_upkeep import Upkeep
from tests.install.nspawn import SUITES, Machine, base_tree, why_not
from tests.install.story import ANSWERS, ROOT, SKIPPED, Packages, Told

BACKUP = "/var/tmp/backup.tar"  # noqa: S108 - inside the machine, where the service's user may write


class Install(Told):
    """From a bare Debian to nothing left of it, by the package manager."""

    def steps(self) -> list[Callable[[], str]]:
        return [
            self.it_installs_without_network,
            self.it_is_set_up_and_takes_orders,
            self.it_is_as_shut_in_as_promised,
            self.it_is_back_after_kill_9,
            self.the_watchdog_ends_what_hangs,
            self.it_is_back_after_a_reboot,
            self.it_is_back_after_a_power_cut,
            self.it_is_upgraded_under_load,
            self.an_upgrade_that_does_not_start_goes_back,
            self.the_next_upgrade_repairs_it,
            self.removal_keeps_what_it_recorded,
            self.purge_is_refused_until_told,
            self.a_new_box_takes_the_store_over,
        ]

    def it_installs_without_network(self) -> str:
        assert "lo" in self.machine.run("ip", "-br", "link")
        assert len(self.machine.run("ip", "-br", "link").splitlines()) == 1
        shutil.copy(self.packages.first, self.machine.root / "root")
        self.technician(f"apt-get install -y ./{self.packages.first.name}")
        assert self.machine.property("ActiveState") == "active"
        assert self.machine.run("systemctl", "is-enabled", "storehub").strip() == "enabled"
        assert "not set up" in self.machine.run("journalctl", "-u", "storehub", "--no-pager")
        shown = self.machine.run("cat", "/etc/issue.d/storehub.issue")
        assert json.loads(self.machine.run("storehub", "setup", "--code", "--json"))["code"] in shown
        assert self.machine.run("find", "/var/lib/storehub", "!", "-user", "storehub") == ""
        return "serving, enabled, its first-run code on the login screen"

    def it_is_set_up_and_takes_orders(self) -> str:
        made = json.loads(self.technician("storehub setup --answers - --json", json.dumps(ANSWERS)))
        assert made["restarted"] is True
        self.import_menu()
        shutil.copy(ROOT / "tests/install/till.py", self.machine.root / "root")
        self.till("pair", made["pairing"]["code"])
        self.till("orders", "1")
        took = time.monotonic() - self.began
        self.till("orders", "50")
        status = json.loads(self.machine.run("storehub", "status", "--json"))
        assert (status["hub"]["store_id"], status["hub"]["name"]) == ("s1", "支店")
        assert not (self.machine.root / "run/storehub/issue").exists()
        return f"first order {took:.0f} s after the bare Debian, {len(self.typed)} commands and one device paired"

    def it_is_as_shut_in_as_promised(self) -> str:
        pid = self.machine.property("MainPID")
        assert "CapEff:\t0000000000000000" in self.machine.run("cat", f"/proc/{pid}/status")
        said = self.machine.run("systemd-analyze", "security", "--no-pager", "storehub.service")
        score = re.search(r"Overall exposure level.*?: (\d+\.\d+)", said)
        assert score is not None, said
        assert float(score[1]) <= 2.0, said
        return f"exposure {score[1]} as systemd sees the running service, no capability"

    def it_is_back_after_kill_9(self) -> str:
        waits = []

        def kill() -> None:
            for _ in range(3):
                pid = self.machine.property("MainPID")
                self.machine.run("kill", "-9", pid)
                waits.append(self.wait_for_another(pid, 30))

        gap = self.under_load(kill)
        assert max(waits) < 10, waits
        told = f"3 times, ready again in {max(waits):.1f} s at most, {gap:.1f} s without an order"
        return f"{told}; {self.nothing_is_lost()}"

    def the_watchdog_ends_what_hangs(self) -> str:
        pid = self.machine.property("MainPID")
        self.machine.run("kill", "-STOP", pid)
        # WatchdogSec, then TimeoutAbortSec for the signal that a stopped process does not hear, then RestartSec.
        waited = self.wait_for_another(pid, 60)
        return f"another process serves after {waited:.0f} s; {self.nothing_is_lost()}"

    def it_is_back_after_a_reboot(self) -> str:
        took = self.machine.reboot()
        self.wait_for_another("0", 30)
        self.till("orders", "5")
        return f"booted in {took:.1f} s; {self.nothing_is_lost()}"

    def it_is_back_after_a_power_cut(self) -> str:
        self.machine.start("python3", "/root/till.py", "loop")
        time.sleep(2)
        self.machine.cut_power()
        self.machine.boot()
        self.wait_for_another("0", 30)
        return self.nothing_is_lost()

    def it_is_upgraded_under_load(self) -> str:
        package = self.packages.later("0.9.1")
        before = self.version()
        gap = self.under_load(lambda: self.install(package) and None)
        assert self.version() == "0.9.1"
        self.quickly_back(gap)
        return f"{before} to 0.9.1, {gap:.1f} s without an order; {self.nothing_is_lost()}"

    def an_upgrade_that_does_not_start_goes_back(self) -> str:
        package = self.packages.later("0.9.2", broken=True)
        said = ""

        def upgrade() -> None:
            nonlocal said
            said = self.install(package, check=False)

        gap = self.under_load(upgrade)
        assert "serves again" in said, said
        assert "broken on purpose" in said, "why it failed is told"
        assert self.version() == "0.9.1"
        assert "storehub" in self.machine.run("dpkg", "--audit"), "the failure is not hidden"
        return f"0.9.1 serves again, {gap:.1f} s without an order; {self.nothing_is_lost()}"

    def the_next_upgrade_repairs_it(self) -> str:
        self.install(self.packages.later("0.9.3"))
        assert self.version() == "0.9.3"
        assert self.machine.run("dpkg", "--audit") == ""
        releases = self.machine.run("ls", "/opt/storehub/releases").split()
        assert [name.split("-")[0] for name in releases] == ["0.9.1", "0.9.3"], releases
        return self.nothing_is_lost()

    def removal_keeps_what_it_recorded(self) -> str:
        self.machine.run("apt-get", "remove", "-y", "storehub")
        for path in ("/opt/storehub", "/usr/local/bin/storehub", "/etc/systemd/system/storehub.service"):
            assert not (self.machine.root / path.lstrip("/")).exists(), path
        self.machine.run("test", "-e", "/var/lib/storehub/journal.db")
        self.machine.run("test", "-e", "/etc/storehub/storehub.toml")
        self.install(self.packages.first)
        return f"installed again: {self.nothing_is_lost()}"

    def purge_is_refused_until_told(self) -> str:
        self.machine.run("storehub", "backup", BACKUP)
        said = self.machine.run("apt-get", "purge", "-y", "storehub", check=False)
        assert "not in the cloud" in said, said
        self.machine.run("test", "-e", "/var/lib/storehub/journal.db")
        self.machine.run("touch", "/etc/storehub/purge-even-unsent")
        self.machine.run("apt-get", "purge", "-y", "storehub")
        for path in ("/var/lib/storehub", "/etc/storehub", "/opt/storehub", "/usr/share/storehub"):
            assert self.machine.run("sh", "-c", f"test ! -e {path} || echo there") == "", path
        assert "no such user" in self.machine.run("id", "storehub", check=False)
        return "then nothing of it is left"

    def a_new_box_takes_the_store_over(self) -> str:
        """As docs/handbook.md tells it, with the copy that was made before the purge."""
        self.install(self.packages.first)
        # A stick shows its files as the one who mounted it wants.
        self.machine.run("chown", "storehub:", BACKUP)
        self.machine.run("systemctl", "stop", "storehub")
        self.machine.run("mv", "/var/lib/storehub", "/var/lib/storehub-unused")
        self.machine.run(
            "install", "-d", "-m", "700", "-o", "storehub", "-g", "storehub", "/var/lib/storehub"
        )
        self.machine.run("storehub", "restore", BACKUP)
        self.machine.run("systemctl", "start", "storehub")
        made = self.machine.run(
            "storehub", "setup", "--answers", "-", "--no-pairing", said=json.dumps(ANSWERS)
        )
        assert ANSWERS["store_name"] in made
        self.machine.run("storehub", "verify")
        return f"the same devices go on: {self.nothing_is_lost()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--deb", type=Path, help="a package that is built already")
    parser.add_argument("--arch", default="amd64")
    parser.add_argument("--suite", default="bookworm", choices=SUITES, help="which Debian")
    stories = ("install", "updates", "upkeep", "inplace")
    parser.add_argument("--only", action="append", choices=stories, help="this story; may be given again")
    parser.add_argument("--seed", type=int, default=1, help="when the power cuts come")
    parser.add_argument("--cuts", type=int, default=5, help="power cuts in the middle of an update")
    wanted = parser.parse_args()
    if reason := why_not(wanted.arch):
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    try:
        tree = base_tree(wanted.arch, wanted.suite)
    except subprocess.CalledProcessError as error:
        print(f"skipped: no Debian tree can be made here: {error}")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory(dir=tree.parent) as folder:
        packages = Packages(Path(folder), wanted.deb, wanted.arch, SUITES[wanted.suite])
        for name in wanted.only or stories:
            print(f"-- {name}, {wanted.suite}", flush=True)
            with Machine(tree, name) as machine:
                told: Told
                match name:
                    case "install":
                        told = Install(machine, packages)
                    case "updates":
                        told = Updates(machine, packages, seed=wanted.seed, cuts=wanted.cuts)
                    case "upkeep":
                        told = Upkeep(machine, packages)
                    case _:
                        told = InPlace(machine, packages)
                told.tell()
                if name == "install":
                    print("typed on the box:", *told.typed, sep="\n    ")


if __name__ == "__main__":
    main()
