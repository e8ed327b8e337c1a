"""A private PostgreSQL cluster from the machine's own binaries, on a unix socket in a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

_BINARIES = Path("/usr/lib/postgresql")


def missing() -> str | None:
    """Why no cluster can be started here, or None."""
    if _bin() is None:
        return f"no PostgreSQL server under {_BINARIES} (Debian: apt install postgresql)"
    if os.geteuid() == 0 and _account() is None:
        return "PostgreSQL refuses to run as root, and there is no user postgres or nobody"
    return None


@contextmanager
def cluster() -> Iterator[str]:
    """Yield the URL of a running cluster, with `{}` where the database's name belongs."""
    found = _bin()
    assert found is not None
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    account = _account() if os.geteuid() == 0 else None
    user = {"user": account} if account else {}
    if account:
        shutil.chown(folder, account)
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(folder)}
    common = {"cwd": folder, "env": environment, **user}
    data, log = folder / "data", folder / "log"
    subprocess.run(
        [found / "initdb", "-D", data, "-U", "cloud", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True, capture_output=True, **common,
    )  # fmt: skip
    with log.open("wb") as out:
        server = subprocess.Popen(
            [found / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"],
            stdout=out, stderr=out, **common,
        )  # fmt: skip
    try:
        url = f"postgresql://cloud@/{{}}?host={quote(str(folder), safe='')}"
        _await(url.format("postgres"), server, log)
        yield url
    finally:
        # Not SIGTERM: that waits for everyone to leave, and nothing here is worth a clean stop.
        server.send_signal(signal.SIGQUIT)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(folder)


def _await(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg

    until = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)


def _bin() -> Path | None:
    versions = sorted(_BINARIES.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


def _account() -> str | None:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    return None
