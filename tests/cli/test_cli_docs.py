"""docs/cli.md names every command, and docs/demo.md every column that the reader of plain files knows."""

from __future__ import annotations

import re
from pathlib import Path

import click

from hub.cli import main
from hub.demo import readers

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_names_every_command() -> None:
    page = (DOCS / "cli.md").read_text()
    for name, command in main.commands.items():
        inner = command.commands if isinstance(command, click.Group) else {}
        assert f"`{name}" in page, name
        for sub in inner:
            assert f"`{name} {sub}" in page or f"`{sub}" in page, (name, sub)
        as_json = [
            sub for sub in (inner.values() or [command]) if any(p.name == "as_json" for p in sub.params)
        ]
        rows = [row for row in page.splitlines() if row.startswith(f"| `{name}")]
        assert sum(row.endswith("| yes |") for row in rows) == len(as_json), name


def test_the_page_names_every_option_of_the_demo() -> None:
    page = (DOCS / "demo.md").read_text()
    for option in main.commands["demo"].params:
        if option.name != "stay":
            assert f"--{'all' if option.name == 'take_all' else option.name}" in page, option.name


def test_the_page_names_every_column() -> None:
    columns = re.findall(r"(?m)^  ([a-z_]+) {2,}", readers.__doc__ or "")
    named = re.findall(r"(?m)^\| `([a-z_]+)` \|", (DOCS / "demo.md").read_text())
    assert sorted(columns) == sorted(named)
