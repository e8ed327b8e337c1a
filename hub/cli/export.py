"""storehub export."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from hub.cli.common import data_option, reading


@click.command()
@data_option
@click.option("--from", "first", type=click.IntRange(1), default=1, show_default=True, metavar="SEQ")
@click.option("--to", "last", type=click.IntRange(1), metavar="SEQ", help="[default: the newest entry]")
def export(data: Path | None, first: int, last: int | None) -> None:
    """Write the journal's entries to standard output, one a line, byte for byte.

    Each line is one CloudEvents event in JSON; the SHA-256 of its bytes, without the line break, is the
    `prevhash` of the next. Works while the hub runs and while it does not, and changes nothing.

    \b
      storehub export > journal.ndjson
      storehub export --from 1200 --to 1300
    """
    out = sys.stdout.buffer
    try:
        with reading(data) as journal:
            for _, raw in journal.entries(first, last):
                out.write(raw + b"\n")
        out.flush()
    except BrokenPipeError:
        # Whoever read has seen enough. Python would complain once more when it flushes standard output at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
