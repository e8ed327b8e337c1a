"""A handheld that needs nothing but Debian's python3: runs inside the machine, talks TLS to the hub on loopback.

usage: till.py pair CODE | till.py orders COUNT | till.py loop | till.py check | till.py say PERSON | till.py export ID
       | till.py drill CODE

Every order that was acknowledged is noted in acked.jsonl, after the answer; `check` asks for each again under its key,
and the hub must say that it knows it. `loop` orders until there is a file `stop`, whatever happens to the hub. `say`
has a person's data in requests that are taken and in refused ones; `export` asks for all customers under that id;
`drill` pairs a manager's device of its own, rehearses the box's death and prints what came of it.
"""

from __future__ import annotations

import json
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path

URL = "https://127.0.0.1:8443"
HOME = Path("/root")
ACKED = HOME / "acked.jsonl"
STOP = HOME / "stop"
TOKEN = HOME / "token"


def call(path: str, body: object, key: str = "") -> tuple[int, dict[str, str], bytes]:
    context = ssl.create_default_context(cafile="/var/lib/storehub/tls/ca.pem")
    headers = {"Content-Type": "application/json"}
    if key:
        headers |= {"Idempotency-Key": key, "Authorization": f"Bearer {TOKEN.read_text()}"}
    request = urllib.request.Request(f"{URL}{path}", json.dumps(body).encode(), headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:  # noqa: S310
            return answer.status, dict(answer.headers.items()), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, {}, error.read()


def order(key: str) -> tuple[int, dict[str, str], bytes]:
    return call("/v1/orders", {"table_id": "t1", "lines": [{"product_id": "p1", "quantity": 1}]}, key)


def acknowledged(key: str) -> None:
    with ACKED.open("a") as file:
        file.write(json.dumps({"key": key, "at": time.monotonic()}) + "\n")


def orders(count: int) -> None:
    for _ in range(count):
        key = str(uuid.uuid4())
        status, _, body = order(key)
        if status != 201:
            sys.exit(f"refused with {status}: {body!r}")
        acknowledged(key)


def loop() -> None:
    key = str(uuid.uuid4())
    while not STOP.exists():
        try:
            status, _, _ = order(key)
        except OSError:
            status = 0  # No hub answers: ask again with the same key.
        if status == 201:
            acknowledged(key)
            key = str(uuid.uuid4())
        time.sleep(0.02)


def check() -> None:
    keys = [json.loads(line)["key"] for line in ACKED.read_text().splitlines()]
    lost = 0
    for key in keys:
        status, headers, _ = order(key)
        replayed = {name.lower(): value for name, value in headers.items()}.get("idempotency-replayed")
        lost += (status, replayed) != (201, "true")
    print(json.dumps({"acknowledged": len(keys), "lost": lost}))
    sys.exit(lost != 0)


def say(person: dict[str, str]) -> None:
    status, _, answer = call(
        "/v1/customers", {"name": person["name"], "phone": person["phone"]}, str(uuid.uuid4())
    )
    if status != 201:
        sys.exit(f"refused with {status}: {answer!r}")
    line = {"product_id": "p1", "quantity": 1, "note": person["note"]}
    for lines in ([line], [{**line, "product_id": person["phone"]}], [{**line, "quantity": person["name"]}]):
        call("/v1/orders", {"table_id": "t1", "lines": lines}, str(uuid.uuid4()))
    quoted = urllib.parse.quote(person["name"])
    for path in (f"/v1/{quoted}", f"/v1/customers?phone={quoted}", f"/{quoted}\tx"):
        call(path.replace("\t", "%09"), {}, str(uuid.uuid4()))
    call("/v1/pairings", {"code": person["phone"], "name": person["name"]})


def export(request: str) -> None:
    context = ssl.create_default_context(cafile="/var/lib/storehub/tls/ca.pem")
    headers = {"X-Request-Id": request, "Authorization": f"Bearer {TOKEN.read_text()}"}
    asked = urllib.request.Request(f"{URL}/v1/exports/customers", headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(asked, timeout=10, context=context) as answer:  # noqa: S310
            print(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            print(error.code)


def drill(code: str) -> None:
    context = ssl.create_default_context(cafile="/var/lib/storehub/tls/ca.pem")
    status, _, answer = call("/v1/pairings", {"code": code, "name": "manager 1"})
    if status != 201:
        sys.exit(f"refused with {status}: {answer!r}")
    headers = {"Authorization": f"Bearer {json.loads(answer)['token']}", "Content-Type": "application/json"}
    body: bytes | None = b'{"kind":"box"}'
    while True:
        asked = urllib.request.Request(f"{URL}/v1/drills", body, headers)  # noqa: S310
        try:
            with urllib.request.urlopen(asked, timeout=10, context=context) as told:  # noqa: S310
                found = json.load(told)
        except urllib.error.HTTPError as error:
            with error:
                sys.exit(f"refused with {error.code}: {error.read()!r}")
        if found["running"] is None:
            print(json.dumps(found["last"]))
            return
        body = None
        time.sleep(0.5)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["pair", code]:
            status, _, answer = call("/v1/pairings", {"code": code, "name": "handheld 1"})
            if status != 201:
                sys.exit(f"refused with {status}: {answer!r}")
            TOKEN.write_text(json.loads(answer)["token"])
        case ["orders", count]:
            orders(int(count))
        case ["loop"]:
            loop()
        case ["check"]:
            check()
        case ["say", person]:
            say(json.loads(person))
        case ["export", request]:
            export(request)
        case ["drill", code]:
            drill(code)
        case _:
            sys.exit(__doc__)
