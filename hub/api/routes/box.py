"""The box itself: what it is, how it is, and whether the cloud has everything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from hub.api.caller import address_of, allow, caller
from hub.api.reply import allowed, body_as, box_of, ref, reply
from hub.api.routes.clock import clock_view
from hub.domain.device import Device
from hub.domain.errors import HubError, NotReady
from hub.service.box import Box

router = APIRouter(tags=["box"])
LOOPBACK = ("127.0.0.1", "::1", "local")


def facts_of(box: Box) -> dict[str, Any]:
    """What anyone on the LAN may know."""
    identity = box.identity
    return {
        "v": 1,
        "id": identity.hub_id,
        "store": identity.store_id,
        "name": identity.store_name,
        "path": "/v1",
        "tls": 1 if box.facing.tls else 0,
        "fp": box.facing.fingerprint,
        "box": identity.box,
        "role": "primary" if box.role == "primary" else "standby",
    }


@router.get(
    "/.well-known/storehub", summary="Which hub this is", responses=ref("WellKnown"), tags=["finding"]
)
async def well_known(
    request: Request, challenge: Annotated[str, Query(pattern=r"^([0-9a-f]{32})?$")] = ""
) -> Response:
    """challenge: a box of the same store asks for proof that this one is too, and of its term."""
    box = box_of(request)
    status = await box.upstream.status()
    facts = facts_of(box)
    return reply(
        {
            **facts,
            "term": box.term,
            "proof": box.estate.proof(challenge, facts["role"]) if challenge else None,
            "api_versions": ["1"],
            "version": box.identity.version,
            "time": box.clock.stamp().time,
            "timezone": box.timezone,
            "currency": box.core.state.settings.committed.get("currency", "JPY"),
            "link": {"state": status["link"]["state"]},
        }
    )


@router.get("/.well-known/storehub/ca.pem", include_in_schema=False)
async def authority(request: Request) -> Response:
    """The store's CA certificate: a device checks it against the fingerprint of the pairing code."""
    return Response(box_of(request).facing.ca_pem, media_type="application/x-pem-file")


@router.get("/v1/sync", summary="What the cloud has, and what not yet", responses=ref("SyncView"))
async def sync(request: Request, device: Annotated[Device, Depends(allowed("box", "box.link"))]) -> Response:
    return reply(await sync_view(box_of(request), device))


async def sync_view(box: Box, device: Device | None = None) -> dict[str, Any]:
    status = await box.upstream.status()
    position = box.core.journal.position
    trouble = box.core.writer.trouble
    beacon = box.beacon()
    view = {
        **status,
        "epoch": position.epoch,
        "last_seq": position.seq,
        "storage": box.storage(),
        "business_date": box.clock.today(),
        "clock": clock_view(box),
        "hub": {
            "id": box.identity.hub_id,
            "store_id": box.identity.store_id,
            "name": box.identity.store_name,
            "box": box.identity.box,
            "version": box.identity.version,
            "started_at": box.started_at,
            "url": box.facing.base_url,
        },
        "journal": {
            "state": trouble.state if trouble else "writable",
            "since": datetime.fromtimestamp(trouble.since, UTC).isoformat() if trouble else box.started_at,
            "reason": trouble.reason if trouble else "",
        },
        "beacon": {"state": beacon.state, "addresses": list(beacon.addresses), "reason": beacon.reason},
        "role": box.role,
        "mirror": box.copies.view(),
        "standby": None if box.standby is None else box.standby.view(),
        "box": box.health.view(),
        "behind": msgspec.to_builtins(box.core.behind) if box.core.behind else None,
        **box.repaired(),
        "update": box.updated(),
        "update_available": box.offered(),
    }
    if device is not None and device.role == "technician":
        _without_amounts(view)
    return view


def _without_amounts(view: dict[str, Any]) -> None:
    """A technician sees counts, not what the store earns."""
    view["unsent"] = {**view["unsent"], "sales_total": None}
    view["quarantined"] = [{**item, "amount": None} for item in view["quarantined"]]
    view["reconciliation"] = [
        {**row, **{side: {**row[side], "total": None} for side in ("hub", "cloud") if row.get(side)}}
        for row in view["reconciliation"]
    ]


class Retry(msgspec.Struct, forbid_unknown_fields=True):
    seq: int | None = None


@router.post("/v1/sync/pause", summary="Stop the replay by hand", responses=ref("SyncView"))
async def pause(request: Request, device: Annotated[Device, Depends(allowed("box"))]) -> Response:
    await box_of(request).upstream.pause()
    return reply(await sync_view(box_of(request), device))


@router.post("/v1/sync/resume", summary="Let the replay go on", responses=ref("SyncView"))
async def resume(request: Request, device: Annotated[Device, Depends(allowed("box"))]) -> Response:
    await box_of(request).upstream.resume()
    return reply(await sync_view(box_of(request), device))


@router.post(
    "/v1/sync/retry",
    summary="Send a refused entry, or all of them, again",
    responses=ref("SyncView"),
    openapi_extra={
        "requestBody": {
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/Retry"},
                    "example": {"seq": 412},
                }
            }
        }
    },
)
async def retry(request: Request, device: Annotated[Device, Depends(allowed("box"))]) -> Response:
    wanted: Retry = await body_as(request, Retry)
    await box_of(request).upstream.retry(wanted.seq)
    return reply(await sync_view(box_of(request), device))


@router.get("/healthz", summary="Alive", tags=["health"], responses=ref("Health"))
async def healthz() -> Response:
    return reply({"status": "ok"})


@router.get("/readyz", summary="The journal can be written", tags=["health"], responses=ref("Health"))
async def readyz(request: Request) -> Response:
    writer = box_of(request).core.writer
    writer.check_open()
    if writer.stuck_s() > 5:
        raise NotReady(reason="the disk does not answer", retry_after_s=1)
    return reply({"status": "ok"})


@router.get(
    "/metrics",
    summary="Prometheus metrics, on loopback or with a technician's token",
    tags=["health"],
    responses={200: {"description": "OK", "content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    box = box_of(request)
    try:
        allow(caller(request.scope, box), "metrics", "box")
    except HubError:
        if address_of(request.scope) not in LOOPBACK:
            raise
    # Here, because a start need not wait for Prometheus's library.
    from hub.api.metrics import render

    return Response(await render(box), media_type="text/plain; version=0.0.4; charset=utf-8")
