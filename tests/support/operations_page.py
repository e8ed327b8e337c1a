"""The tables of docs/operations.md and docs/operations.ja.md that follow from the code.

`python -m tests.support.operations_page` writes them anew between their marks; a test compares.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hub.doctor.texts import texts

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = {"en": ROOT / "docs/operations.md", "ja": ROOT / "docs/operations.ja.md"}
HEADS: Final = {
    "en": {
        "found": ("id", "what it says", "what to do"),
        "said": ("", "what it says", "what it means, what to do"),
    },
    "ja": {"found": ("id", "表示", "対処"), "said": ("", "表示", "意味と対処")},
}


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _named(text: str) -> str:
    """{free_mb} is filled in when it is said: shown as …, as the page tells no figures."""
    return re.sub(r"\{\w+\}", "…", text)


def _findings(book: str, language: str) -> str:
    parts = []
    for check, told in texts(book).items():
        rows = [
            (f"`{check}.{what}`", _named(text[language]), _named(text.get(f"{language}_do", "")))
            for what, text in told.items()
            if isinstance(text, dict)
        ]
        parts.append(f"**{told[language]}**\n\n{_table(HEADS[language]['found'], rows)}")
    return "\n\n".join(parts)


def console_texts(language: str) -> dict[str, str]:
    """The console's texts, read as the plain file that they are."""
    source = (ROOT / f"hub/api/web/assets/{language}.js").read_text()
    return dict(re.findall(r'(?m)^\s*"([\w.-]+)":\s*"((?:[^"\\]|\\.)*)"', source))


def _notices(language: str) -> str:
    told = console_texts(language)
    rows = [
        (f"`{key.removeprefix('notice.')}`", text, _named(told.get(f"{key}.body", "")))
        for key, text in told.items()
        if key.startswith("notice.") and not key.endswith(".body")
    ]
    return _table(HEADS[language]["said"], rows)


def _links(language: str) -> str:
    told = console_texts(language)
    rows = [
        (
            f"`{key.split('.')[1]}`",
            text,
            _named(
                " ".join(told.get(f"link.{key.split('.')[1]}.{part}", "") for part in ("body", "do")).strip()
            ),
        )
        for key, text in told.items()
        if re.fullmatch(r"link\.\w+\.title", key)
    ]
    return _table(HEADS[language]["said"], rows)


def _reasons(language: str) -> str:
    told = console_texts(language)
    rows = [
        (f"`{key.removeprefix('reason.')}`", text) for key, text in told.items() if key.startswith("reason.")
    ]
    return _table(HEADS[language]["said"][:2], rows)


SECTIONS: Final[dict[str, Callable[[str], str]]] = {
    "doctor": lambda language: _findings("texts", language),
    "drill": lambda language: _findings("drill", language),
    "notices": _notices,
    "links": _links,
    "reasons": _reasons,
}


def rendered(page: str, language: str) -> str:
    """The page with its tables as the code has them now. Raises ValueError where a mark is missing."""
    for name, make in SECTIONS.items():
        begin, end = (
            f"<!-- {name}: written by tests/support/operations_page.py -->",
            f"<!-- end of {name} -->",
        )
        head, found, rest = page.partition(begin)
        _, ended, tail = rest.partition(end)
        if not found or not ended:
            raise ValueError(f"there is no place for {name}")
        page = f"{head}{begin}\n{make(language)}\n{end}{tail}"
    return page


if __name__ == "__main__":
    for language, path in PAGES.items():
        path.write_text(rendered(path.read_text(), language))
