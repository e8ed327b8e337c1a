"""The audit of dependencies finds what is in its database, and says so when it has none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HASH = " \\\n    --hash=sha256:" + "0" * 64


def audit(*arguments: str | Path, expect: int) -> str:
    done = subprocess.run(
        [sys.executable, ROOT / ".ci/audit.py", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout


def advisory(name: str, events: list[dict[str, str]] | None = None, **more: Any) -> dict[str, Any]:
    ranges = [{"type": "ECOSYSTEM", "events": events}] if events else []
    affected = {
        "package": {"ecosystem": "PyPI", "name": name},
        "ranges": ranges,
        "versions": more.pop("versions", []),
    }
    return {"id": "OSV-1", "summary": "a hole", "affected": [affected], **more}


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "some.lock"
    path.write_text(f"# comment\nsome-package==1.5.0{HASH}\nother[x]==2.0 ; python_version > '3'{HASH}\n")
    return path


@pytest.mark.parametrize(
    ("found", "hit"),
    [
        (advisory("Some_Package", [{"introduced": "0"}, {"fixed": "1.5.1"}]), True),
        (advisory("some.package", [{"introduced": "0"}, {"fixed": "1.5.0"}]), False),
        (advisory("some-package", [{"introduced": "1.0"}, {"last_affected": "1.5.0"}]), True),
        (advisory("some-package", [{"introduced": "1.6"}]), False),
        (advisory("some-package", [{"introduced": "0"}, {"fixed": "1.0"}, {"introduced": "1.4"}]), True),
        (advisory("some-package", versions=["1.5.0"]), True),
        (advisory("third", [{"introduced": "0"}]), False),
        (advisory("some-package", [{"introduced": "0"}], withdrawn="2026-01-01T00:00:00Z"), False),
    ],
)
def test_a_known_hole_is_found(tmp_path: Path, lock: Path, found: dict[str, Any], hit: bool) -> None:
    (tmp_path / "database").mkdir()
    (tmp_path / "database/one.json").write_text(json.dumps(found))
    said = audit("--advisories", tmp_path / "database", lock, expect=1 if hit else 0)
    assert ("OSV-1: some-package 1.5.0: a hole" in said) == hit
    if hit:
        (tmp_path / "allow").write_text("OSV-1 we never call it\n")
        audit("--advisories", tmp_path / "database", "--allow", tmp_path / "allow", lock, expect=0)
        (tmp_path / "allow").write_text("OSV-1\n")
        audit("--advisories", tmp_path / "database", "--allow", tmp_path / "allow", lock, expect=1)


def test_no_database_is_said_loudly(lock: Path) -> None:
    assert "!!! NOT AUDITED" in audit(lock, expect=0)


@pytest.mark.parametrize("line", ["loose>=1\n", "some-package==1.0\n"])
def test_a_loose_pin_is_a_problem(tmp_path: Path, line: str) -> None:
    (tmp_path / "bad.lock").write_text(line)
    audit(tmp_path / "bad.lock", expect=1)


def test_our_own_locks_keep_the_rules() -> None:
    audit(*sorted((ROOT / "requirements").glob("*.lock")), expect=0)
