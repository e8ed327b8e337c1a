"""Starts and stops what is measured: the hub, the cloud, the baselines, the WAN; each pinned to its core."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
READY_WITHIN_S = 60.0
STOPPED_WITHIN_S = 30.0
HUB_ID = "bench-hub"
STORE_ID = "bench-store"


class Program:
    """A process of ours; stopping it twice does no harm."""

    def __init__(
        self, command: list[str], *, core: int, log: Path, env: dict[str, str] | None = None
    ) -> None:
        self.log = log
        # Nothing of the caller's own set-up may reach the box under test.
        clean = {k: v for k, v in os.environ.items() if not k.startswith("STOREHUB_")}
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                ["taskset", "--cpu-list", str(core), *command],
                cwd=ROOT,
                env=clean | (env or {}),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid  # taskset has replaced itself with the program

    def line(self, beginning: str) -> str:
        """The first line of its output that begins so; raises with the log's end if it does not come."""
        assert self.process.stdout is not None
        # A program that neither speaks nor ends is ended, which ends the wait for it.
        deadline = threading.Timer(READY_WITHIN_S, self.process.kill)
        deadline.start()
        try:
            for line in self.process.stdout:
                if line.startswith(beginning):
                    return line.strip()
        finally:
            deadline.cancel()
        tail = self.log.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{self.process.args!r} did not say {beginning!r}:\n{tail}")

    def stop(self) -> str:
        """SIGTERM, and what it still printed."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            rest, _ = self.process.communicate(timeout=STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            rest, _ = self.process.communicate()
        return rest or ""

    def kill(self) -> None:
        """As a crash does: SIGKILL, at once."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@dataclass(slots=True)
class Server:
    """A program that answers at ``url``."""

    program: Program
    url: str
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def pid(self) -> int:
        return self.program.pid


def get_json(url: str, token: str, *, timeout_s: float = 10.0) -> dict[str, object]:
    """The JSON answer of a GET on loopback."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310
        return dict(json.loads(answer.read()))


def status_of(url: str, request: bytes) -> int:
    """The status that a raw request gets; ``OSError`` while nobody listens."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    try:
        connection.connect()
        connection.sock.sendall(request)
        answer = http.client.HTTPResponse(connection.sock)
        answer.begin()
        return answer.status
    finally:
        connection.close()


def wait_until(condition: Callable[[], bool], *, within_s: float, what: str, every_s: float = 0.02) -> float:
    """Seconds until the condition held; raises when it does not in time."""
    start = time.perf_counter()
    while time.perf_counter() - start < within_s:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            if condition():
                return time.perf_counter() - start
        time.sleep(every_s)
    raise TimeoutError(f"{what}: not within {within_s:.0f} s")


def start_baseline(which: str, *, work: Path, core: int, env: dict[str, str] | None = None) -> Server:
    """One of ``bench.baselines``, answering."""
    port = free_port()
    data = work / f"{which}-{port}"
    data.mkdir()
    command = [sys.executable, "-m", "bench.baselines", which, "--port", str(port), "--data", str(data)]
    program = Program(command, core=core, log=work / f"{which}.log", env=env)

    def answers() -> bool:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=1)) as connection:
            connection.request("GET", "/")
            return connection.getresponse().status > 0

    wait_until(answers, within_s=READY_WITHIN_S, what=which)
    return Server(program, f"http://127.0.0.1:{port}")


def hub_command(data: Path, port: int, *, mdns: bool = False) -> list[str]:
    """The command line of the hub under test."""
    flags = [] if mdns else ["--no-mdns"]
    return [sys.executable, "-m", "hub", "run", "--data", str(data), "--port", str(port), "--http", *flags]


def hub_environment(cloud: tuple[str, str] | None, extra: dict[str, str] | None) -> dict[str, str]:
    """Its settings; the cloud is a URL and a hub token."""
    env = {"STOREHUB_HUB_ID": HUB_ID, "STOREHUB_STORE_ID": STORE_ID, "STOREHUB_STORE_NAME": "Bench"}
    if cloud:
        env |= {"STOREHUB_CLOUD_URL": cloud[0], "STOREHUB_CLOUD_TOKEN": cloud[1]}
    return env | (extra or {})


def start_hub(
    data: Path,
    *,
    core: int,
    cloud: tuple[str, str] | None = None,
    mdns: bool = False,
    env: dict[str, str] | None = None,
    log: Path | None = None,
) -> Server:
    """The hub on ``data``, ready."""
    command = hub_command(data, free_port(), mdns=mdns)
    program = Program(command, core=core, log=log or data.parent / "hub.log", env=hub_environment(cloud, env))
    said = program.line("storehub ready ")
    return Server(program, said.split()[2], dict(re.findall(r"(\w+)=(\S+)", said)))


def start_cloud(database: Path, *, core: int, port: int | None = None, elsewhere: bool = False) -> Server:
    """The embedded cloud on ``database``, ready.

    elsewhere: as if it had a processor of its own. It gets what is left of this one, and nobody waits for it: least of
    all the kernel's threads that write the hub's journal.
    """
    port = port or free_port()
    command = ["chrt", "--idle", "0"] if elsewhere else []
    command += [sys.executable, "-m", "cloud", "run", "--db", f"sqlite:///{database}", "--port", str(port)]
    program = Program(command, core=core, log=database.parent / "cloud.log")
    return Server(program, program.line("storehub-cloud ready ").split()[2])


def start_wan(port: int, to_url: str, *, core: int, one_way_ms: float = 20.0) -> Program:
    """The delaying proxy from ``port`` to ``to_url``, accepting."""
    target = to_url.split("//", 1)[1].rstrip("/")
    command = [sys.executable, "-m", "bench.wan", "--listen", str(port), "--to", target]
    program = Program([*command, "--one-way-ms", str(one_way_ms)], core=core, log=Path(os.devnull))
    program.line("wan ready")
    return program


def say(module: str, *arguments: str) -> str:
    """What a command of ``hub`` or ``cloud`` prints; raises with its complaint when it fails."""
    return run([sys.executable, "-m", module, *arguments])


def run(command: list[str]) -> str:
    """What a program prints that knows the bench's hub by its environment and nothing else."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("STOREHUB_")}
    env = clean | hub_environment(None, None)
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.stdout}")
    return done.stdout


def export_lines(module: str, *arguments: str) -> list[bytes]:
    """A digest of every line of an ``export``, in order: the lines themselves may not fit in memory."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, "export", *arguments],
        cwd=ROOT,
        env=dict(os.environ) | hub_environment(None, None),
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    digests = [hashlib.blake2b(line, digest_size=16).digest() for line in process.stdout]
    if process.wait(timeout=60):
        raise RuntimeError(f"{module} export failed")
    return digests


def cloud_token(database: Path, menu: Path) -> str:
    """A token for the bench's hub at a new cloud, which serves the hub's menu as its master data."""
    at = ("--db", f"sqlite:///{database}")
    said = say("cloud", "hub", "add", "--store", STORE_ID, "--hub", HUB_ID, *at)
    say("cloud", "import-master", "--store", STORE_ID, str(menu), *at)
    found = re.search(r"token=(\S+)", said)
    assert found, said
    return found.group(1)
