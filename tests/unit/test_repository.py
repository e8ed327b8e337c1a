"""What is written about the repository is true: verbs, dependencies, locks, decisions, the pure domain."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def name_of(requirement: str) -> str:
    return re.split(r"[\[<>=;~! ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def pins(lock: Path) -> dict[str, str]:
    """Each pinned package with the text of its block, hashes and all."""
    blocks = re.split(r"(?m)^(?=[a-z0-9])", lock.read_text())
    return {name_of(block): block for block in blocks if block.strip()}


def project_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this is not a git checkout")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def verbs() -> set[str]:
    return set(re.findall(r"(?m)^([a-z][a-z0-9-]*):.*?## ", (ROOT / "Makefile").read_text()))


def test_plain_make_lists_every_verb_with_a_line() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = set(re.findall(r"(?m)^\.PHONY: (.+)$", makefile))
    assert phony == verbs()
    # Under `make test` this would inherit flags for the make above it.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    shown = subprocess.run(
        ["make"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[1] for line in shown.splitlines()} == verbs()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_name_only_verbs_that_exist(page: Path) -> None:
    named = re.findall(r"(?:^ {4}|`|sudo |&& )make ([a-z][a-z0-9-]*)", page.read_text(), flags=re.MULTILINE)
    assert set(named) <= verbs()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_dependency_is_explained_and_pinned() -> None:
    project = PYPROJECT["project"]
    runtime = {name_of(line) for line in project["dependencies"]}
    cloud = {name_of(line) for line in project["optional-dependencies"]["postgresql"]}
    dev = {name_of(line) for line in PYPROJECT["dependency-groups"]["dev"]}
    page = (ROOT / "docs/dependencies.md").read_text()
    rows = {name_of(name) for name in re.findall(r"(?m)^\| ([a-z0-9-]+(?:\[[^]]*\])?) \|", page)} - {
        "package"
    }
    assert rows == runtime | cloud
    assert all(re.search(rf"\b{name}\b", page) for name in dev)

    requirements = ROOT / "requirements"
    assert runtime <= set(pins(requirements / "runtime.lock"))
    assert runtime | cloud <= set(pins(requirements / "postgresql.lock"))
    assert runtime | cloud | dev <= set(pins(requirements / "dev.lock"))
    assert {name_of(line) for line in PYPROJECT["dependency-groups"]["build"]} <= set(
        pins(requirements / "build.lock")
    )


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_locks_pin_exactly_with_hashes_and_name_no_index(lock: Path) -> None:
    for name, block in pins(lock).items():
        assert re.match(r"[a-z0-9._-]+==[^ ;\\]+", block), name
        assert "--hash=sha256:" in block, name
    # Another lock may not differ in a version: what was tested is what is installed.
    tested = pins(ROOT / "requirements/dev.lock")
    for name, block in pins(lock).items():
        assert block.split()[0] == tested[name].split()[0]
    assert "://" not in lock.read_text()
    assert "--index" not in lock.read_text()


def test_no_file_names_a_package_index() -> None:
    hosts = re.compile(
        r"(?:files\.)?python"
        r"hosted\.org|pypi\."
        r"org|registry\.npm"
        r"js|--(?:extra-)?index-"
        r"url[ =]\S"
    )
    for path in project_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        assert not hosts.search(text), path


def test_every_ignored_rule_has_its_reason() -> None:
    section = (
        (ROOT / "pyproject.toml").read_text().split("[tool.ruff.lint]", 1)[1].split("[tool.importlinter]")[0]
    )
    ignored = re.findall(r'(?m)^  "[A-Z]+[0-9]+",(.*)$', section)
    assert ignored
    assert all(re.fullmatch(r"\s+# .+", reason) for reason in ignored)


def test_decisions_follow_the_template() -> None:
    pages = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(len(pages))]
    order = ["Context", "Decision", "Consequences", "Alternatives", "Held by"]
    for number, page in enumerate(pages):
        text = page.read_text()
        assert text.startswith(f"# {number}. "), page.name
        parts = [part for part in re.findall(r"(?m)^\*\*([A-Z][a-z ]+)\.?\*\*", text) if part in order]
        assert set(order[:3]) <= set(parts), page.name
        assert parts == sorted(parts, key=order.index), page.name


def test_the_changelog_begins_with_what_is_not_released_and_with_safety() -> None:
    headings = re.findall(r"(?m)^##+ .+$", (ROOT / "CHANGELOG.md").read_text())
    assert headings[:2] == ["## [Unreleased]", "### Safety"]


def test_markers_are_explained_and_used_by_the_quick_set() -> None:
    registered = {line.split(":")[0] for line in PYPROJECT["tool"]["pytest"]["ini_options"]["markers"]}
    quick = re.search(r"(?m)^QUICK := (.+)$", (ROOT / "Makefile").read_text())
    assert quick
    assert set(re.findall(r"not (\w+)", quick[1])) == registered - {"postgresql"}


# Modules that neither look at the world nor change it.
COMPUTING = {
    "__future__", "abc", "base64", "bisect", "collections", "copy", "csv", "dataclasses", "datetime", "decimal",
    "enum", "fractions", "functools", "hashlib", "heapq", "hmac", "io", "itertools", "json", "math", "msgspec",
    "operator", "re", "string", "types", "typing", "unicodedata", "zoneinfo",
}  # fmt: skip


def clock_reads(source: str) -> list[int]:
    """The lines that ask for the present moment."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"now", "utcnow", "today"}
        and isinstance(node.func.value, ast.Name | ast.Attribute)
        and ast.unparse(node.func.value).rsplit(".", 1)[-1] in {"datetime", "date", "dt"}
    ]


@pytest.mark.parametrize("path", sorted((ROOT / "hub/domain").rglob("*.py")), ids=lambda path: path.stem)
def test_the_domain_is_handed_the_time(path: Path) -> None:
    # import-linter keeps `time` out; datetime is needed for what it is handed.
    assert clock_reads(path.read_text()) == []


@pytest.mark.parametrize("path", sorted((ROOT / "hub/domain").rglob("*.py")), ids=lambda path: path.stem)
def test_the_domain_imports_only_what_computes(path: Path) -> None:
    # import-linter forbids by name; a helper beside the edges, or another library, would slip through.
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and ast.unparse(node) != "from sys import intern":
            imported.add(node.module or "")
    outside = {name for name in imported if not re.match(r"hub\.domain(\.|$)", name)}
    assert {name.split(".")[0] for name in outside} <= COMPUTING


def test_a_clock_in_the_domain_would_be_seen() -> None:
    assert clock_reads("import datetime as dt\nx = dt.datetime.now(dt.UTC)\ny = dt.date.today()") == [2, 3]
    assert clock_reads("now = moment.now") == []
