"""One store, several boxes: the standby that follows, and the box that finds out that another has taken its place."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from hub.app import Hub
from hub.datadir import DataDir, Identity, Successor
from hub.mirror.rival import Rival, Rivals
from hub.service.writer import Trouble

log = logging.getLogger(__name__)

# Boxes that this one knows of are asked often, the LAN by mDNS now and then: a look costs a second of listening.
ASK_S: Final = 5.0
LOOK_S: Final = 60.0
LISTEN_S: Final = 1.5
# How often the secrets are looked at, for the copy of them that lies on the second medium.
SECRETS_S: Final = 10.0


async def taken_over(data: DataDir) -> bool:
    """Before a start: whether a standby of this box, at the address it had, is the store by now.

    Then this box stays out: it is noted for this start and all later ones. Takes a second at most. Raises DataDirError.
    """
    known, peers = data.known_identity(), data.known_peers()
    if known is None or data.role != "primary" or not peers:
        return False
    rivals = await _rivals(known).first(peers)
    return _give_way(data, known, rivals)


def _rivals(known: Identity) -> Rivals:
    return Rivals(hub_id=known.hub_id, box=known.box, key=bytes.fromhex(known.store_key))


def _give_way(data: DataDir, known: Identity, rivals: list[Rival]) -> bool:
    if not rivals or rivals[0].term <= known.term:
        return False
    first = rivals[0]
    data.supersede(Successor(first.box, first.term, datetime.now(UTC).isoformat(timespec="seconds"), "lan"))
    log.error("box %s at %s has taken over this store: this box stays out", first.box, first.url)
    return True


async def announced_urls(hub_id: str, box: str) -> list[str]:
    """Addresses of the other boxes that announce themselves as this hub."""
    from hub.discovery.browse import find_hubs

    try:
        found = await find_hubs(LISTEN_S)
    except OSError:
        return []
    return [url for hub in found if (hub.hub_id, hub.box == box) == (hub_id, False) for url in hub.base_urls]


class Fence:
    """Watches for a successor while this box is the store; `ended` is told when there is one."""

    def __init__(self, hub: Hub, ended: Callable[[], None]) -> None:
        self._hub = hub
        self._ended = ended
        self._identity = hub.data.identity(None)
        self._rivals = _rivals(self._identity)

    async def run(self) -> None:
        """Until cancelled, or there is a successor."""
        waited = LOOK_S
        while True:
            urls = {*self._hub.data.known_peers(), *self._hub.box.peers}
            waited += ASK_S
            if self._hub.settings.mdns and waited >= LOOK_S:
                waited = 0.0
                urls.update(await announced_urls(self._identity.hub_id, self._identity.box))
            try:
                if _give_way(self._hub.data, self._identity, await self._rivals.first(urls)):
                    self.close()
                    return
            except OSError as error:
                log.error("another box has taken over, and that cannot be noted: %s", error)
            await asyncio.sleep(ASK_S)

    def close(self) -> None:
        """From this moment on nothing is accepted here; the doors open again as those of a superseded box."""
        writer = self._hub.box.core.writer
        writer.trouble = Trouble("superseded", datetime.now(UTC).timestamp(), "another box has taken over")
        self._ended()

    def told_by_cloud(self, box: str) -> None:
        """The cloud has heard from another box with a newer token."""
        data = self._hub.data
        if box == self._identity.box or data.role != "primary":
            return
        at = datetime.now(UTC).isoformat(timespec="seconds")
        data.supersede(Successor(box, 0, at, "cloud"))
        log.error("the cloud says that box %s has taken over this store: this box stays out", box)
        self.close()


def mirror_of(hub: Hub) -> Any:
    """What copies the journal to the second medium that the settings name; None when they name none."""
    from hub.mirror.follower import Mirror
    from hub.mirror.secrets import seal
    from hub.store.base import write_base

    if hub.settings.mirror_dir is None or hub.box.role == "superseded":
        return None
    written: list[dict[str, Any]] = []

    async def sealed() -> bytes | None:
        """The secrets, when they are others than those that were written last."""
        key = hub.data.recovery_key(make=False)
        if key is None:
            return None
        rows = await hub.journal.rows("all_keys")
        content = {
            **hub.box.estate.secrets(),
            "keys": {str(row[0]): bytes(row[1]).hex() for row in rows},
        }
        if content in written:
            return None
        written[:] = [content]
        return seal(key, content)

    draft = hub.data.path / ".mirror-base.db"
    with suppress(OSError):
        draft.unlink(missing_ok=True)

    async def base() -> tuple[Path, int] | None:
        """The tables as of now, unless there is no room for them, or the machine is about to go off."""
        storage = hub.box.storage()
        if storage["free_bytes"] < storage["journal_bytes"] or hub.box.health.on_battery:
            return None
        seq = await asyncio.to_thread(write_base, hub.data.journal, draft)
        return None if seq is None else (draft, seq)

    return Mirror(
        journal=hub.journal,
        copies=hub.box.copies,
        folder=Path(hub.settings.mirror_dir),
        hub_id=hub.box.identity.hub_id,
        sealed=sealed,
        base=base,
        secrets_ask_s=SECRETS_S,
    )


def following(hub: Hub, ended: Callable[[], None]) -> Any:
    """What makes this box follow its primary; `ended` is told when a person has made it the primary."""
    from hub.mirror.following import Followed, Following
    from hub.mirror.primary import PrimaryClient

    data, box = hub.data, hub.box
    primary = data.primary()
    identity = data.identity(None)
    tls = _trust(data) if primary.url.startswith("https") else None

    def connect(url: str) -> PrimaryClient:
        return PrimaryClient(url, primary.token, tls, own_url=box.facing.base_url)

    async def look() -> list[Rival]:
        urls = [primary.url]
        if hub.settings.mdns:
            urls += await announced_urls(identity.hub_id, identity.box)
        return await _rivals(identity).first(urls)

    def moved(url: str) -> None:
        with suppress(OSError):
            data.follow(replace(data.primary(), url=url))

    def decide() -> None:
        data.promote()
        ended()

    return Following(
        taker=box.core,
        keys=_Keys(hub),
        primary=Followed(primary.url, primary.box),
        connect=connect,
        look=look,
        decide=decide,
        on_moved=moved,
    )


def _trust(data: DataDir) -> ssl.SSLContext:
    from hub.tls import client_context

    return client_context((data.tls / "ca.pem").read_text("ascii"))


class _Keys:
    """Customers' keys, as the primary has them; a key is destroyed here by the entry that says so."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def take_keys(self, wanted: list[str], found: dict[str, Any]) -> None:
        if secret := found["customers_key"]:
            self._hub.data.keep_customers_secret(bytes.fromhex(secret))
        rows = [(one, bytes.fromhex(raw)) for one, raw in found["keys"].items()]
        if rows:
            await self._hub.journal.transact([("put_key", rows)])
