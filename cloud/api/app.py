"""The ordinary routes, and the OpenAPI document with all of them."""

from __future__ import annotations

import hmac
from time import time
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Query, Request
from fastapi import Path as UrlPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from cloud import branches, entries, transfer, wrapped
from cloud.api.asgi import CloudApp, read_body
from cloud.api.document import ENTRIES_PATH, POST_ENTRIES
from cloud.api.problems import answer
from cloud.chain import SEQ_MAX, day_number
from cloud.codec import decode_lines
from cloud.desk import Desk
from cloud.errors import CloudError, Forbidden, InvalidRequest, NotFound, OperatorOnly
from cloud.hubs import Caller
from cloud.model import START, Cursor, Epoch, HexHash

_ID = r"^[A-Za-z0-9._-]{1,64}$"
_HASH = r"^[0-9a-f]{64}$"
# What a held request may cost; the hub asks again.
_WAIT_S_MAX = 30.0


class After(BaseModel):
    model_config = ConfigDict(extra="ignore")
    # Empty only before the first entry of all.
    epoch: str = Field(pattern=r"^[A-Za-z0-9._-]{0,64}$")
    seq: int = Field(ge=0, le=SEQ_MAX)
    hash: str = Field(pattern=_HASH)


class NewEpoch(BaseModel):
    model_config = ConfigDict(extra="forbid")
    epoch: str = Field(pattern=_ID)
    after: After


class SetAside(BaseModel):
    model_config = ConfigDict(extra="forbid")
    epoch: str = Field(pattern=_ID)
    seq: int = Field(ge=1, le=SEQ_MAX)
    hash: str = Field(pattern=_HASH)
    reason: str = Field(max_length=2000)


class KeyIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: str = Field(pattern=_ID)
    # Base64 of 60 bytes: nonce, key and tag, as the hub wrapped them.
    wrapped: str = Field(pattern=r"^[A-Za-z0-9+/]{80}$")


class Keys(BaseModel):
    model_config = ConfigDict(extra="forbid")
    keys: list[KeyIn] = Field(default=[], max_length=1000)
    destroyed: list[Annotated[str, Field(pattern=_ID)]] = Field(default=[], max_length=1000)


class CursorOut(BaseModel):
    epoch: str
    seq: int
    hash: str


async def _caller(
    request: Request,
    hub_id: Annotated[str, UrlPath(pattern=_ID)],
    authorization: Annotated[str, Header()] = "",
    storehub_status: Annotated[str | None, Header()] = None,
) -> Caller:
    desk: Desk = request.app.state.desk
    found = await desk.caller(authorization, storehub_status)
    if found.hub_id != hub_id:
        raise Forbidden(f"this token is for hub {found.hub_id}")
    return found


Known = Annotated[Caller, Depends(_caller)]


def build(desk: Desk, *, operator_token: str | None) -> CloudApp:
    """Return the whole service over `desk`."""
    api = FastAPI(
        title="storehub cloud",
        version="1",
        description="The receiving end of storehub: CONTRACT section 9. docs/cloud.md tells the semantics.",
        docs_url=None,
        redoc_url=None,
    )
    api.state.desk = desk
    api.add_exception_handler(CloudError, _problem)
    api.add_exception_handler(RequestValidationError, _invalid)
    _add_routes(api, desk)
    _add_operator_routes(api, desk, operator_token)
    _describe_entries(api)
    return CloudApp(desk, api)


def _describe_entries(api: FastAPI) -> None:
    served = api.openapi

    def complete() -> dict[str, Any]:
        document = served()
        document["paths"][ENTRIES_PATH]["post"] = POST_ENTRIES
        return document

    api.openapi = complete  # type: ignore[method-assign]


