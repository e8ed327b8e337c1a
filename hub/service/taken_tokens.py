"""The first use of a device's new token, written down."""

from __future__ import annotations

import asyncio
import logging

from hub.domain.commands import TakeToken
from hub.domain.device import Device
from hub.domain.errors import HubError
from hub.service.hub import Core

log = logging.getLogger(__name__)


class TakenTokens:
    """Writes down that a device uses its new token; the old one is refused from the first use on."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._writing: set[asyncio.Task[None]] = set()

    def take(self, device: Device) -> None:
        task = asyncio.get_running_loop().create_task(self._write(device), name="taken token")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, device: Device) -> None:
        try:
            await self._core.desk.order(TakeToken(device.device_id, device.next_hash or ""))
        except HubError as error:
            # Until the next start the old one is refused all the same; after it, from the next use on.
            log.warning(
                "the new token of device %s could not be written down: %s", device.device_id, error.slug
            )
