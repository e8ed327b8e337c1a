"""storehub export."""

from __future__ import annotations

import csv
import io
import os
import sys
from pathlib import Path
from typing import IO

import click

from hub.cli.common import data_option, operating, reading


@click.command()
@data_option
@click.option("--from", "first", type=click.IntRange(1), default=1, show_default=True, metavar="SEQ")
@click.option("--to", "last", type=click.IntRange(1), metavar="SEQ", help="[default: the newest entry]")
@click.option("--products", is_flag=True, help="The products instead, as CSV that `import` takes.")
@click.option("--bom", is_flag=True, help="With --products: begin with a BOM, as Excel wants it.")
def export(data: Path | None, first: int, last: int | None, products: bool, bom: bool) -> None:
    """Write the journal's entries to standard output, one a line, byte for byte.

    Each line is one CloudEvents event in JSON; the SHA-256 of its bytes, without the line break, is the
    `prevhash` of the next. Works while the hub runs and while it does not, and changes nothing.

    \b
      storehub export > journal.ndjson
      storehub export --from 1200 --to 1300
      storehub export --products --bom > products.csv
    """
    out = sys.stdout.buffer
    try:
        if products:
            _products(data, out, bom=bom)
        else:
            with reading(data) as journal:
                for _, raw in journal.entries(first, last):
                    out.write(raw + b"\n")
        out.flush()
    except BrokenPipeError:
        # Whoever read has seen enough. Python would complain once more when it flushes standard output at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


def _products(data: Path | None, out: IO[bytes], *, bom: bool) -> None:
    text = io.TextIOWrapper(out, encoding="utf-8-sig" if bom else "utf-8", newline="", write_through=True)
    lines = csv.writer(text)
    after = ""
    with operating(data) as ask:
        while page := ask("products.lines", after=after):
            lines.writerows(page if not after else page[1:])
            after = page[-1][0]
            if len(page) == 1:
                break
    text.detach()
