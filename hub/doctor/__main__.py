"""What a running hub asks for, as a process of its own: a disk that hangs takes this one along.

Settings come as JSON on standard input, as they hold a token. On standard output leave the findings, or with the
argument `bundle` the support bundle; `drill` with its kind and seconds rehearses, and ends with SIGTERM.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import msgspec

from hub.datadir import DataDir
from hub.doctor.examine import examine
from hub.doctor.findings import worst
from hub.doctor.texts import rows
from hub.settings import Settings

WAIT_S = 2.0


def main() -> None:
    # Orders go first. The service's own sandbox forbids to ask; there the unit's weights count.
    with suppress(OSError):
        os.nice(10)
    settings = msgspec.json.decode(sys.stdin.buffer.read(), type=Settings)
    match sys.argv[1:]:
        case ["bundle"]:
            said = bundle(settings)
        case ["drill", kind, seconds]:
            from hub.doctor.drill_here import drill

            said = drill(settings, kind, float(seconds))
        case _:
            said = findings(settings)
    sys.stdout.buffer.write(said)
    sys.stdout.buffer.flush()
    # What still hangs in the kernel is left to it.
    os._exit(0)


def findings(settings: Settings) -> bytes:
    found = examine(settings, DataDir(Path(settings.data)), wait_s=WAIT_S)
    return msgspec.json.encode(
        {"state": worst(found), "checks": {lang: rows(found, lang) for lang in ("en", "ja")}}
    )


def bundle(settings: Settings) -> bytes:
    from hub.doctor.bundle import write_bundle

    with tempfile.TemporaryDirectory(prefix="storehub-bundle-") as folder:
        target = Path(folder) / "bundle.tar.gz"
        write_bundle(settings, DataDir(Path(settings.data)), target, wait_s=WAIT_S)
        return target.read_bytes()


if __name__ == "__main__":
    main()
