"""An installed tree without root and systemd: real releases, a real hub, and programs that can be cut at every step.

    python tests/install/updating.py carry-on COUNTER [N]    hub.update, killed as it makes its Nth change

`carry-on` is run by a release's own Python, so that the code under test is that release's.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

# systemd, as far as an update asks for it: one service that is started, stopped and looked at.
SYSTEMCTL = """#!/bin/bash
set -u
verb= ; for word in "$@"; do case $word in --*) ;; *) verb=$word; break ;; esac; done
pid=$(cat "$DESTDIR/hub.pid" 2>/dev/null || echo 0)
alive() { [ "$pid" != 0 ] && kill -0 "$pid" 2>/dev/null; }
stop() {
    alive || return 0
    kill -TERM "$pid"
    while alive; do sleep 0.02; done
}
start() {
    alive && return 0
    cd /
    setsid "$DESTDIR/opt/storehub/venv/bin/python" -m hub run --http --no-mdns --host 127.0.0.1 --port "$HUB_PORT" \\
        --data "$DESTDIR/var/lib/storehub" >>"$DESTDIR/hub.log" 2>&1 </dev/null &
    echo $! >"$DESTDIR/hub.pid"
}
case "$verb $*" in
    restart*) stop; start ;;
    start*storehub.service*) start ;;
    stop*) stop ;;
    is-active*) alive && grep -q "^storehub ready" "$DESTDIR/hub.log" ;;
esac
"""
# Programs that change something: each call is a step at which the power may go.
# Makes a virtual environment without a pip of its own, in a fifth of the time: the one among the dependencies is used.
PYTHON = """#!/bin/bash
[ "$1 $2" != "-m venv" ] || set -- -m venv --without-pip "$3"
exec {program} "$@"
"""
CHANGING = ("ln", "mv", "rm", "install", "sync", "cmp")
STEP = """#!/bin/bash
if [ -n "${{CUT_COUNTER:-}}" ]; then
    n=$(($(cat "$CUT_COUNTER") + 1)); echo $n >"$CUT_COUNTER"
    [ "$n" != "${{CUT_AT:-0}}" ] || kill -KILL -"$CUT_GROUP"
