"""docs/cli.md names every command, and docs/demo.md every column that the reader of plain files knows."""

from __future__ import annotations

import re
from pathlib import Path

import click

from hub.cli import COMMANDS, command_named
from hub.demo import readers
from hub.domain.csv_kinds import KINDS
from hub.domain.customer import CUSTOMER_COLUMNS
from hub.domain.menu_file import COLUMNS, LEVEL
from hub.domain.sales_csv import COLUMNS as OF_SALES

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_names_every_command() -> None:
    page = (DOCS / "cli.md").read_text()
    for name in COMMANDS:
        command = command_named(name)
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
    for option in command_named("demo").params:
        if option.name != "stay":
            assert f"--{'all' if option.name == 'take_all' else option.name}" in page, option.name


def test_the_page_names_every_column() -> None:
    columns = re.findall(r"(?m)^  ([a-z_]+) {2,}", readers.__doc__ or "")
    named = re.findall(r"(?m)^\| `([a-z_]+)` \|", (DOCS / "demo.md").read_text())
    assert sorted(columns) == sorted(named)


def test_page_and_help_name_every_column_of_a_csv() -> None:
    page, said = (DOCS / "cli.md").read_text(), command_named("import").help or ""
    assert f"`{LEVEL}`" in page
    for kind in KINDS.values():
        for column in kind.columns:
            assert f"`{column}`" in page, (kind.name, column)
            assert re.search(rf"\b{column}\b", said), (kind.name, column)
    for column in (*COLUMNS, LEVEL):
        assert f"`{column}`" in page
        assert re.search(rf"\b{column}\b", said), column
    for column in CUSTOMER_COLUMNS:
        assert re.search(rf"[`\s]{column}[`,]", page), column
        assert re.search(rf"\b{column}\b", said), column
    for columns in OF_SALES.values():
        for column in columns:
            named = (DOCS / "csv.md").read_text()
            assert f"`{column}`" in named, column


def test_the_page_names_every_file_that_leaves() -> None:
    page = (DOCS / "cli.md").read_text()
    for option in command_named("export").params:
        assert option.name in ("data", "first", "last", "shift_jis") or f"--{option.name}" in page, (
            option.name
        )
