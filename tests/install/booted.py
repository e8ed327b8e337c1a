"""The package on a booted machine, from a bare Debian without network to its removal; every step is checked.

usage: python -m tests.install.booted [--deb FILE] [--arch amd64]        (root; debootstrap and systemd-nspawn)

Installs, sets up, pairs, takes orders; then kill -9, a hang, a reboot, a power cut, an upgrade under load, an upgrade
that does not start, removal and purge. Prints a line for each step with its figures. Exit status: 0 all is well, 1
something is not, 77 a machine cannot be booted here.
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
from itertools import pairwise
from pathlib import Path

from tests.install.nspawn import Machine, base_tree, why_not
from tests.install.rename_wheel import rename

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = 77
BACKUP = "/var/tmp/backup.tar"  # noqa: S108 - inside the machine, where the service's user may write
MENU = {
    "categories": [{"id": "c1", "name": "Food"}],
    "products": [{"id": "p1", "name": "Ramen", "category_id": "c1", "price": 900}],
    "tax_rates": [{"tax_class": "standard", "rate": "0.10", "from": "2019-10-01T00:00:00+09:00"}],
    "tables": [{"id": "t1", "name": "1", "area": ""}],
}
ANSWERS = {"store_id": "s1", "store_name": "支店"}


class Packages:
    """The package, the same as two later versions, and one that does not start."""

    def __init__(self, folder: Path, deb: Path | None, arch: str) -> None:
        self._folder = folder
        self._arch = arch
        self.first = deb.resolve() if deb else self._build()
        kit = folder / "kit"
        subprocess.run(["dpkg-deb", "-x", self.first, kit], check=True)
        kit /= "usr/share/storehub"
        self._wheels = kit / "wheels"
        self._wheel = next(kit.glob("storehub-*.whl"))

    def later(self, version: str, *, broken: bool = False) -> Path:
        wheel = self._folder / f"storehub-{version}-py3-none-any.whl"
        dies = b'def main() -> None:\n    raise SystemExit("this version is broken on purpose")\n'
        rename(self._wheel, wheel, version, {"hub/__main__.py": dies} if broken else None)
        return self._build("--wheel", str(wheel), "--wheels", str(self._wheels))

    def _build(self, *arguments: str) -> Path:
        command = [ROOT / "deploy/build-deb.sh", "--arch", self._arch, "--out", self._folder, *arguments]
        environment = {"PYTHON": sys.executable, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        built = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        return Path(built.stdout.strip())


class Story:
    """The steps, in order; each leaves the machine as the next one needs it."""

    def __init__(self, machine: Machine, packages: Packages) -> None:
        self.machine = machine
        self.packages = packages
        # What a technician types between a bare Debian and the first order.
        self.typed: list[str] = []
        self.began = time.monotonic()

    def tell(self) -> None:
        steps: list[Callable[[], str]] = [
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
        for step in steps:
            began = time.monotonic()
            said = step()
            print(f"{step.__name__.replace('_', ' ')}: {said} ({time.monotonic() - began:.1f} s)", flush=True)

    # -- what a person does ------------------------------------------------------------------------------------

    def technician(self, command: str, said: str | None = None) -> str:
        self.typed.append(command)
        return self.machine.run("sh", "-c", command, said=said)

    def till(self, *words: str, check: bool = True) -> str:
        return self.machine.run("python3", "/root/till.py", *words, check=check)

    def install(self, package: Path, check: bool = True) -> str:
        shutil.copy(package, self.machine.root / "root")
        return self.machine.run("apt-get", "install", "-y", f"/root/{package.name}", check=check)

    def nothing_is_lost(self) -> str:
        said = json.loads(self.till("check"))
        return f"{said['acknowledged']} orders acknowledged, {said['lost']} lost"

    def wait_for_another(self, pid: str, seconds: float) -> float:
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            state, now = self.machine.property("ActiveState"), self.machine.property("MainPID")
            if state == "active" and now not in (pid, "0"):
                return time.monotonic() - began
            time.sleep(0.1)
        raise AssertionError(self.machine.run("journalctl", "-u", "storehub", "-n", "40", "--no-pager"))

    def under_load(self, act: Callable[[], None]) -> float:
        """The longest time between two acknowledged orders while `act` runs and a second before and after it."""
        acked, stop = (self.machine.root / "root" / name for name in ("acked.jsonl", "stop"))
        before = len(acked.read_text().splitlines())
        loop = self.machine.start("python3", "/root/till.py", "loop")
        try:
            time.sleep(1)
            act()
            time.sleep(1)
        finally:
            stop.touch()
            loop.wait(20)
            stop.unlink()
        times = [json.loads(line)["at"] for line in acked.read_text().splitlines()[before:]]
        assert len(times) > 10, "there was load"
        return max(later - earlier for earlier, later in pairwise(times))

    # -- the steps ---------------------------------------------------------------------------------------------

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
        menu = self.machine.root / "var/tmp/menu.json"
        menu.write_text(json.dumps(MENU))
        self.technician("storehub import /var/tmp/menu.json")
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

    def version(self) -> str:
        found: str = json.loads(self.machine.run("storehub", "status", "--json"))["hub"]["version"]
        return found

    def it_is_upgraded_under_load(self) -> str:
        package = self.packages.later("0.9.1")
        before = self.version()
        gap = self.under_load(lambda: self.install(package) and None)
        assert self.version() == "0.9.1"
        assert gap < 5.0, f"{gap:.1f} s without an order"
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
    wanted = parser.parse_args()
    if reason := why_not(wanted.arch):
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    try:
        tree = base_tree(wanted.arch)
    except subprocess.CalledProcessError as error:
        print(f"skipped: no Debian tree can be made here: {error}")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory(dir=tree.parent) as folder:
        packages = Packages(Path(folder), wanted.deb, wanted.arch)
        with Machine(tree, "booted") as machine:
            story = Story(machine, packages)
            story.tell()
            print("typed on the box:", *story.typed, sep="\n    ")


if __name__ == "__main__":
    main()
