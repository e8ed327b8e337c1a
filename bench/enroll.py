"""Pair many devices with the command line's own code in one process: a hundred starts of Python take long.

    python -m bench.enroll DATA COUNT

One technician first, then COUNT handhelds; prints each as ``storehub device add`` does.
"""

from __future__ import annotations

import sys

from hub.cli import main


def enroll(data: str, count: int) -> None:
    add = ["device", "add", "--data", data]
    for name, role in [("bench", "technician"), *((f"h{n}", "handheld") for n in range(count))]:
        try:
            main([*add, "--name", name, "--role", role])
        except SystemExit as done:
            if done.code:
                raise


if __name__ == "__main__":
    enroll(sys.argv[1], int(sys.argv[2]))
