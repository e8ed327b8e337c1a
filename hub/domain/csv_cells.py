"""Cells and bytes of the CSV files that the hub writes and reads again.

A spreadsheet takes a cell that begins with = + - @ for a formula, and what a guest or a menu says would be run on the
manager's computer. Such a text gets an apostrophe in front (OWASP, CSV injection); reading takes it off again. Numbers
that the hub writes itself, as -1100, are no texts and stay numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final, Literal

Encoding = Literal["utf-8", "utf-8-bom", "shift_jis"]

BOM: Final = b"\xef\xbb\xbf"
MARK: Final = "'"
# Also the full-width forms, and what some spreadsheets skip before they look.
_FORMULA: Final = tuple("=+-@\t\r\n＝＋－＠")
# What stands where Shift_JIS has no such character: 〓 (geta), as Japanese printers have always shown a missing type.
MISSING: Final = "〓"
# The same characters, for which Windows' Shift_JIS has another code than everyone's Unicode.
_SAME: Final = str.maketrans(
    {"〜": "～", "−": "－", "‖": "∥", "—": "―", "¥": "￥", "¢": "￠", "£": "￡", "¬": "￢"}
)


def harmless(text: str) -> str:
    """The text as a cell that no spreadsheet runs."""
    return MARK + text if text.startswith((*_FORMULA, MARK)) else text


def plain_text(cell: str) -> str:
    """The text of a cell that harmless() wrote; any other cell as it is."""
    return cell[1:] if cell.startswith(MARK) and cell[1:].startswith((*_FORMULA, MARK)) else cell


def csv_text(rows: Iterable[Sequence[str | int]]) -> str:
    """Lines of a CSV (RFC 4180). Integers and flags are cells as they are; whatever is a text is harmless()."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows(
        [harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return out.getvalue()


class Encoder:
    """Bytes of one file, piece by piece."""

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self._begun = encoding != "utf-8-bom"

    def __call__(self, text: str) -> bytes:
        if self.encoding == "shift_jis":
            return _shift_jis(text)
        head = b"" if self._begun else BOM
        self._begun = True
        return head + text.encode()


def _shift_jis(text: str) -> bytes:
    text = text.translate(_SAME)
    try:
        return text.encode("cp932")
    except UnicodeEncodeError:
        return b"".join(_one(letter) for letter in text)


def _one(letter: str) -> bytes:
    try:
        return letter.encode("cp932")
    except UnicodeEncodeError:
        return MISSING.encode("cp932")
