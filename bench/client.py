"""Runs ``bench.load`` as a process of its own; its report counts only if every answer was 2xx."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.boxes import Program, Server


def load(
    server: Server,
    *,
    core: int,
    connections: int,
    seconds: float,
    tokens: Path | None = None,
    rate: float | None = None,
    warm_up_s: float = 1.0,
    samples: Path | None = None,
    settle: bool = False,
    first_table: int = 0,
) -> dict[str, float]:
    """What ``bench.load`` reports; raises if any order failed."""
    with load_running(
        server,
        core=core,
        connections=connections,
        seconds=seconds,
        tokens=tokens,
        rate=rate,
        warm_up_s=warm_up_s,
        samples=samples,
        settle=settle,
        first_table=first_table,
    ) as program:
        said, _ = program.process.communicate(timeout=seconds + warm_up_s + 60)
    return load_report(said, program)


@contextlib.contextmanager
def load_running(
    server: Server,
    *,
    core: int,
    connections: int,
    seconds: float,
    tokens: Path | None = None,
    rate: float | None = None,
    warm_up_s: float = 1.0,
    samples: Path | None = None,
    settle: bool = False,
    first_table: int = 0,
) -> Iterator[Program]:
    """The load client at work; it is stopped at the end if it has not ended."""
    command = [sys.executable, "-m", "bench.load", "--url", server.url, "--connections", str(connections)]
    command += ["--seconds", str(seconds), "--warm-up", str(warm_up_s)]
    command += ["--tokens", str(tokens)] if tokens else []
    command += ["--rate", str(rate)] if rate else []
    command += ["--samples", str(samples)] if samples else []
    command += ["--settle"] if settle else []
    command += ["--first-table", str(first_table)]
    program = Program(command, core=core, log=server.program.log)
    try:
        yield program
    finally:
        if program.process.poll() is None:
            program.stop()


def load_report(said: str, program: Program) -> dict[str, float]:
    """The client's report, with every order answered by 2xx."""
    if program.process.returncode:
        raise RuntimeError(f"the load client failed:\n{program.log.read_text(errors='replace')[-2000:]}")
    report = dict(json.loads(said))
    assert not report["failed"], f"orders failed: {report['failures']}\n{report['first_refusal']}"
    return report