def _add_routes(api: FastAPI, desk: Desk) -> None:
    @api.get("/v1/hubs/{hub_id}/cursor", response_model=CursorOut)
    async def cursor(hub: Known) -> Response:
        """The last entry the cloud has; seq 0 when it has none."""
        return _cursor(await desk.read(lambda session: entries.cursor(session, hub.hub_id)))

    @api.post("/v1/hubs/{hub_id}/epochs", response_model=CursorOut)
    async def open_epoch(hub: Known, body: NewEpoch) -> Response:
        """Open an epoch. What the cloud has beyond `after` is kept as orphans."""
        after = Cursor(Epoch(body.after.epoch), body.after.seq, HexHash(body.after.hash))
        epoch = Epoch(body.epoch)
        return _cursor(
            await desk.write(lambda session: branches.open_epoch(session, hub.hub_id, epoch, after, time()))
        )

    @api.get("/v1/hubs/{hub_id}/entries", response_class=Response)
    async def get_entries(
        hub: Known,
        after: str = "",
        orphans: Annotated[int, Query(ge=0, le=1)] = 0,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 2000,
    ) -> Response:
        """Bytes of entries, one a line, in order. `Storehub-More: 1`: ask again after the last one."""
        start = _position(after) if after else (START.epoch, 0)
        page = await desk.read(
            lambda session: transfer.page(session, hub.hub_id, start, orphans=bool(orphans), limit=limit)
        )
        headers = {"Storehub-More": "1" if page.more else "0"}
        return Response(page.body, media_type="application/x-ndjson", headers=headers)

    @api.post("/v1/hubs/{hub_id}/quarantine", response_model=CursorOut)
    async def set_aside(hub: Known, body: SetAside) -> Response:
        """Record a hole in the place of a refused entry; what follows is taken."""
        digest, reason = bytes.fromhex(body.hash), body.reason.replace("\0", "")
        epoch = Epoch(body.epoch)
        return _cursor(
            await desk.write(
                lambda session: entries.quarantine(
                    session, hub.hub_id, epoch, body.seq, digest, reason, time()
                )
            )
        )

    @api.put("/v1/hubs/{hub_id}/quarantine/{epoch}/{seq}", response_model=CursorOut)
    async def fill(
        hub: Known,
        epoch: Annotated[str, UrlPath(pattern=_ID)],
        seq: Annotated[int, UrlPath(ge=1, le=SEQ_MAX)],
        request: Request,
    ) -> Response:
        """Fill a hole with the entry's bytes; their hash is the one recorded."""
        raw = await read_body(request.scope, request.receive)
        sent = list(decode_lines(raw, request.headers.get("content-encoding", "")))
        return _cursor(
            await desk.write(
                lambda session: entries.fill(
                    session, hub.hub_id, Epoch(epoch), seq, sent, desk.refused_types, time()
                )
            )
        )

    @api.put("/v1/hubs/{hub_id}/keys")
    async def put_keys(hub: Known, body: Keys) -> Response:
        """Keep customers' keys, wrapped by the hub, and destroy others. `destroyed`: sent, but destroyed before."""
        sent = [wrapped.WrappedKey(one.id, one.wrapped) for one in body.keys]
        kept = await desk.write(lambda session: wrapped.put(session, hub.hub_id, sent, body.destroyed))
        return JSONResponse({"held": kept.held, "destroyed": kept.destroyed})

    @api.get("/v1/hubs/{hub_id}/keys")
    async def get_keys(
        hub: Known,
        after: Annotated[str, Query(max_length=64)] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    ) -> Response:
        """The keys of the customers after one, by id. `next`: ask again after it; null: that is all."""
        found = await desk.read(lambda session: wrapped.page(session, hub.hub_id, after, limit))
        keys = [{"id": one.customer_id, "wrapped": one.wrapped} for one in found]
        following = found[-1].customer_id if len(found) == limit else None
        return JSONResponse({"keys": keys, "next": following}, headers={"cache-control": "no-store"})

    @api.get("/v1/hubs/{hub_id}/master")
    async def master(
        hub: Known, since: str = "", wait: Annotated[float, Query(ge=0, allow_inf_nan=False)] = 0
    ) -> Response:
        """Master data that changed after `since`; all of it when that is empty or unknown here."""
        changes = await desk.master_since(hub.store_id, since, min(wait, _WAIT_S_MAX))
        return Response(changes.as_json(), media_type="application/json")

    @api.get("/v1/hubs/{hub_id}/totals/{business_date}")
    async def totals(hub: Known, business_date: str, upto: str = "") -> Response:
        """Count and amounts of one business day, up to and with one entry."""
        day = day_number(business_date)
        if day is None:
            raise InvalidRequest("the business date is YYYY-MM-DD")
        last = _position(upto) if upto else None
        return JSONResponse(
            (await desk.read(lambda session: entries.totals(session, hub.hub_id, day, last))).as_dict()
        )


def _add_operator_routes(api: FastAPI, desk: Desk, operator_token: str | None) -> None:
    @api.get("/healthz")
    async def healthz() -> Response:
        """200 while the service answers and its database does."""
        await desk.read(lambda session: session.one("alive"))
        return JSONResponse({"status": "ok"})

    @api.get("/v1/stores")
    async def stores(authorization: Annotated[str, Header()] = "") -> Response:
        """Every store and hub, how long each has been silent, and what it last said of itself."""
        if operator_token is None:
            raise OperatorOnly("start the service with --operator-token, or ask: storehub-cloud stores")
        if not hmac.compare_digest(authorization.encode(), f"Bearer {operator_token}".encode()):
            raise OperatorOnly("send Authorization: Bearer <operator token>")
        return JSONResponse({"stores": await desk.overview()})

    @api.api_route("/{path:path}", methods=["GET", "POST", "PUT", "DELETE", "PATCH"], include_in_schema=False)
    async def nothing(path: str) -> Response:
        raise NotFound(f"/{path[:200]}")


def _cursor(at: Cursor) -> Response:
    return JSONResponse(at.as_dict())


def _position(text: str) -> tuple[Epoch, int]:
    epoch, colon, seq = text.rpartition(":")
    if not colon or not seq.isascii() or not seq.isdigit() or len(seq) > 12 or int(seq) > SEQ_MAX:
        raise InvalidRequest("a position is <epoch>:<seq>")
    return Epoch(epoch), int(seq)


def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, CloudError)  # noqa: S101  Registered for nothing else.
    status, headers, body = answer(error)
    return Response(body, status, {name.decode(): value.decode() for name, value in headers})


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  Registered for nothing else.
    places: list[Any] = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
    return _problem(request, InvalidRequest("; ".join(places)[:1000]))
