"""Start this release on a copy of the journal: its migrations, its state, its first entry. Nothing else sees it.

python -m hub.update.rehearse COPY
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any


async def rehearse(copy: Path) -> dict[str, Any]:
    """Raises hub.datadir.DataDirError, hub.ports.StoreError, hub.settings.SettingsError."""
    from hub.app import open_hub
    from hub.datadir import DataDir, DataDirError
    from hub.settings import load

    folder = DataDir(copy)
    if not folder.lock():
        raise DataDirError(f"{copy} is in use")
    try:
        settings = load({"data": str(copy)}, os.environ)
        began = time.monotonic()
        async with open_hub(settings, folder, replay=False) as hub:
            return {
                "version": version("storehub"),
                "last_seq": hub.journal.position.seq,
                "opened_s": round(time.monotonic() - began, 2),
            }
    finally:
        folder.unlock()


def main(arguments: list[str]) -> int:
    from hub.datadir import DataDirError
    from hub.ports import StoreError
    from hub.settings import SettingsError

    try:
        print(json.dumps(asyncio.run(rehearse(Path(arguments[0])))))
    except (DataDirError, StoreError, SettingsError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
