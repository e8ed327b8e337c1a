"""The doctor for a hub that runs (GET /v1/doctor): one examination at a time, in a process of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from hub.domain.errors import NotReady
from hub.settings import Settings

log = logging.getLogger(__name__)

# Somebody who presses the button again at once sees the same answer.
FRESH_S: Final = 10.0
# An examination takes 1 to 8 s; what takes longer hangs.
EXAMINATION_S_MAX: Final = 40.0
# Shorter than the console waits for an answer.
WAIT_S_MAX: Final = 3.0


class Examiner:
    """Never blocks the loop: whoever asks gets what is known after a moment, and asks again."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = msgspec.structs.replace(settings, data=str(folder.absolute()))
        self._task: asyncio.Task[None] | None = None
        self._last: dict[str, Any] | None = None
        self._at = 0.0
        self._packing = asyncio.Lock()

    async def look(self, now: str) -> dict[str, Any]:
        """The newest result, as hub.doctor.__main__ prints it, with `at` and `running`; begins one when it is old."""
        loop = asyncio.get_running_loop()
        if self._task is None and (self._last is None or loop.time() - self._at > FRESH_S):
            self._task = asyncio.create_task(self._examine(now), name="doctor")
        if self._task is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._task), WAIT_S_MAX)
        found = self._last or {"state": "running", "checks": {"en": [], "ja": []}, "at": None}
        return {**found, "running": self._task is not None}

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def bundle(self) -> bytes:
        """The support bundle (hub.doctor.bundle), one at a time. Raises NotReady when it cannot be made."""
        async with self._packing:
            try:
                async with asyncio.timeout(EXAMINATION_S_MAX):
                    made = await doctor_says(self._settings, "bundle")
            except (TimeoutError, OSError) as error:
                log.warning("the support bundle was not made: %r", error)
                made = b""
        if not made:
            raise NotReady(reason="the support bundle could not be made: storehub bundle", retry_after_s=5)
        return made

    async def _examine(self, now: str) -> None:
        try:
            async with asyncio.timeout(EXAMINATION_S_MAX):
                said = await doctor_says(self._settings)
            self._last = {**msgspec.json.decode(said), "at": now}
        except (TimeoutError, OSError, msgspec.DecodeError) as error:
            log.warning("the doctor's examination did not come to an end: %r", error)
            self._last = {"state": "fail", "checks": _unfinished(), "at": now}
        finally:
            self._at = asyncio.get_running_loop().time()
            self._task = None


async def doctor_says(settings: Settings, *arguments: str, leave_s: float = 0) -> bytes:
    """What `python -m hub.doctor` prints. Cancelled, it ends the process: at once, or leave_s after it was asked to.

    Raises OSError.
    """
    # What systemd tells the hub (readiness, watchdog) is not for its children.
    environment = {
        name: value for name, value in os.environ.items() if name not in ("NOTIFY_SOCKET", "WATCHDOG_PID")
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hub.doctor", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment,
        cwd=Path(__file__).parents[1],
    )
    try:
        said, _ = await process.communicate(msgspec.json.encode(settings))
        return said
    finally:
        if process.returncode is None and leave_s:
            process.terminate()
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), leave_s)
        if process.returncode is None:
            process.kill()
            await process.wait()


def _unfinished() -> dict[str, list[dict[str, str]]]:
    common = {"id": "doctor.stuck", "check": "doctor", "state": "fail"}
    english = {
        "title": "examination",
        "detail": f"it did not end within {EXAMINATION_S_MAX:.0f} s",
        "advice": "Most often a disk that hangs. Look at the state of the journal; restart the box if it stays.",
    }
    japanese = {
        "title": "診断",
        "detail": f"{EXAMINATION_S_MAX:.0f} 秒以内に終わりませんでした",
        "advice": "ディスクの停止が考えられます。ジャーナルの状態を確認し、続く場合はボックスを再起動してください。",
    }
    return {"en": [{**common, **english}], "ja": [{**common, **japanese}]}
