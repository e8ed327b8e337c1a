"""A box that behaves like the hub as far as the console can see, so that every state can be shown on purpose."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import segno
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from hub.api.web import router

EPOCH = "9f3c51d07ab24e68"
CODES = {"MGR7-KQ2P": "manager", "TEC4-HW9X": "technician", "HND2-AAAA": "handheld"}


def ago(**length: float) -> str:
    return (datetime.now(UTC) - timedelta(**length)).isoformat(timespec="milliseconds")


def business_date(days_back: int = 0) -> str:
    turned = datetime.now(ZoneInfo("Asia/Tokyo")) - timedelta(hours=5, days=days_back)
    return turned.date().isoformat()


def side(entries: int, sales: int, total: int) -> dict[str, int]:
    return {"entries": entries, "sales": sales, "total": total}


def problem(status: int, slug: str, detail: str) -> JSONResponse:
    body = {"type": f"/problems/{slug}", "title": slug, "status": status, "detail": detail, "slug": slug}
    return JSONResponse(body, status, media_type="application/problem+json")


HUB = {
    "id": "hub-7c21", "store": "shibuya-01", "name": "炭火やきとり 渋谷店", "box": "a41f09be", "tls": True,
    "fp": "5f0c9be2" * 8, "api_versions": ["v1"], "timezone": "Asia/Tokyo", "currency": "JPY",
    "day_change_time": "05:00",
}  # fmt: skip


class Box:
    """State that a test changes as it likes; `tell` sends the feed an event, `requests` remembers what was asked."""

    def __init__(self) -> None:
        self.sessions: dict[str, str] = {}
        self.requests: list[tuple[str, str, dict[str, Any] | None]] = []
        # Idempotency keys of revocations, and the positions that feeds asked to follow from.
        self.keys: list[str] = []
        self.after: list[str] = []
        self.feeds: list[asyncio.Queue[bytes | None]] = []
        self.sync = self._sync()
        self.devices = self._devices()
        self.report = self._report()
        self.business = self._business()
        self.code_seconds = 600.0
        self.lose_answers = 0
        self.examining = False
        self.drills = self._drills()
        self.findings = {lang: self._findings(lang) for lang in ("en", "ja")}

    def tell(self, event: str, data: dict[str, Any] | None = None) -> None:
        self.sync["last_seq"] += event.startswith("storehub.")
        block = f"id: {EPOCH}:{self.sync['last_seq']}\nevent: {event}\ndata: {json.dumps(data or {})}\n\n"
        for feed in self.feeds:
            feed.put_nowait(block.encode())

    def cut_feeds(self) -> None:
        for feed in self.feeds:
            feed.put_nowait(None)

    def of(self, method: str) -> list[tuple[str, str, dict[str, Any] | None]]:
        return [done for done in self.requests if done[0] == method]

    def count(self, method: str, path: str) -> int:
        return sum(1 for done in self.requests if done[:2] == (method, path))

    def link(self, state: str, reason: str = "", **since: float) -> None:
        self.sync["link"] = {"state": state, "since": ago(**(since or {"minutes": 12})), "reason": reason}

    @staticmethod
    def _sync() -> dict[str, Any]:
        return {
            "link": {"state": "online", "since": ago(hours=5, minutes=12), "reason": ""},
            "epoch": EPOCH, "last_seq": 18_422, "acked_seq": 18_422,
            "unsent": {"count": 0, "oldest_at": None, "sales_total": 0},
            "quarantined": [],
            "last_ack_at": ago(seconds=8),
            "reconciliation": [
                {"business_date": business_date(2), "hub": side(1204, 172, 512_340), "cloud": side(1204, 172, 512_340),
                 "agrees": True},
                {"business_date": business_date(1), "hub": side(1388, 190, 604_870), "cloud": side(1388, 190, 604_870),
                 "agrees": True},
                {"business_date": business_date(), "hub": side(642, 58, 187_520), "cloud": None, "agrees": None},
            ],
            "storage": {"free_bytes": 21_700_000_000, "journal_bytes": 148_300_000, "days_left": 412.7},
            "clock": {"trusted": True, "source": "ntp"},
            "hub": {"id": "hub-7c21", "store_id": "shibuya-01", "name": HUB["name"], "box": "a41f09be",
                    "version": "0.1.0", "started_at": ago(days=9, hours=3), "url": "https://192.168.10.20:8443"},
            "journal": {"state": "writable", "since": ago(days=9), "reason": ""},
            "beacon": {"state": "announced", "addresses": ["192.168.10.20"], "reason": ""},
            "behind": None, "role": "primary",
        }  # fmt: skip

    @staticmethod
    def _findings(language: str) -> list[dict[str, str]]:
        from hub.doctor.findings import Finding
        from hub.doctor.texts import rows

        found = [
            Finding("disk", "fail", "low", {"free_mb": 120, "percent": 1}),
            Finding("isolation", "warn", "guest", {"gateway": "192.168.10.1", "others": 0}),
            Finding("journal", "ok", "fine", {"entries": 18_422}),
            Finding("card", "skip", "silent", {"name": "SC32G", "kind": "SD"}),
        ]
        return rows(found, language)

    @staticmethod
    def _drills() -> dict[str, Any]:
        return {"running": None, "last": None,
                "drills": [{"kind": "wan", "why": None}, {"kind": "box", "why": "copy"}]}  # fmt: skip

    def drilled(self, language: str) -> list[dict[str, str]]:
        from hub.doctor.findings import Finding
        from hub.doctor.texts import rows

        found = [
            Finding("outage", "ok", "held", {"seconds": 60}),
            Finding("orders", "skip", "quiet"),
            Finding("backlog", "ok", "drained", {"most": 14, "seconds": 1.2}),
            Finding("days", "ok", "later"),
        ]
        return rows(found, language, "drill")

    @staticmethod
    def _devices() -> list[dict[str, Any]]:
        def device(name: str, role: str, online: bool, **seen: float) -> dict[str, Any]:
            seen_at = ago(**seen)
            return {"device_id": f"dev-{name}", "name": name, "role": role, "paired_at": ago(days=30),
                    "last_seen_at": seen_at, "online": online}  # fmt: skip

        return [
            device("ハンディ 1", "handheld", True, seconds=2),
            device("ハンディ 2", "handheld", True, seconds=4),
            device("レジ", "register", True, seconds=1),
            device("キッチン", "kitchen", True, seconds=1),
            device("個室タブレット", "table", False, hours=3),
            device("店長のスマホ", "manager", True, seconds=1),
            {**device("忘れ物ハンディ", "handheld", False, days=12), "revoked_at": ago(days=11)},
        ]

    @staticmethod
    def _report() -> dict[str, Any]:
        hours = [11, 12, 13, 14, 17, 18, 19, 20, 21, 22]
        totals = [12_400, 31_280, 18_050, 4_200, 9_800, 26_440, 38_900, 29_350, 12_100, 5_000]
        return {
            "business_date": business_date(), "closed": False, "orders": {"count": 231},
            "sales": {"count": 58, "total": 187_520}, "voids": {"count": 3, "total": 1_740},
            "refunds": {"count": 0, "total": 0},
            "taxes": [{"tax_class": "standard", "rate": "0.10", "taxable": 161_200, "tax": 14_654},
                      {"tax_class": "reduced", "rate": "0.08", "taxable": 26_320, "tax": 1_949}],
            "tenders": [{"method": "cash", "name": "現金", "count": 31, "amount": 92_310},
                        {"method": "card", "name": "クレジットカード", "count": 19, "amount": 74_860},
                        {"method": "qr", "name": "QRコード決済", "count": 8, "amount": 20_350}],
            "products": [{"product_id": "p1", "name": "ねぎま", "quantity": 96, "amount": 21_120},
                         {"product_id": "p2", "name": "生ビール", "quantity": 88, "amount": 48_400},
                         {"product_id": "p3", "name": "つくね", "quantity": 61, "amount": 15_250},
                         {"product_id": "p4", "name": "皮", "quantity": 40, "amount": 7_200},
                         {"product_id": "p5", "name": "せせり", "quantity": 31, "amount": 7_440},
                         {"product_id": "p6", "name": "枝豆", "quantity": 12, "amount": 4_560}],
            "hours": [{"hour": hour, "count": max(1, total // 3200), "total": total}
                      for hour, total in zip(hours, totals, strict=True)],
            "devices": [{"device_id": "dev-レジ", "orders": 12, "sales": 58, "total": 187_520}],
        }  # fmt: skip

    @staticmethod
    def _business() -> dict[str, Any]:
        def drawer(register_id: str, **more: Any) -> dict[str, Any]:
            return {
                "register_id": register_id, "business_date": business_date(), "status": "open", "float": 30_000,
                "cash_in": 0, "cash_out": 0, "cash_sales": 92_310, "expected": 122_310, "openings": 0, "counts": 0,
                "last_count": None, "tenders": [], "settlements": [], **more,
            }  # fmt: skip

        counted = {"at": ago(hours=1), "expected": 101_400, "counted": 101_350, "over_short": -50}
        run = {"number": 1, "at": ago(minutes=4), "counted": 48_200, "over_short": 0, "over_short_now": 0}
        none = {"count": 0, "total": 0}
        return {
            "business_date": business_date(), "status": "open", "revision": 0, "closed_at": None, "closed_by": None,
            "figures": {"sales": {"count": 58, "total": 187_520}, "voids": {"count": 3, "total": 1_740},
                        "refunds": none, "net": 185_780, "taxes": [], "tenders": []},
            "frozen": None, "difference": None, "late": none,
            "drawers": {"expected": 48_200, "counted": 48_200, "over_short": 0},
            "unsettled": ["dev-レジ"],
            "open_checks": [{"check_id": "c1", "check_no": 61, "table_ids": ["t1"], "total": 4_380},
                            {"check_id": "c2", "check_no": 64, "table_ids": ["t2"], "total": 2_200}],
            "unsent": 0, "unsent_at_closing": 0, "reconciliation": None,
            "registers": [drawer("dev-レジ", counts=1, last_count=counted, openings=2),
                          drawer("counter-2", status="settled", float=0, expected=0, settlements=[run])],
        }  # fmt: skip

    # HTTP

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)
        app.include_router(router)

        @app.middleware("http")
        async def guard(request: Request, call: Any) -> Response:
            path = request.url.path
            if path.startswith(("/v1/", "/console/pairing")) and self._role(request) is None:
                return problem(401, "unauthenticated", "Sign in first.")
            if request.method != "GET":
                raw = await request.body()
                self.requests.append((request.method, path, json.loads(raw) if raw else None))
            else:
                self.requests.append((request.method, path, None))
            return await call(request)  # type: ignore[no-any-return]

        @app.post("/console/session")
        async def sign_in(request: Request) -> Response:
            role = CODES.get((await request.json())["code"].upper())
            if role is None:
                return problem(403, "pairing-code-invalid", "The code is not valid.")
            if role not in ("manager", "technician"):
                return problem(403, "forbidden", "Not this role.")
            session = f"s{len(self.sessions)}"
            self.sessions[session] = role
            answer = Response(status_code=204)
            answer.set_cookie("storehub", session, httponly=True, samesite="strict", path="/")
            return answer

        @app.get("/console/session")
        async def session(request: Request) -> Response:
            role = self._role(request)
            if role is None:
                return JSONResponse(None)
            return JSONResponse(
                {"device_id": "dev-店長のスマホ", "name": "店長のスマホ", "role": role, "hub": HUB}
            )

        @app.delete("/console/session")
        async def sign_out(request: Request) -> Response:
            self.sessions.pop(request.cookies.get("storehub", ""), None)
            return Response(status_code=204)

        @app.get("/v1/sync")
        async def sync() -> Response:
            return JSONResponse(self.sync)

        @app.get("/v1/doctor")
        async def doctor(request: Request) -> Response:
            # An examination takes a while: the first answer says so.
            self.examining = not self.examining
            found = self.findings["ja" if request.headers["accept-language"] == "ja" else "en"]
            state = "running" if self.examining else "fail"
            return JSONResponse(
                {"state": state, "at": ago(seconds=1), "running": self.examining, "checks": found}
            )

        @app.get("/v1/drills")
        async def drills(request: Request) -> Response:
            last = self.drills["last"]
            language = "ja" if request.headers["accept-language"] == "ja" else "en"
            return JSONResponse({**self.drills, "last": last and {**last, "steps": self.drilled(language)}})

        @app.post("/v1/drills")
        async def rehearse(request: Request) -> Response:
            kind = (await request.json())["kind"]
            self.drills["running"] = {"kind": kind, "at": ago(seconds=0), "ends_by": ago(minutes=-5)}
            self.drills["drills"] = [{"kind": kind, "why": "running"} for kind in ("wan", "box")]
            return JSONResponse(self.drills, 202)

        @app.get("/v1/devices")
        async def devices() -> Response:
            return JSONResponse({"devices": self.devices})

        @app.get("/v1/menu")
        async def menu() -> Response:
            return JSONResponse(
                {"tables": [{"id": "t1", "name": "1番", "area": ""}, {"id": "t2", "name": "2番", "area": ""}]}
            )

        @app.get("/v1/reports/days/{date}")
        async def report(request: Request, date: str) -> Response:
            if self._role(request) == "technician":
                return problem(403, "forbidden", "No sales data.")
            if date == business_date():
                return JSONResponse(self.report)
            none: dict[str, Any] = {name: {"count": 0, "total": 0} for name in ("sales", "voids", "refunds")}
            none |= {name: [] for name in ("taxes", "tenders", "products", "hours", "devices")}
            return JSONResponse({"business_date": date, "closed": True, "orders": {"count": 0}, **none})

        @app.get("/v1/days/{date}")
        async def business(request: Request, date: str) -> Response:
            if self._role(request) == "technician":
                return problem(403, "forbidden", "No sales data.")
            return JSONResponse({**self.business, "business_date": date})

        @app.post("/v1/days/{date}/close")
        async def close(date: str) -> Response:
            self.business |= {"status": "closed", "revision": 1, "closed_at": ago(seconds=1), "closed_by": "hand",
                              "frozen": self.business["figures"], "unsent_at_closing": 12}  # fmt: skip
            return JSONResponse({"date": date, "revision": 1})

        @app.get("/v1/doctor/bundle")
        async def bundle() -> Response:
            return Response(b"packed", media_type="application/gzip")

        @app.post("/v1/clock")
        async def clock() -> Response:
            self.sync["clock"] = {"trusted": True, "source": "person"}
            return JSONResponse(self.sync["clock"])

        @app.post("/v1/sync/{act}")
        async def switch(act: str) -> Response:
            if act == "pause":
                self.link("paused", "manual: paused by 店長のスマホ", seconds=0)
            elif act == "resume":
                self.link("online", seconds=0)
            elif self.sync["quarantined"]:
                self.sync["quarantined"] = []
            return Response(status_code=204)

        @app.delete("/v1/devices/{device_id}")
        async def revoke(request: Request, device_id: str) -> Response:
            self.keys.append(request.headers.get("idempotency-key", ""))
            if self.lose_answers > 0:
                self.lose_answers -= 1
                return problem(503, "outcome-unknown", "Ask again with the same key.")
            for device in self.devices:
                if device["device_id"] == device_id:
                    device.update(revoked_at=ago(seconds=0), online=False)
            self.tell("storehub.device.revoked.v1")
            return Response(status_code=204)

        @app.post("/console/pairing-codes")
        async def offer(request: Request) -> Response:
            role = (await request.json())["role"]
            url = self.sync["hub"]["url"]
            uri = f"storehub://pair?u={url}&fp={HUB['fp']}&c=F3KX-9TQM-2B"
            return JSONResponse({
                "code": "F3KX-9TQM-2B", "role": role, "expires_at": ago(seconds=-self.code_seconds), "uri": uri,
                "url": url, "fingerprint": HUB["fp"], "digits": "418205",
                "qr_svg": segno.make(uri, error="m").svg_inline(scale=4, border=2, omitsize=True),
            })  # fmt: skip

        @app.get("/v1/events")
        async def events(request: Request) -> Response:
            self.after.append(request.query_params.get("after", ""))
            return StreamingResponse(
                self._feed(), media_type="text/event-stream", headers={"cache-control": "no-store"}
            )

        return app

    def _role(self, request: Request) -> str | None:
        return self.sessions.get(request.cookies.get("storehub", ""))

    async def _feed(self) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.feeds.append(queue)
        try:
            yield b"retry: 200\n: here\n\n"
            while (block := await queue.get()) is not None:
                yield block
        finally:
            self.feeds.remove(queue)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # Signals belong to pytest.


@contextlib.asynccontextmanager
async def serve(box: Box, port: int = 0) -> AsyncIterator[str]:
    """The box's address while it answers. Leaving takes it off the network, as pulling its plug would."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    server = _Server(
        uvicorn.Config(box.app(), log_level="error", lifespan="off", timeout_graceful_shutdown=1)
    )
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        box.cut_feeds()
        server.should_exit = True
        await task
        listening.close()
