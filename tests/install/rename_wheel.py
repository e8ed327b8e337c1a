"""Copy a wheel under another version. usage: rename_wheel.py FROM TO VERSION"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path


def rename(source: Path, target: Path, version: str, changed: Mapping[str, bytes] | None = None) -> None:
    """Write `target` with the content of `source`, its metadata telling `version`; `changed` replaces files."""
    with zipfile.ZipFile(source) as old:
        files = {name: old.read(name) for name in old.namelist()}
    folder = next(name.split("/")[0] for name in files if name.endswith(".dist-info/METADATA"))
    renamed = f"{folder.split('-')[0]}-{version}.dist-info"
    files = {name.replace(folder, renamed, 1): content for name, content in files.items()}
    files.update(changed or {})
    metadata = f"{renamed}/METADATA"
    files[metadata] = re.sub(rb"(?m)^Version: .*$", f"Version: {version}".encode(), files[metadata], count=1)
    record = f"{renamed}/RECORD"
    rows = []
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.append(f"{name},," if name == record else f"{name},sha256={digest},{len(content)}")
    files[record] = ("\n".join(rows) + "\n").encode()
    with zipfile.ZipFile(target, "w") as new:
        for name, content in files.items():
            new.writestr(name, content)


if __name__ == "__main__":
    rename(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
