"""storehub export."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from hub.cli.common import data_option, operating, reading
from hub.domain.csv_cells import Encoder, Encoding, csv_text

if TYPE_CHECKING:
    from hub.domain.sales_csv import Kind


@click.command()
@data_option
@click.option("--from", "first", metavar="SEQ|DATE", help="[default: the first]")
@click.option("--to", "last", metavar="SEQ|DATE", help="[default: the newest entry]")
@click.option("--products", is_flag=True, help="The products instead, as CSV that `import` takes.")
@click.option("--sales", is_flag=True, help="Sales, voids and refunds of those business days, as CSV.")
@click.option("--lines", is_flag=True, help="The lines of these, as CSV.")
@click.option("--bom", is_flag=True, help="CSV: begin with a BOM, as Excel wants it.")
@click.option("--shift-jis", is_flag=True, help="CSV: in Shift_JIS; what it has no character for becomes 〓.")
def export(
    data: Path | None,
    first: str | None,
    last: str | None,
    products: bool,
    sales: bool,
    lines: bool,
    bom: bool,
    shift_jis: bool,
) -> None:
    """Write the journal's entries to standard output, one a line, byte for byte.

    Each line is one CloudEvents event in JSON; the SHA-256 of its bytes, without the line break, is the
    `prevhash` of the next. Works while the hub runs and while it does not, and changes nothing.

    --sales has a line for each sale, void and refund, --lines one for each of their lines: what was given back is
    negative, and their totals add up to the day reports' net. A text that a spreadsheet would take for a formula
    begins with an apostrophe.

    \b
      storehub export > journal.ndjson
      storehub export --from 1200 --to 1300
      storehub export --products --bom > products.csv
      storehub export --sales --from 2026-11-01 --to 2026-11-30 > november.csv
    """
    if products + sales + lines > 1:
        raise click.UsageError("one of --products, --sales, --lines")
    if bom and shift_jis:
        raise click.UsageError("one of --bom, --shift-jis")
    encoding: Encoding = "shift_jis" if shift_jis else "utf-8-bom" if bom else "utf-8"
    out = sys.stdout.buffer
    try:
        if products:
            _products(data, out, Encoder(encoding))
        elif sales or lines:
            _sales(data, out, "sales" if sales else "lines", (first, last), encoding)
        else:
            begin, end = _seq(first, "--from"), _seq(last, "--to")
            with reading(data) as journal:
                for _, raw in journal.entries(begin or 1, end):
                    out.write(raw + b"\n")
        out.flush()
    except BrokenPipeError:
        # Whoever read has seen enough. Python would complain once more when it flushes standard output at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


def _seq(text: str | None, option: str) -> int | None:
    if text is not None and not (text.isascii() and text.isdigit() and int(text) > 0):
        raise click.BadParameter(f"must be a seq, from 1: {text}", param_hint=option)
    return None if text is None else int(text)


def _sales(
    data: Path | None, out: IO[bytes], kind: Kind, days: tuple[str | None, str | None], encoding: Encoding
) -> None:
    from hub.cli.exporting_sales import FIRST, LAST, business_date, sales_csv

    first, last = business_date(days[0], FIRST), business_date(days[1], LAST)
    with reading(data) as journal:
        for piece in sales_csv(journal, kind, first, last, encoding):
            out.write(piece)


def _products(data: Path | None, out: IO[bytes], encode: Encoder) -> None:
    after = ""
    with operating(data) as ask:
        while page := ask("products.lines", after=after):
            out.write(encode(csv_text(page if not after else page[1:])))
            after = page[-1][0]
            if len(page) == 1:
                break