fi
exec {program} "$@"
"""


class Staged:
    """A box in a folder: `first` is installed, its hub runs when it is started."""

    def __init__(self, root: Path, tools: Path) -> None:
        self.root = root
        self.data = root / "var/lib/storehub"
        # This file also runs as a program of the box, where the tests are not.
        from tests.support.ports import free_port

        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.tools = tools

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("STOREHUB_")}
        return {
            **kept,
            "DESTDIR": str(self.root),
            "HUB_PORT": str(self.port),
            "PATH": f"{self.tools / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(self.tools / "deps"),
            "PYTHONDONTWRITEBYTECODE": "1",
            **more,
        }

    def python(self, release: str, *arguments: str, expect: int | None = 0, **more: str) -> str:
        done = subprocess.run(
            [self.root / "opt/storehub" / release / "bin/python", *arguments],
            env=self.environment(**more),
            cwd="/",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        said = done.stdout + done.stderr
        assert expect is None or done.returncode == expect, said + self.log()
        return said

    def storehub(self, *arguments: str, expect: int | None = 0) -> str:
        """The installed command line, on the installed data."""
        return self.python("venv", "-m", "hub", *arguments, expect=expect, STOREHUB_DATA=str(self.data))

    def update(self, *arguments: str, expect: int | None = 0, within_s: int = 40) -> str:
        """`storehub update`, watched for less than a minute where the new version is not well."""
        script = str(Path(__file__))
        more = {"WELL_WITHIN_S": str(within_s)}
        return self.python("venv", script, "update", *arguments, expect=expect, **more)

    def carry_on(self, counter: Path, at: int) -> int:
        """What the unit does, cut at its Nth change; the signal or status that it ended with."""
        counter.write_text("0")
        done = subprocess.Popen(
            [self.root / "opt/storehub/updater/bin/python", Path(__file__), "carry-on", counter, str(at)],
            # Both versions are well here, on a machine that may be busy with other tests.
            env=self.environment(CUT_COUNTER=str(counter), CUT_AT=str(at), WELL_WITHIN_S="40"),
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return done.wait(timeout=100)

    def systemctl(self, verb: str) -> None:
        subprocess.run(
            [self.tools / "bin/systemctl", verb, "storehub.service"], env=self.environment(), check=True
        )

    def power_off(self) -> None:
        with suppress(FileNotFoundError, ProcessLookupError, ValueError):
            os.kill(int((self.root / "hub.pid").read_text()), signal.SIGKILL)
        (self.root / "hub.pid").unlink(missing_ok=True)

    def log(self) -> str:
        path = self.root / "hub.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    @property
    def current(self) -> str:
        return (self.root / "opt/storehub/venv").readlink().name

    @property
    def marker(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.root / "opt/storehub/update.json").read_bytes())
        return found

    def entries(self) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.data / "journal.db")) as db:
            return [json.loads(raw) for (raw,) in db.execute("SELECT raw FROM entries ORDER BY seq")]

    def copy(self, root: Path) -> Staged:
        """Another box like this one; the releases, which nobody changes, are shared."""
        root.mkdir(parents=True)
        shutil.copytree(self.root / "var", root / "var", ignore=shutil.ignore_patterns("*.sock"))
        subprocess.run(["cp", "-al", str(self.root / "opt"), str(root / "opt")], check=True)
        shutil.copytree(self.root / "etc", root / "etc", symlinks=True)
        for path in (root / "opt/storehub").glob("*.json"):
            content = path.read_bytes()
            path.unlink()
            path.write_bytes(content)
        return Staged(root, self.tools)


def make_tools(folder: Path) -> Path:
    """A systemctl, programs that count, and the dependencies of a release without storehub itself."""
    (folder / "bin").mkdir(parents=True)
    scripts = {"systemctl": SYSTEMCTL, "quick-python": PYTHON.format(program=sys.executable)}
    for name in CHANGING:
        scripts[name] = STEP.format(program=shutil.which(name))
    for name, text in scripts.items():
        path = folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)
    (folder / "deps").mkdir()
    import msgspec

    site = Path(msgspec.__file__).parents[1]
    for found in site.iterdir():
        if not re.match(r"(?i)_?_?(storehub|editable)", found.name) and found.suffix != ".pth":
            (folder / "deps" / found.name).symlink_to(found)
    return folder


def changed_wheel(source: Path, folder: Path, version: str, changes: dict[str, Callable[[str], str]]) -> Path:
    """The wheel as another version, some of its files rewritten, and none of its dependencies asked for."""
    from rename_wheel import rename

    draft = folder / "draft.whl"
    changes = {"share/storehub/kit/requirements/runtime.lock": lambda text: "", **changes}
    left = set(changes)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(draft, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            for ending, change in changes.items():
                if name.endswith(ending):
                    before, content = content, change(content.decode()).encode()
                    assert content != before, (
                        f"{ending} is another file by now: what is changed in it is not there"
                    )
                    left.discard(ending)
            new.writestr(name, content)
        for name in left:
            new.writestr(name, changes[name](""))
    target = folder / f"storehub-{version}-py3-none-any.whl"
    rename(draft, target, version)
    # Its kit lies in a folder with the version in its name.
    fixed = folder / "fixed.whl"
    with zipfile.ZipFile(target) as old, zipfile.ZipFile(fixed, "w") as new:
        for name in old.namelist():
            new.writestr(re.sub(r"^storehub-[^/]+\.data/", f"storehub-{version}.data/", name), old.read(name))
    fixed.replace(target)
    draft.unlink()
    return target


def _quick() -> None:
    """The same checks in less time."""
    from hub.update import engine, health, preparing

    engine.WITHIN_S = float(os.environ.get("WELL_WITHIN_S", "6"))
    health.STAYS_S = 0.3
    preparing.RELEASE_BYTES = 0


def _cut_at(counter: str, at: int) -> None:
    """Kill this program and what it started as it makes its Nth change, as a power cut would."""
    changes = {"os.rename", "os.remove", "os.symlink", "os.mkdir", "subprocess.Popen", "sqlite3.connect"}
    path = Path(counter)
    os.environ["CUT_GROUP"] = str(os.getpgid(0))

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        writes = (
            event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        )
        if (event in changes or writes) and str(counter) not in map(str, arguments):
            handle = os.open(path, os.O_RDWR)
            count = int(os.read(handle, 20) or 0) + 1
            os.pwrite(handle, str(count).encode(), 0)
            os.close(handle)
            if count == at:
                os.killpg(0, signal.SIGKILL)

    sys.addaudithook(hook)


def main() -> int:
    from hub.update.source import source_of

    verb, *arguments = sys.argv[1:]
    _quick()
    if verb == "carry-on":
        from hub.update import engine

        _cut_at(arguments[0], int(arguments[1]))
        return engine.main()
    if verb == "make":
        # deploy/release.sh as an update runs it, but for the pip of its own that each release has on a box.
        source = source_of(arguments[0], Path(arguments[1]))
        command = ["bash", source.release_sh, "make", "--wheel", source.wheel]
        return subprocess.run(command, env={**os.environ, "PYTHON": arguments[2]}, check=False).returncode
    if verb == "prepare":
        from hub.update.layout import Layout
        from hub.update.preparing import prepare

        with tempfile.TemporaryDirectory() as scratch:
            prepare(Layout.of_environment(), source_of(arguments[0], Path(scratch)), print)
        return 0
    from hub.cli import main as command

    command(["update", *arguments])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
