"""What the hub is compared with, each as small and as ordinary as a reader would write it.

    python -m bench.baselines fastapi|aiosqlite|asgi --port N [--data DIR]

fastapi    the route validates the same order with pydantic and stores nothing
aiosqlite  the same route with one commit a request (WAL, synchronous=FULL) and the key made unique
asgi       no framework, no validation, no storage: what uvicorn itself costs

Two more are loops in the caller's process, for what the disk itself costs: ``fdatasync_appends`` and
``sqlite_commits``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sqlite3
import sys
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

if TYPE_CHECKING:
    from fastapi import FastAPI

ROW_BYTES = 1024


def order_model() -> Any:
    """The order of CONTRACT section 5 as pydantic models."""
    from datetime import datetime

    from pydantic import BaseModel, ConfigDict, Field

    Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]

    class Strict(BaseModel):
        model_config = ConfigDict(extra="forbid")

    class OptionIn(Strict):
        option_id: Id
        quantity: Annotated[int, Field(ge=1)]

    class LineIn(Strict):
        line_id: Id | None = None
        product_id: Id
        quantity: Annotated[int, Field(ge=1)]
        options: list[OptionIn] = Field(default_factory=list)
        unit_price: Annotated[int, Field(ge=0)] | None = None
        dining: str | None = None
        note: Annotated[str, Field(max_length=500)] | None = None
        seat: str | None = None
        course: str | None = None

    class OrderIn(Strict):
        table_id: Id | None = None
        check_id: Id | None = None
        guests: Annotated[int, Field(ge=0)] | None = None
        staff_id: Id | None = None
        ordered_at: datetime | None = None
        lines: Annotated[list[LineIn], Field(min_length=1)]

    return OrderIn


def fastapi_app() -> FastAPI:
    """Validates and answers; stores nothing."""
    from fastapi import FastAPI

    OrderIn = order_model()
    app = FastAPI()

    # Resolved by FastAPI at run time, so the annotation cannot be a string of this module.
    async def place(order) -> dict[str, object]:  # type: ignore[no-untyped-def]
        return {"order_id": str(uuid.uuid4()), "lines": len(order.lines)}

    place.__annotations__ = {"order": OrderIn, "return": dict[str, object]}
    app.post("/v1/orders", status_code=201)(place)
    return app


def aiosqlite_app(data: Path) -> FastAPI:
    """The straightforward durable version: validate, insert, commit, answer; one request after the other."""
    import aiosqlite
    from fastapi import FastAPI, Header

    OrderIn = order_model()
    one_at_a_time = asyncio.Lock()
    state: dict[str, aiosqlite.Connection] = {}

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with aiosqlite.connect(data / "orders.db") as db:
            await db.execute("PRAGMA journal_mode = WAL")
            await db.execute("PRAGMA synchronous = FULL")
            await db.execute(
                "CREATE TABLE entries (seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL)"
            )
            state["db"] = db
            yield

    app = FastAPI(lifespan=lifespan)

    async def place(order, idempotency_key) -> dict[str, object]:  # type: ignore[no-untyped-def]
        db = state["db"]
        # The connection has one transaction: without the lock a request would commit its neighbour's half.
        async with one_at_a_time:
            cursor = await db.execute(
                "INSERT INTO entries (key, body) VALUES (?, ?)", (idempotency_key, order.model_dump_json())
            )
            await db.commit()
        return {"order_id": str(uuid.uuid4()), "lines": len(order.lines), "seq": cursor.lastrowid}

    place.__annotations__ = {
        "order": OrderIn,
        "idempotency_key": Annotated[str, Header()],
        "return": dict[str, object],
    }
    app.post("/v1/orders", status_code=201)(place)
    return app


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    """The ceiling: reads the body and answers."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    body = b'{"order_id":"00000000-0000-7000-8000-000000000000","lines":4}'
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def fdatasync_appends(folder: Path, seconds: float) -> list[float]:
    """Seconds that each append of 1 KB with its fdatasync took."""
    path = folder / "append.bin"
    took: list[float] = []
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        row = os.urandom(ROW_BYTES)
        end = time.perf_counter() + seconds
        while (start := time.perf_counter()) < end:
            os.write(fd, row)
            os.fdatasync(fd)
            took.append(time.perf_counter() - start)
    finally:
        os.close(fd)
        path.unlink()
    return took


def sqlite_commits(folder: Path, seconds: float) -> list[float]:
    """Seconds that each commit of one 1 KB row took (WAL, synchronous=FULL)."""
    path = folder / "commits.db"
    took: list[float] = []
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE rows (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        row = os.urandom(ROW_BYTES)
        end = time.perf_counter() + seconds
        while (start := time.perf_counter()) < end:
            db.execute("INSERT INTO rows (body) VALUES (?)", (row,))
            took.append(time.perf_counter() - start)
    finally:
        db.close()
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    return took


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench.baselines", description="Serve one of the baselines.")
    parser.add_argument("which", choices=("fastapi", "aiosqlite", "asgi"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, default=Path())
    options = parser.parse_args(argv)
    import uvicorn

    app: Any
    if options.which == "fastapi":
        app = fastapi_app()
    elif options.which == "aiosqlite":
        app = aiosqlite_app(options.data)
    else:
        app = asgi_app
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=options.port,
        loop="uvloop",
        http="httptools",
        lifespan="off" if options.which == "asgi" else "on",
        access_log=False,
        log_level="warning",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
