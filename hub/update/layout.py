"""Where a box keeps its releases, its records and its units (deploy/release.sh lays them out), and its programs."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hub.released import MARKER, sync_folder

USER: Final = "storehub"
SERVICE: Final = "storehub.service"
UPDATER: Final = "storehub-update.service"
RELEASE_SH_S: Final = 1800.0
Tell = Callable[[str], None]


class UpdateError(Exception):
    """The update cannot be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Layout:
    """root: "/" on a box, the staged tree's own (DESTDIR) otherwise."""

    root: Path

    @classmethod
    def of_environment(cls) -> Layout:
        return cls(Path(os.environ.get("DESTDIR") or "/"))

    @property
    def staged(self) -> bool:
        return self.root != Path("/")

    @property
    def prefix(self) -> Path:
        return self.root / "opt/storehub"

    @property
    def updater_link(self) -> Path:
        """There while an update is under way: the release whose code carries it on, after a power cut too."""
        return self.prefix / "updater"

    @property
    def marker(self) -> Path:
        return self.prefix / MARKER

    @property
    def data(self) -> Path:
        return self.root / "var/lib/storehub"

    @property
    def kept_tables(self) -> Path:
        return self.data / "before-update.db"

    @property
    def config(self) -> Path:
        return self.root / "etc/storehub/storehub.toml"

    @property
    def key_folders(self) -> tuple[Path, ...]:
        """Whose bundles this box takes: those that came with the running release, and its technician's own."""
        return self.prefix / "venv/share/storehub/keys", self.config.parent / "update-keys"

    @property
    def owner(self) -> int:
        """Who may write what counts here: root, on a box."""
        return os.geteuid() if self.staged else 0

    def release(self, name: str) -> Path:
        return self.prefix / "releases" / name

    def complete(self, name: str) -> bool:
        return (self.release(name) / ".complete").exists()

    def current(self) -> str:
        """The release that is to run. Raises UpdateError."""
        link = self.prefix / "venv"
        try:
            return Path(os.readlink(link)).name
        except OSError as error:
            raise UpdateError(f"{link} is not there: storehub is not installed here") from error

    def hand_to(self, release: str | None) -> None:
        """Say whose code carries the update on; None: it is over."""
        link = self.updater_link
        if release is None:
            link.unlink(missing_ok=True)
        else:
            draft = link.with_name("updater.new")
            draft.unlink(missing_ok=True)
            draft.symlink_to(f"releases/{release}")
            os.replace(draft, link)
        if self.prefix.is_dir():
            sync_folder(self.prefix)

    # -- programs ---------------------------------------------------------------------------------------------------

    def release_sh(self, script: Path, *arguments: str) -> str:
        """What deploy/release.sh answers. Raises UpdateError with its last words."""
        # Python's own, not that of the release which runs this: it would be gone some day, and its releases with it.
        environment = {**os.environ, "PYTHON": os.path.realpath(sys.executable)}
        command = ["bash", str(script), *arguments]
        return _output(command, "release.sh", timeout_s=RELEASE_SH_S, env=environment)

    def switch_to(self, release: str) -> None:
        """Make it the current release, with its units, in one rename. Raises UpdateError."""
        share = self.release(release) / "share/storehub"
        self.release_sh(share / "release.sh", "switch", release)
        self.systemctl("daemon-reload", check=False)
        wanted = [unit.name for unit in (share / "systemd").iterdir() if "[Install]" in unit.read_text()]
        # What is wanted at a start of the box, and what this release brings of it for the first time.
        self.systemctl("enable", "--quiet", *sorted(wanted), check=False)
        if timers := [name for name in wanted if not name.endswith(".service")]:
            self.systemctl("--no-block", "start", *sorted(timers), check=False)

    def systemctl(self, *arguments: str, check: bool = True) -> bool:
        """Whether it did what it was told. Raises UpdateError when it did not and `check` is set."""
        done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False)  # noqa: S603, S607
        if done.returncode and check:
            raise UpdateError(f"systemctl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.returncode == 0

    def run(self, release: str, *arguments: str, timeout_s: float) -> str:
        """The output of the release's Python, run as the service. Raises UpdateError with its last words."""
        return _output(
            [str(self.release(release) / "bin/python"), *arguments],
            f"{release}: {' '.join(arguments[:2])}",
            timeout_s=timeout_s,
            env=self._environment(),
            **self._as_service(),
        )

    def _as_service(self) -> dict[str, Any]:
        """For subprocess: as the service's user, where one may choose, so that no file of root's keeps the hub out."""
        if os.geteuid() != 0 or self.staged:
            return {}
        try:
            found = pwd.getpwnam(USER)
        except KeyError:
            return {}
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}

    def _environment(self) -> dict[str, str]:
        """What the service's own programs are given: its settings, and no byte code in a release."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("STOREHUB_")}
        kept |= {"PYTHONDONTWRITEBYTECODE": "1", "STOREHUB_DATA": str(self.data)}
        if self.config.exists():
            kept["STOREHUB_CONFIG"] = str(self.config)
        return kept


def _output(command: list[str], name: str, *, timeout_s: float, **how: Any) -> str:
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=timeout_s, check=False, cwd="/", **how
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UpdateError(f"{name}: {error}") from error
    if done.returncode:
        raise UpdateError(
            last_words(f"{done.stdout}\n{done.stderr}") or f"{name} ended with {done.returncode}"
        )
    return str(done.stdout)


def last_words(text: str) -> str:
    """The end of what a program said: the reason."""
    return "\n".join(text.strip().splitlines()[-6:])[-800:]
