"""What the stories of a booted machine share: packages and bundles of several versions, a till, a technician."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from hub.update.signing import new_key
from tests.install.nspawn import Machine
from tests.install.rename_wheel import rename

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = 77
MENU = {
    "categories": [{"id": "c1", "name": "Food"}],
    "products": [{"id": "p1", "name": "Ramen", "category_id": "c1", "price": 900}],
    "tax_rates": [{"tax_class": "standard", "rate": "0.10", "from": "2019-10-01T00:00:00+09:00"}],
    "tables": [{"id": "t1", "name": "1", "area": ""}],
}
ANSWERS = {"store_id": "s1", "store_name": "支店"}


# Orders come again within this, on a machine that others leave alone.
BACK_S_MAX = 5.0
DIES = b'def main() -> None:\n    raise SystemExit("this version is broken on purpose")\n'


class Packages:
    """The package, the same as later versions, and some that do not start; bundles of them, signed.

    python: the minor version of the machine's, for which later versions are packed alone.
    """

    def __init__(self, folder: Path, deb: Path | None, arch: str, python: str = "3.11") -> None:
        self._folder = folder
        self._arch = arch
        self._python = python
        self.key = folder / "update-key"
        self.key_id = new_key(self.key)
        self.first = deb.resolve() if deb else self._build("deb")
        kit = folder / "kit"
        subprocess.run(["dpkg-deb", "-x", self.first, kit], check=True)
        kit /= "usr/share/storehub"
        self._wheels = kit / "wheels"
        self._wheel = next(kit.glob("storehub-*.whl"))

    def later(self, version: str, *, broken: bool = False) -> Path:
        wheel = self._renamed(version, {"hub/__main__.py": DIES} if broken else None)
        return self._build("deb", "--wheel", str(wheel), "--wheels", str(self._wheels))

    def bundle(self, version: str, *, sick: bool = False, signed: bool = True) -> Path:
        """sick: it passes every check before the switch, and then never serves."""
        changed = None
        if sick:
            with zipfile.ZipFile(self._wheel) as file:
                serve = file.read("hub/serve.py").decode()
            begin = "    stopping = asyncio.Event()\n"
            assert begin in serve, "hub/serve.py is another file by now"
            changed = {
                "hub/serve.py": serve.replace(begin, "    raise OSError('it does not serve')\n").encode()
            }
        wheel = self._renamed(version, changed)
        sign = ["--sign", str(self.key)] if signed else []
        return self._build("bundle", *sign, "--wheel", str(wheel), "--wheels", str(self._wheels))

    def _renamed(self, version: str, changed: dict[str, bytes] | None) -> Path:
        wheel = self._folder / f"storehub-{version}-py3-none-any.whl"
        rename(self._wheel, wheel, version, changed)
        return wheel

    def _build(self, kind: str, *arguments: str) -> Path:
        command = [ROOT / f"deploy/build-{kind}.sh", "--arch", self._arch, "--out", self._folder, *arguments]
        environment = {"PYTHON": sys.executable, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        if "--wheel" in arguments:
            environment["STOREHUB_DEB_PYTHONS"] = self._python
        built = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        return Path(built.stdout.strip())


class Told:
    """A machine and what a person does at it. `tell` takes the steps in order; each leaves it as the next needs it."""

    def __init__(self, machine: Machine, packages: Packages) -> None:
        self.machine = machine
        self.packages = packages
        # What a technician types between a bare Debian and the first order.
        self.typed: list[str] = []
        self.began = time.monotonic()

    def steps(self) -> list[Callable[[], str]]:
        raise NotImplementedError

    def tell(self) -> None:
        for step in self.steps():
            began = time.monotonic()
            said = step()
            print(f"{step.__name__.replace('_', ' ')}: {said} ({time.monotonic() - began:.1f} s)", flush=True)

    def technician(self, command: str, said: str | None = None) -> str:
        self.typed.append(command)
        return self.machine.run("sh", "-c", command, said=said)

    def till(self, *words: str, check: bool = True) -> str:
        return self.machine.run("python3", "/root/till.py", *words, check=check)

    def install(self, package: Path, check: bool = True) -> str:
        self.bring(package)
        return self.machine.run("apt-get", "install", "-y", f"/root/{package.name}", check=check)

    def bring(self, file: Path) -> None:
        """Into root's home folder on the machine."""
        shutil.copy(file, self.machine.root / "root")

    def nothing_is_lost(self) -> str:
        said = json.loads(self.till("check"))
        return f"{said['acknowledged']} orders acknowledged, {said['lost']} lost"

    def set_up(self, **more: str) -> None:
        """The store, its menu, and a till that is paired."""
        made = json.loads(
            self.technician("storehub setup --answers - --offline --json", json.dumps({**ANSWERS, **more}))
        )
        self.import_menu()
        self.bring(ROOT / "tests/install/till.py")
        self.till("pair", made["pairing"]["code"])

    def import_menu(self) -> None:
        menu = self.machine.root / "var/tmp/menu.json"
        menu.write_text(json.dumps(MENU))
        self.technician("storehub import /var/tmp/menu.json")

    def version(self) -> str:
        found: str = json.loads(self.machine.run("storehub", "status", "--json"))["hub"]["version"]
        return found

    def quickly_back(self, gap: float) -> None:
        """Raises AssertionError, but not on a machine that others keep busy: there the figure is only told."""
        assert gap < BACK_S_MAX or os.getloadavg()[0] > (os.cpu_count() or 1), f"{gap:.1f} s without an order"

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
