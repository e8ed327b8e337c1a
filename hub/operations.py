"""What the technician's command line asks of a box, running or not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from heapq import nsmallest
from typing import Any, Final, cast

import msgspec

from hub.domain.commands import ApplyMaster, RevokeDevice
from hub.domain.errors import InvalidRequest
from hub.domain.facts import MasterChange, MasterKind
from hub.domain.menu import plain
from hub.domain.state import KINDS
from hub.released import release_name
from hub.service.box import Box


async def status(box: Box) -> dict[str, Any]:
    from hub.api.routes.box import sync_view

    return await sync_view(box)


async def look(box: Box) -> dict[str, Any]:
    """Everything that `storehub status` shows."""
    return {
        **await status(box),
        "currency": box.core.state.settings.committed.get("currency", "JPY"),
        "devices": await device_list(box),
        "base_url": box.facing.base_url,
        "release": release_name(),
    }


async def device_code(
    box: Box, role: str, minutes: float = 10, table_id: str | None = None
) -> dict[str, Any]:
    from hub.api.routes.devices import new_code

    return await new_code(box, role, minutes, table_id, form="none")  # type: ignore[arg-type]


async def device_add(box: Box, name: str, role: str, table_id: str | None = None) -> dict[str, Any]:
    from hub.api.routes.devices import pair_device

    device_id, token = await pair_device(box, name, role, table_id=table_id)  # type: ignore[arg-type]
    return {"device_id": device_id, "token": token}


async def device_list(box: Box) -> list[dict[str, Any]]:
    from hub.api.routes.devices import device_rows

    return device_rows(box)


async def device_revoke(box: Box, device_id: str) -> dict[str, Any]:
    await box.core.desk.order(RevokeDevice("revoked on the command line"), target=device_id)
    return {"device_id": device_id}


async def apply_master(
    box: Box,
    changes: list[dict[str, Any]],
    full: bool = True,
    kinds: list[str] | None = None,
    currency: str | None = None,
    silent: list[str] | None = None,
) -> dict[str, Any]:
    """Import a menu. The currency follows the file only while nothing was ordered or sold in another.

    silent: what the file has no words for of a product; there it stays as the store has it.
    """
    found = [msgspec.convert(change, MasterChange) for change in changes]
    if silent:
        found = [_filled(box, change, silent) if change.kind == "product" else change for change in found]
    counters = box.core.state.counters.committed
    now = box.core.state.settings.committed.get("currency", "JPY")
    if currency is not None and currency != now:
        if counters.get("sales_count", 0) or box.core.state.checks.committed:
            raise InvalidRequest.at(
                "currency", f"the store has orders or sales in {now}: the currency cannot change"
            )
        found.append(MasterChange("setting", "currency", currency))
    seq = await box.core.desk.order(
        ApplyMaster(source="import", changes=tuple(found), full=full, kinds=tuple(kinds or ()))
    )
    return {"seq": seq, "changes": len(found), "applied": seq > 0}


def _filled(box: Box, change: MasterChange, silent: list[str]) -> MasterChange:
    product = box.core.state.products.get(change.id)
    if product is None or change.value is None:
        return change
    whole = plain(product)
    kept = {name: whole[name] for name in silent if name in whole}
    if change.value.get("kind", "single") == "single" and ("slots" in silent or whole.get("kind") != "set"):
        kept |= {name: whole[name] for name in ("kind", "plan") if name in whole}
    return MasterChange(change.kind, change.id, {**change.value, **kept}, change.version)


# Things removed by one command.
PRUNED_AT_ONCE: Final = 1000


async def prune_master(box: Box, keep: dict[str, list[str]]) -> dict[str, Any]:
    """Of these kinds of master data, remove everything but these ids."""
    gone = [
        MasterChange(cast(MasterKind, kind), key, None)
        for kind, ids in keep.items()
        for key in getattr(box.core.state, KINDS[kind][0]).committed.keys() - set(ids)
    ]
    seq = 0
    for start in range(0, len(gone), PRUNED_AT_ONCE):
        part = tuple(gone[start : start + PRUNED_AT_ONCE])
        seq = await box.core.desk.order(ApplyMaster(source="import", changes=part))
    return {"seq": seq, "changes": len(gone), "applied": seq > 0}


# Lines of a CSV given at once.
LINES_AT_ONCE: Final = 2000


async def product_page(box: Box, after: str = "") -> list[list[str]]:
    """The header, and the products whose ids follow `after`, as lines of a CSV."""
    from hub.domain.menu_csv import product_lines

    state = box.core.state
    products = state.products.committed
    ids = nsmallest(LINES_AT_ONCE, (key for key in products if key > after))
    return list(product_lines((products[key] for key in ids), state.categories.committed))


async def categories(box: Box) -> dict[str, str]:
    """Ids by name; of two with one name, the first."""
    found = box.core.state.categories.committed
    return {found[key].name: key for key in sorted(found, reverse=True)}


async def pause(box: Box) -> None:
    await box.upstream.pause()


async def resume(box: Box) -> None:
    await box.upstream.resume()


async def certificate(box: Box, renew: bool = False) -> dict[str, Any]:
    """The certificate that new connections get; `renew`: made anew first, when its dates or addresses ask for it."""
    if box.facing.certificate is None:
        return {"tls": False, "names": [], "not_before": None, "not_after": None, "renewed": False}
    return await box.facing.certificate(renew)


async def retry(box: Box, seq: int | None = None) -> None:
    await box.upstream.retry(seq)


# Long enough for a service to notice, short enough that nobody forgets it.
DRILL_S_MAX: Final = 900.0


async def hold_upstream(box: Box, seconds: float) -> None:
    """Rehearse an outage of the internet for so long."""
    if not 1 <= seconds <= DRILL_S_MAX:
        raise InvalidRequest.at("seconds", f"from 1 to {DRILL_S_MAX:.0f}")
    await box.upstream.hold(seconds)


async def metrics(box: Box) -> str:
    """GET /metrics, as text."""
    from hub.api.metrics import render

    return (await render(box)).decode()


async def clock(box: Box) -> dict[str, Any]:
    from hub.api.routes.clock import clock_view

    return clock_view(box)


async def clock_set(box: Box, time: str) -> dict[str, Any]:
    from hub.api.routes.clock import set_clock

    return set_clock(box, time)


async def promote(box: Box, unplugged: bool = False, force: bool = False) -> dict[str, Any]:
    if box.standby is None:
        raise InvalidRequest.at("", "this box is no standby")
    return await box.standby.promote(unplugged=unplugged, force=force)


Operation = Callable[..., Awaitable[Any]]


def _csv(name: str) -> Operation:
    async def asked(box: Box, **parameters: Any) -> Any:
        # Here and not above: a start reads and writes no files.
        from hub import operations_csv

        return await getattr(operations_csv, name)(box, **parameters)

    return asked


OPERATIONS: Final[dict[str, Operation]] = {
    "status": status,
    "look": look,
    "device.code": device_code,
    "device.add": device_add,
    "device.list": device_list,
    "device.revoke": device_revoke,
    "master.apply": apply_master,
    "master.prune": prune_master,
    "products.lines": product_page,
    "categories": categories,
    "csv.lines": _csv("lines"),
    "csv.customers": _csv("customers"),
    "csv.check": _csv("check"),
    "csv.take": _csv("take"),
    "clock": clock,
    "clock.set": clock_set,
    "sync.pause": pause,
    "sync.resume": resume,
    "sync.retry": retry,
    "certificate": certificate,
    "metrics": metrics,
    "drill.wan": hold_upstream,
    "standby.promote": promote,
}
