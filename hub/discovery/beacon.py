"""The hub's announcement on the LAN. mDNS is a convenience: whatever goes wrong here, orders go on."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from hub.discovery.facts import BeaconFacts, BeaconState, Phase
from hub.discovery.interfaces import VIRTUAL, Reach
from hub.discovery.watch import POLL_S, AddressWatch

if TYPE_CHECKING:
    from hub.discovery.responder import Responder
    from hub.ports import BeaconStatus

log = logging.getLogger(__name__)

RETRY_S_MIN: Final = 2.0
RETRY_S_MAX: Final = 60.0
# A socket that could not be opened in the first seconds of an address (IPv6 checks it first) is tried again,
# and two boxes of one name that met after they were announced find each other.
RECHECK_S: Final = 30.0
# Between two answers to a rival, so that two boxes of one name don't fill the LAN with their quarrel.
RIVAL_PAUSE_S: Final = 2.0
# A start probes for a second and a half, the goodbye takes a quarter. More than this is a stuck network.
ANNOUNCE_S_MAX: Final = 20.0
GOODBYE_S_MAX: Final = 2.0

OnAddresses = Callable[[list[str]], Awaitable[None] | None]


class Beacon:
    """Announces the hub from `start` to `stop`, follows the machine's addresses, never raises into the hub.

    `on_addresses` hears the addresses before they are announced, so that the certificate has them first.
    It is awaited if it is a coroutine. `state` tells how it goes.
    """

    def __init__(
        self,
        host: str = "",
        *,
        on_addresses: OnAddresses | None = None,
        ignored_interfaces: Iterable[str] = VIRTUAL,
        only: Iterable[str] = (),
        poll_s: float = POLL_S,
        recheck_s: float = RECHECK_S,
        watch: AddressWatch | None = None,
    ) -> None:
        self._state = BeaconState()
        self._watch = watch or AddressWatch(host, ignored=ignored_interfaces, only=only, poll_s=poll_s)
        self._on_addresses = on_addresses
        self._watch.listen(self._tell_addresses)
        self._watch.listen(self._reach_changed)
        self._recheck_s = recheck_s
        self._facts: BeaconFacts | None = None
        self._reach: Reach | None = None
        self._responder: Responder | None = None
        self._on_wire: tuple[BeaconFacts, Reach] | None = None
        self._rival_keeps: bool | None = None
        self._wake = asyncio.Event()
        self._state_changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def state(self) -> BeaconState:
        return self._state

    @property
    def status(self) -> BeaconStatus:
        """The same in the words of hub.ports."""
        from hub.ports import BeaconStatus

        state = self._state
        reason = ": ".join(part for part in (state.reason, state.detail) if part)
        return BeaconStatus(state=state.phase.value, addresses=state.addresses, reason=reason)

    async def start(self, facts: BeaconFacts) -> None:
        """Begin to announce. Call it once HTTP answers.

        Returns at once; the announcement follows in about two seconds, when the name was found to be free.
        """
        self._facts = facts
        if self._task is None:
            self._set(BeaconState(Phase.WAITING, "starting"))
            self._task = asyncio.create_task(self._run(), name="beacon")
            await self._watch.start()

    async def update(self, facts: BeaconFacts) -> None:
        """Announce these facts from now on; takes effect within about a second."""
        self._facts = facts
        self._wake.set()

    async def stop(self) -> None:
        """Say goodbye and close. Takes at most about two seconds, whatever the network does."""
        await self._watch.stop()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._close()
        self._set(BeaconState())

    async def wait_for(self, phase: Phase, timeout_s: float) -> BeaconState:
        """Return the state once it is in this phase. TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while self._state.phase is not phase:
                self._state_changed.clear()
                await self._state_changed.wait()
        return self._state

    async def _tell_addresses(self, reach: Reach) -> None:
        # A reach also changes when an interface gets its fe80:: address, which is sent from but never told.
        known = self._reach.addresses if self._reach is not None else None
        if self._on_addresses is not None and reach.addresses != known:
            told = self._on_addresses(list(reach.addresses))
            if inspect.isawaitable(told):
                await told

    def _reach_changed(self, reach: Reach) -> None:
        self._reach = reach
        self._wake.set()

    def _rival_seen(self, rival_keeps: bool) -> None:
        self._rival_keeps = rival_keeps
        self._wake.set()

    async def _run(self) -> None:
        failures = 0
        while True:
            self._wake.clear()
            try:
                async with asyncio.timeout(ANNOUNCE_S_MAX):
                    await self._reconcile()
                failures, pause_s = 0, self._recheck_s
            except Exception as error:
                failures += 1
                pause_s = min(RETRY_S_MAX, RETRY_S_MIN * 2 ** min(failures - 1, 10))
                self._failed(error)
                await self._close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()

    async def _reconcile(self) -> None:
        """Make the wire say what should be said now."""
        facts, reach = self._facts, self._reach
        if facts is None or reach is None:
            return
        if not reach.addresses:
            await self._close()
            self._set(BeaconState(Phase.WAITING, "no-network"))
            return
        if self._responder is None:
            self._responder = await _open(reach, self._rival_seen)
        if self._on_wire != (facts, reach):
            if self._on_wire is None:
                self._set(BeaconState(Phase.WAITING, "announcing", addresses=reach.addresses))
            await self._responder.announce(facts, reach)
            self._announced(facts, reach)
        elif self._rival_keeps is not None:
            await self._answer_rival(self._responder, facts, reach, self._rival_keeps)
        else:
            await self._responder.refresh(reach)
            self._responder.look_for_rivals()

    async def _answer_rival(
        self, responder: Responder, facts: BeaconFacts, reach: Reach, rival_keeps: bool
    ) -> None:
        log.warning(
            "another machine announces itself as %s (%s); %s. Was a memory card copied?",
            *(responder.name, responder.host),
            "taking another name" if rival_keeps else "keeping the name",
        )
        if rival_keeps:
            await responder.yield_name()
        else:
            await responder.announce(facts, reach)
        self._announced(facts, reach)
        await asyncio.sleep(RIVAL_PAUSE_S)
        self._rival_keeps = None

    def _announced(self, facts: BeaconFacts, reach: Reach) -> None:
        self._on_wire = (facts, reach)
        responder = self._responder
        if responder is None:
            return
        state = BeaconState(Phase.ANNOUNCED, None, None, reach.addresses, responder.name, responder.host)
        if state != self._state:
            log.info("announced as %r at %s", state.name, ", ".join(state.addresses))
        self._set(state)

    def _failed(self, error: Exception) -> None:
        detail = str(error) or type(error).__name__
        reason = _reason(error)
        if (self._state.phase, self._state.detail) != (Phase.FAILED, detail):
            # Once a kind: a network without multicast stays so for months.
            known = reason != "error"
            log.warning(
                "not announced on the LAN, trying again: %s", detail, exc_info=None if known else error
            )
        addresses = self._reach.addresses if self._reach else ()
        self._set(BeaconState(Phase.FAILED, reason, detail, addresses))

    async def _close(self) -> None:
        responder, self._responder, self._on_wire, self._rival_keeps = self._responder, None, None, None
        if responder is None:
            return
        try:
            async with asyncio.timeout(GOODBYE_S_MAX):
                await responder.close()
        except Exception as error:
            log.warning("the goodbye on the LAN did not go out: %s", str(error) or type(error).__name__)

    def _set(self, state: BeaconState) -> None:
        self._state = replace(state)
        self._state_changed.set()


async def _open(reach: Reach, on_rival: Callable[[bool], None]) -> Responder:
    # zeroconf is 5 MB and some 100 ms on a small box: loaded in a thread, after HTTP answers.
    module = await asyncio.to_thread(_load)
    return module(reach, on_rival)


def _load() -> type[Responder]:
    from hub.discovery.responder import Responder

    return Responder


def _reason(error: Exception) -> str:
    name = type(error).__name__
    if name == "NamesTaken":
        return "names-taken"
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, OSError):
        # Something holds UDP port 5353 without sharing it, or the machine has no way to multicast.
        return "port-taken" if error.errno == errno.EADDRINUSE else "no-multicast"
    return "error"
