"""Compare the locked dependencies with known advisories, and the locks with the rules. Needs no network.

    .ci/audit.py [--advisories DIR|ZIP] [--allow FILE] LOCK...

ADVISORIES holds JSON files in OSV's format, as databases of advisories are published; fetched beforehand. Without one
the rules alone are checked, and the last line says loudly that nothing was audited. FILE names advisories that were
looked at and do not concern us, `ID reason` a line. Exit status 1: something was found.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")


def normal(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: Path) -> tuple[dict[str, str], list[str]]:
    """What a lock pins, and what is wrong with it: every line must have a version and a hash."""
    found: dict[str, str] = {}
    wrong: list[str] = []
    for block in re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8")):
        line = block.strip()
        if not line or line.startswith("#"):
            continue
        pin = _PIN.match(line)
        if pin is None:
            wrong.append(f"{lock.name}: not pinned to one version: {line.splitlines()[0]}")
        elif "--hash=sha256:" not in line:
            wrong.append(f"{lock.name}: {pin[1]} has no hash")
        else:
            found[normal(pin[1])] = pin[2]
    return found, wrong


def advisories(source: Path) -> Iterator[dict[str, Any]]:
    if source.is_dir():
        for file in sorted(source.rglob("*.json")):
            yield json.loads(file.read_bytes())
    else:
        with zipfile.ZipFile(source) as archive:
            for name in archive.namelist():
                if name.endswith(".json"):
                    yield json.loads(archive.read(name))


def concerns(advisory: dict[str, Any], pinned: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Name and version of what is pinned and affected."""
    if advisory.get("withdrawn"):
        return
    for affected in advisory.get("affected", ()):
        package = affected.get("package", {})
        name = normal(package.get("name", ""))
        version = pinned.get(name)
        if package.get("ecosystem") != "PyPI" or version is None:
            continue
        ranges = [one for one in affected.get("ranges", ()) if one.get("type") in ("ECOSYSTEM", "SEMVER")]
        if version in affected.get("versions", ()) or any(
            within(version, one.get("events", ())) for one in ranges
        ):
            yield name, version


def within(version: str, events: list[dict[str, str]]) -> bool:
    """Whether the version lies between an `introduced` and the `fixed` or `last_affected` after it."""
    here, hit = Version(version), False
    for event in events:
        (kind, text), *_ = event.items()
        try:
            bound = Version("0" if text == "0" else text)
        except InvalidVersion:
            return True  # Better a person looks at it.
        if kind == "introduced" and here >= bound:
            hit = True
        elif (kind == "fixed" and here >= bound) or (kind == "last_affected" and here > bound):
            hit = False
    return hit


def allowed(file: Path | None) -> dict[str, str]:
    if file is None or not file.exists():
        return {}
    lines = (line.partition(" ") for line in file.read_text(encoding="utf-8").splitlines())
    return {
        name: reason.strip()
        for name, _, reason in lines
        if name and not name.startswith("#") and reason.strip()
    }


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Audit locked dependencies.")
    parser.add_argument("--advisories", type=Path)
    parser.add_argument("--allow", type=Path)
    parser.add_argument("locks", nargs="+", type=Path)
    options = parser.parse_args(argv)
    problems: list[str] = []
    pinned: dict[str, str] = {}
    for lock in options.locks:
        found, wrong = pins(lock)
        problems += wrong
        pinned |= found
    known, looked = allowed(options.allow), 0
    if options.advisories is not None and options.advisories.exists():
        for advisory in advisories(options.advisories):
            looked += 1
            names = {advisory.get("id", "?"), *advisory.get("aliases", ())}
            if names.isdisjoint(known):
                problems += [
                    f"{advisory.get('id')}: {name} {version}: {advisory.get('summary', 'no summary')}"
                    for name, version in dict.fromkeys(concerns(advisory, pinned))
                ]
    print(f"{len(pinned)} pinned packages, all with hashes" if not problems else "\n".join(problems))
    if looked:
        print(f"compared with {looked} advisories")
    else:
        print(
            "!!! NOT AUDITED: no database of advisories (make audit ADVISORIES=DIR, or STOREHUB_ADVISORIES)"
        )
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
