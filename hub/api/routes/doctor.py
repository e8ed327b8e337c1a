"""What the doctor says of this box, and the bundle for support: for the console and for monitoring."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from hub.api.asgi import header
from hub.api.problems import prefers_japanese
from hub.api.reply import allowed, box_of, ref, reply
from hub.domain.device import Device

router = APIRouter(tags=["box"])


@router.get("/v1/doctor", summary="What is wrong with the box, and what to do", responses=ref("DoctorView"))
async def doctor(request: Request, _: Annotated[Device, Depends(allowed("box"))]) -> Response:
    """Examines the box when the last examination is older than 10 s. It takes some seconds: while `running` is true,
    ask again. `detail` and `advice` are in English or Japanese by Accept-Language; each `id` is stable."""
    box = box_of(request)
    found = await box.examine(box.clock.stamp().time)
    accepted = (header(request.scope, b"accept-language") or b"").decode("latin-1")
    language = "ja" if prefers_japanese(accepted) else "en"
    headers = {"content-language": language, "cache-control": "no-store"}
    return reply({**found, "checks": found["checks"][language]}, headers=headers)


@router.get(
    "/v1/doctor/bundle",
    summary="What support needs to see what is wrong, as one .tar.gz",
    response_class=Response,
    responses={200: {"description": "OK", "content": {"application/gzip": {}}}},
)
async def bundle(request: Request, _: Annotated[Device, Depends(allowed("box"))]) -> Response:
    """Takes up to a minute. As `storehub bundle` makes it: no tokens, PINs, keys, customers, orders or amounts."""
    box = box_of(request)
    packed = await box.bundle()
    at = box.clock.stamp().time[:19].replace(":", "").replace("-", "").replace("T", "-")
    headers = {
        "content-disposition": f'attachment; filename="storehub-bundle-{at}.tar.gz"',
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return Response(packed, media_type="application/gzip", headers=headers)
