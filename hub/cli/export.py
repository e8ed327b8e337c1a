"""storehub export."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from hub.cli.common import data_option, operating, reading
from hub.domain.csv_cells import Encoder, Encoding, csv_text

if TYPE_CHECKING:
    from hub.domain.sales_csv import Kind


# What leaves page by page, and comes in again by `import`.
PAGED: Final = ("stock", "prices", "plans", "deals", "coupons", "customers")
WARNING: Final = """this file names people: keep it where nobody else reads it, and delete it when it has served.
Whoever is forgotten in the store later (DELETE /v1/customers/{id}) is still in it."""


def _what(name: str, text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(f"--{name}", is_flag=True, help=text)


@click.command()
@data_option
@click.option("--from", "first", metavar="SEQ|DATE", help="[default: the first]")
@click.option("--to", "last", metavar="SEQ|DATE", help="[default: the newest entry]")
@_what("sales", "Sales, voids and refunds of those business days, as CSV.")
@_what("lines", "The lines of these, as CSV.")
@_what("products", "CSV that `import` takes, like the following.")
@_what("stock", "A sheet for counting.")
@_what("prices", "Prices of member, staff and other lists.")
@_what("plans", "Terms of plans.")
@_what("deals", "Deals.")
@_what("coupons", "Coupons.")
@_what("customers", "Customers, in clear: needs --output.")
@click.option("--output", type=click.Path(path_type=Path), help="Into a new file that nobody else may read.")
@click.option("--bom", is_flag=True, help="CSV: begin with a BOM, as Excel wants it.")
@click.option("--shift-jis", is_flag=True, help="CSV: in Shift_JIS; what it has no character for becomes 〓.")
def export(
    data: Path | None,
    first: str | None,
    last: str | None,
    output: Path | None,
    bom: bool,
    shift_jis: bool,
    **files: bool,
) -> None:
    """Write the journal's entries to standard output, one a line, byte for byte.

    Each line is one CloudEvents event in JSON; the SHA-256 of its bytes, without the line break, is the
    `prevhash` of the next. Works while the hub runs and while it does not, and changes nothing.

    --sales has a line for each sale, void and refund, --lines one for each of their lines: what was given back is
    negative, and their totals add up to the day reports' net. A text that a spreadsheet would take for a formula
    begins with an apostrophe; `import` takes it off again.

    \b
      storehub export > journal.ndjson
      storehub export --from 1200 --to 1300
      storehub export --products --bom > products.csv
      storehub export --sales --from 2026-11-01 --to 2026-11-30 > november.csv
      storehub export --customers --output customers.csv
    """
    chosen = [name for name, wanted in files.items() if wanted]
    if len(chosen) > 1:
        raise click.UsageError(f"one of {', '.join(f'--{name}' for name in chosen)}")
    what = chosen[0] if chosen else None
    if bom and shift_jis:
        raise click.UsageError("one of --bom, --shift-jis")
    if what == "customers" and output is None:
        raise click.UsageError("customers leave into a file of their own: --output FILE")
    encoding: Encoding = "shift_jis" if shift_jis else "utf-8-bom" if bom else "utf-8"
    pieces = _pieces(data, what, (first, last), encoding)
    if output is not None:
        _into(output, pieces)
        if what == "customers":
            click.echo(f"{output}: {WARNING}", err=True)
        return
    out = sys.stdout.buffer
    try:
        for piece in pieces:
            out.write(piece)
        out.flush()
    except BrokenPipeError:
        # Whoever read has seen enough. Python would complain once more when it flushes standard output at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


def _into(output: Path, pieces: Iterator[bytes]) -> None:
    """A file that is there is never replaced; one that could not be finished does not stay."""
    try:
        out = os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise click.ClickException(f"{output}: {error.strerror}") from error
    try:
        with out:
            for piece in pieces:
                out.write(piece)
    except BaseException:
        output.unlink(missing_ok=True)
        raise


def _pieces(
    data: Path | None, what: str | None, span: tuple[str | None, str | None], encoding: Encoding
) -> Iterator[bytes]:
    if what == "products":
        yield from _products(data, Encoder(encoding))
    elif what in PAGED:
        yield from _paged(data, what, Encoder(encoding))
    elif what in ("sales", "lines"):
        yield from _sales(data, "sales" if what == "sales" else "lines", span, encoding)
    else:
        begin, end = _seq(span[0], "--from"), _seq(span[1], "--to")
        with reading(data) as journal:
            for _, raw in journal.entries(begin or 1, end):
                yield raw + b"\n"


def _seq(text: str | None, option: str) -> int | None:
    if text is not None and not (text.isascii() and text.isdigit() and int(text) > 0):
        raise click.BadParameter(f"must be a seq, from 1: {text}", param_hint=option)
    return None if text is None else int(text)


def _sales(
    data: Path | None, kind: Kind, days: tuple[str | None, str | None], encoding: Encoding
) -> Iterator[bytes]:
    from hub.cli.exporting_sales import FIRST, LAST, business_date, sales_csv

    first, last = business_date(days[0], FIRST), business_date(days[1], LAST)
    with reading(data) as journal:
        yield from sales_csv(journal, kind, first, last, encoding)


def _products(data: Path | None, encode: Encoder) -> Iterator[bytes]:
    after = ""
    with operating(data) as ask:
        while page := ask("products.lines", after=after):
            yield encode(csv_text(page if not after else page[1:]))
            after = page[-1][0]
            if len(page) == 1:
                break


def _paged(data: Path | None, what: str, encode: Encoder) -> Iterator[bytes]:
    with operating(data) as ask:
        after: str | None = ""
        while after is not None:
            more = {} if what == "customers" else {"kind": what}
            page = ask("csv.customers" if what == "customers" else "csv.lines", after=after, **more)
            head = [page["header"]] if not after else []
            yield encode(csv_text([*head, *page["lines"]]))
            after = page["after"]
