"""Puts the parts of the replay together. Imported only when it starts: httpx and tenacity cost a start too much."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable

from hub.domain.facts import After
from hub.ports import Announcer, Clock, JournalReader, KeyTransfer, Office
from hub.upstream.address import CloudAddress, Lookup, Resolver
from hub.upstream.batches import Packer
from hub.upstream.client import CloudClient
from hub.upstream.downlink import Downlink
from hub.upstream.history import History
from hub.upstream.keeper import Keeper
from hub.upstream.link import LinkMonitor
from hub.upstream.outcomes import Signal
from hub.upstream.pace import PaceSettings
from hub.upstream.quarantine import Quarantine
from hub.upstream.reconcile import Reconciler
from hub.upstream.records import Records
from hub.upstream.replicator import Replicator
from hub.upstream.timing import Timing


def trust_of(address: CloudAddress) -> ssl.SSLContext | None:
    """The system's certificate authorities. Reads a large file: to be called in a thread."""
    return ssl.create_default_context() if address.scheme == "https" else None


class Engine:
    """One replicator and one downlink with a connection each."""

    def __init__(
        self,
        *,
        address: CloudAddress,
        token: str,
        hub_id: str,
        journal: JournalReader,
        office: Office,
        announcer: Announcer,
        clock: Clock,
        monitor: LinkMonitor,
        records: Records,
        keeper: Keeper,
        quarantine: Quarantine,
        pace: PaceSettings,
        lan_busy: Callable[[], float],
        status: Callable[[], str],
        settle: Callable[[], None],
        tls: ssl.SSLContext | None,
        lookup: Lookup,
        timing: Timing,
        keys: KeyTransfer | None = None,
    ) -> None:
        def client(*, waiting: Callable[[str], None] = lambda reason: None) -> CloudClient:
            return CloudClient(
                address,
                token=token,
                hub_id=hub_id,
                clock=clock,
                resolver=Resolver(address.host, address.port, monotonic=clock.monotonic, lookup=lookup),
                status=status,
                timing=timing,
                waiting=waiting,
                tls=tls,
            )

        # One line a request would wear out the card; what matters is told by the link and the replicator.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._up = client(waiting=lambda reason: monitor.signal(Signal.WAITING, reason))
        self._down = client()
        self._client = client
        self._journal = journal
        self._packer = Packer(journal)
        self.history = History(journal=journal, client=self._up, office=office, records=records)
        self.reconciler = Reconciler(
            keeper=keeper,
            client=self._up,
            journal=journal,
            now=lambda: clock.stamp().time,
            monotonic=clock.monotonic,
            every_s=timing.reconcile_s,
        )
        self.replicator = Replicator(
            client=self._up,
            journal=journal,
            history=self.history,
            keeper=keeper,
            quarantine=quarantine,
            reconciler=self.reconciler,
            packer=self._packer,
            monitor=monitor,
            announcer=announcer,
            clock=clock,
            pace=pace,
            lan_busy=lan_busy,
            timing=timing,
            settle=settle,
        )
        self.downlink = Downlink(
            client=self._down,
            office=office,
            records=records,
            monitor=monitor,
            clock=clock,
            doubt=self.replicator.doubt,
            timing=timing,
        )

        self.courier = None
        if keys is not None:
            from hub.upstream.courier import Courier

            self.courier = Courier(client=client, keys=keys, monitor=monitor, timing=timing)

    async def load(self) -> None:
        await self.history.load()
        await self.downlink.load()

    async def entries(self, before: After, first: int, last: int) -> list[bytes]:
        """As ports.Upstream says; beside what is being sent. Raises Trouble."""
        from hub.upstream.held import held

        client = self._client()
        try:
            return await held(client, self._journal, before, first, last)
        finally:
            await client.close()

    async def close(self) -> None:
        self._packer.close()
        await self._up.close()
        await self._down.close()
