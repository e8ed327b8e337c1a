"""A small client of upsd, the server of Network UPS Tools, over its text protocol (RFC 9271), on this machine."""

from __future__ import annotations

import asyncio
import re
from typing import Final, Literal

from msgspec import Struct

PORT: Final = 3493
ANSWER_S_MAX: Final = 5.0
LINE_BYTES_MAX: Final = 1024
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_PLACE: Final = re.compile(r"([A-Za-z0-9_.-]{1,64})@(127\.0\.0\.1|localhost|\[::1\])(?::(\d{1,5}))?\Z")

# low: the battery is nearly empty and upsmon is about to stop the machine. unknown: upsd does not say.
UpsState = Literal["line", "battery", "low", "unknown"]


class Ups(Struct, frozen=True):
    """How a UPS stands. reason: why that is not known."""

    state: UpsState
    minutes_left: int | None = None
    charge: int | None = None
    reason: str = ""


class UpsPlace(Struct, frozen=True):
    name: str
    host: str
    port: int = PORT


def place_of(text: str) -> UpsPlace:
    """Of `name@127.0.0.1` or `name@localhost:3493`. Raises ValueError.

    What upsd says is not encrypted and decides things: another machine's is not asked.
    """
    found = _PLACE.match(text)
    if found is None or not 0 < int(found[3] or PORT) < 65536:
        raise ValueError("write it as name@127.0.0.1 or name@127.0.0.1:3493; upsd has to run on this machine")
    return UpsPlace(found[1], found[2].strip("[]"), int(found[3] or PORT))


async def ask(place: UpsPlace) -> Ups:
    """Never raises: what cannot be asked is `unknown`, with the reason."""
    try:
        async with asyncio.timeout(ANSWER_S_MAX):
            reader, writer = await asyncio.open_connection(place.host, place.port, limit=LINE_BYTES_MAX)
            try:
                status = await _get(reader, writer, place.name, "ups.status")
                if status is None:
                    return Ups("unknown", reason="upsd does not know the status of this UPS")
                runtime = await _get(reader, writer, place.name, "battery.runtime")
                charge = await _get(reader, writer, place.name, "battery.charge")
                writer.write(b"LOGOUT\n")
            finally:
                writer.close()
                # The other end may be gone already.
                await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        return Ups("unknown", reason=str(error) or "upsd does not answer")
    seconds = _number(runtime)
    percent = _number(charge)
    return Ups(
        state_of(status),
        None if seconds is None else int(seconds // 60),
        None if percent is None else int(percent),
    )


def state_of(status: str) -> UpsState:
    """Of the words of ups.status: OL on line, OB on battery, LB battery low, FSD shutting down."""
    words = status.split()
    if "FSD" in words or ("LB" in words and "OL" not in words):
        return "low"
    if "OB" in words:
        return "battery"
    return "line" if "OL" in words else "unknown"


async def _get(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str, variable: str
) -> str | None:
    """None for a variable that this UPS does not have. Raises ValueError for what is no answer of upsd."""
    writer.write(f"GET VAR {name} {variable}\n".encode())
    await writer.drain()
    line = (await reader.readuntil(b"\n")).decode("ascii", "replace").strip()
    if line == "ERR VAR-NOT-SUPPORTED":
        return None
    head = f"VAR {name} {variable} "
    if not line.startswith(head):
        raise ValueError(f"upsd says: {line[:80]}")
    return line[len(head) :].strip('"')


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
