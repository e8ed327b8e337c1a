"""Requests that no honest client sends, without end and with a seed."""

from __future__ import annotations

import gzip
import itertools
import json
import random
from collections.abc import Iterator

DEPTHS = (50, 200, 900, 1100, 60_000)
HUGE_NUMBERS = (
    "9" * 400,
    "1e400",
    "-1e400",
    "9" * 5000,
    "-0",
    "1e-400",
    "0." + "1" * 5000,
    "NaN",
    "Infinity",
    "-Infinity",
)
STRANGE_TEXT = (
    '"\\ud800"', '"\\udfff\\ud800"', '"\\u0000"', '"a\\u0000b"', '"\\u202e\\u2066"', '"\\uffff"',
    '"' + "é" * 3000 + '"',
    '"' + "\\u0000" * 400 + '"', '"\x00"', '"\x1b[2J"', '"\x7f"', '"\\x41"', "'a'", '"4111111111111111"',
    '"unfinished',
)  # fmt: skip
ROUTES = (
    ("POST", "/v1/orders"), ("POST", "/v1/sales"), ("POST", "/v1/checks"), ("POST", "/v1/checks/c/void"),
    ("POST", "/v1/checks/c/move"), ("POST", "/v1/sales/s/refunds"), ("PATCH", "/v1/products/chef"),
    ("POST", "/v1/facts"),
    ("POST", "/v1/number-blocks"), ("POST", "/v1/pairings"), ("POST", "/v1/sync/retry"), ("DELETE",
    "/v1/devices/d"),
    ("POST", "/console/session"), ("POST", "/console/pairing-codes"),
)  # fmt: skip


def request(method: str, path: str, body: bytes, token: str = "", *more: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: hub", f"Content-Length: {len(body)}", *more]
    if token:
        lines += [f"Authorization: Bearer {token}"]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def garbage(random_: random.Random) -> Iterator[bytes]:
    """Random bytes, broken lines, lengths that cannot be, other protocols."""
    head = b"POST /v1/orders HTTP/1.1\r\nHost: hub\r\n"
    fixed = (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + random_.randbytes(200),
        b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET /\r\n", b"\r\n\r\n\r\n",
        b"GET  /  HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"CONNECT hub:443 HTTP/1.1\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: hub\r\n\r\n",
        b"GET http://elsewhere/ HTTP/1.1\r\nHost: hub\r\n\r\n", b"TRACE / HTTP/1.1\r\nHost: hub\r\n\r\n",
        head + b"Content-Length: -5\r\n\r\n", head + b"Content-Length: 99999999999999999999\r\n\r\n",
        head + b"Content-Length: 0x10\r\n\r\n", head + b"Content-Length: 5 5\r\n\r\nhello",
        head + b"Content-Length: +5\r\n\r\nhello",
        head + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", head + b"X\x00Y: 1\r\n\r\n", head + b": empty\r\n\r\n",
        head + b" folded: 1\r\n\r\n",
        b"GET /v1/menu HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer \xff\xfe\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: hub\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nHTTP2-Settings: AAA\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n" * 50, b"GET /" + b"%00" * 20 + b" HTTP/1.1\r\nHost: hub\r\n\r\n",
        b"HEAD /v1/events HTTP/1.1\r\nHost: hub\r\n\r\n", b"\x00" * 500, b"quit\r\n", b"EHLO hub\r\n",
        b"*1\r\n$4\r\nPING\r\n",
    )  # fmt: skip
    while True:
        yield from fixed
        yield random_.randbytes(random_.randint(1, 2000))
        line = bytearray(b"GET /v1/menu?cursor=1 HTTP/1.1\r\nHost: hub\r\nAccept: */*\r\n\r\n")
        for _ in range(random_.randint(1, 4)):
            line[random_.randrange(len(line))] = random_.randrange(256)
        yield bytes(line)


def smuggling(random_: random.Random) -> Iterator[bytes]:
    """Two ways to tell where a body ends: what one side takes for a body, another takes for a request."""
    inner = b"GET /v1/devices HTTP/1.1\r\nHost: hub\r\n\r\n"
    start = b"POST /v1/pairings HTTP/1.1\r\nHost: hub\r\n"
    chunk = b"0\r\n\r\n" + inner
    te = (
        b"Transfer-Encoding: chunked", b"Transfer-Encoding : chunked", b"Transfer-Encoding:\tchunked",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: identity, chunked",
        b"X: y\nTransfer-Encoding: chunked",
        b"Transfer-Encoding:\r\n chunked", b"Transfer-Encoding: CHUNKED", b'Transfer-Encoding: "chunked"',
        b"Transfer_Encoding: chunked",
    )  # fmt: skip
    cl = (
        b"Content-Length: 5",
        b"Content-Length: 0",
        b"Content-Length: 5\r\nContent-Length: 60",
        b"Content-Length: 5, 5",
        b"Content-Length: 05",
    )
    while True:
        for one in te:
            for two in cl:
                pair = [one, two]
                random_.shuffle(pair)
                yield start + b"\r\n".join(pair) + b"\r\n\r\n" + chunk
        yield start + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello" + inner
        yield (
            start
            + b"Transfer-Encoding: chunked\r\n\r\n5;ext=\x00\r\nhello\r\n0\r\nTrailer: x\r\n\r\n"
            + inner
        )
        yield start + b"Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n" + inner
        yield start.replace(b"\r\n", b"\n") + b"Content-Length: 5\n\nhello" + inner


def evil_json(random_: random.Random, token: str) -> Iterator[bytes]:
    """Bodies that a parser or whoever reads its result may fall over."""
    number = itertools.count()
    while True:
        method, path = random_.choice(ROUTES)
        body = random_.choice((_deep, _number, _text, _twice, _cut, _shape))(random_)
        yield request(
            method,
            path,
            body,
            token,
            f"Idempotency-Key: evil-{random_.getrandbits(60)}-{next(number)}",
            'If-Match: "1"',
        )


def _deep(random_: random.Random) -> bytes:
    depth = random_.choice(DEPTHS)
    opening, closing = random_.choice(((b"[", b"]"), (b'{"a":', b"}"), (b'[{"lines":', b"}]")))
    core = opening * depth + (b"1" + closing * depth if random_.random() < 0.7 else b"")
    if random_.random() < 0.5:
        return b'{"type":"x.evil.deep","data":' + core + b"}"
    return random_.choice((core, b'{"lines":' + core + b"}"))


def _number(random_: random.Random) -> bytes:
    value = random_.choice(HUGE_NUMBERS)
    shapes = (
        '{"table_id":"t1","lines":[{"product_id":"salad","quantity":%s}]}',
        '{"type":"x.evil.number","data":%s}',
        '{"type":"x.evil.number","data":{"a":[%s]}}', '{"remaining":%s}', '{"price":%s}',
        '{"register_id":"r","count":%s}',
        '{"lines":[{"product_id":"chef","quantity":1,"unit_price":%s}],"tenders":[{"method":"cash","amount":%s}]}',
        '{"seq":%s}', '{"role":"handheld","minutes":%s}', "%s",
    )  # fmt: skip
    return random_.choice(shapes).replace("%s", value).encode()


def _text(random_: random.Random) -> bytes:
    value = random_.choice(STRANGE_TEXT)
    shapes = (
        '{"table_id":"t1","lines":[{"product_id":"salad","quantity":1,"note":%s}]}',
        '{"table_ids":[],"name":%s}',
        '{"type":"x.evil.text","data":{"a":%s}}', '{"type":"x.evil.text","subject":%s,"data":1}',
        '{"reason":%s}',
        '{"code":%s,"name":"x"}', '{"code":"x","name":%s}',
        '{"table_id":%s,"lines":[{"product_id":"salad","quantity":1}]}',
        '{"lines":[{"product_id":%s,"quantity":1}],"tenders":[]}', '{"type":"x.evil.text","data":{%s:1}}',
        "%s",
    )  # fmt: skip
    return random_.choice(shapes).replace("%s", value).encode("utf-8", "surrogatepass")


def _twice(random_: random.Random) -> bytes:
    many = ",".join(f'"k{n}":{n}' for n in range(3000))
    return random_.choice(
        (
            b'{"lines":[],"lines":[{"product_id":"salad","quantity":1}],"table_id":"t1"}',
            b'{"type":"x.evil.twice","data":{"a":1,"a":2},"data":{"b":1}}',
            f'{{"type":"x.evil.many","data":{{{many}}}}}'.encode(),
            b'{"tenders":[{"method":"cash","method":"card","amount":1}],"lines":[]}',
        )
    )


def _cut(random_: random.Random) -> bytes:
    whole = json.dumps(
        {"table_id": "t1", "lines": [{"product_id": "salad", "quantity": 1, "note": "玉ねぎ"}]}
    ).encode()
    body = bytearray(whole[: random_.randrange(len(whole))])
    if body and random_.random() < 0.5:
        body[random_.randrange(len(body))] = random_.randrange(256)
    return bytes(body)


def _shape(random_: random.Random) -> bytes:
    return random_.choice(
        (
            b"null",
            b"[]",
            b'""',
            b"true",
            b"{}",
            b"\xff\xfe\x80{",
            "\ufeff{}".encode(),
            b" " * 1000,
            b"{}{}",
            b"{},",
            b"\x00",
            b"",
        )
    )


def evil_paths(random_: random.Random, token: str) -> Iterator[bytes]:
    """Addresses that other servers read differently."""
    parts = (
        "%00", "%2e%2e%2f", "..%2f..%2fetc%2fpasswd", "%ff", "%c0%af", "%", "%zz", "%e3%81%82", "..",
        "a%0d%0aX: y", "//", "%25%32%65",
        "a" * 3000, "'; DROP TABLE entries;--", "%F0%9F%8D%A3", "%ed%a0%80", "*", "null", "-1", "1e9",
        "%20", ";a=b", "@hub", "\\",
    )  # fmt: skip
    roots = (
        "/v1/checks/", "/v1/sales/", "/v1/reports/days/", "/v1/sales/x/receipt?", "/console/assets/", "/",
        "/v1/events?after=",
        "/v1/checks?cursor=", "/v1/sales?business_date=", "/v1/checks?status=", "/v1/sales?cursor=",
        "/v1/devices/", "/v1/products/",
    )  # fmt: skip
    while True:
        path = random_.choice(roots) + "".join(random_.choices(parts, k=random_.randint(1, 3)))
        path = path.replace(" ", "%20") if random_.random() < 0.9 else path
        method = random_.choice(("GET", "GET", "HEAD", "POST", "DELETE", "PATCH", "OPTIONS", "PROPFIND"))
        more = [f"Idempotency-Key: path-{random_.getrandbits(60)}"]
        if path.startswith("/v1/events"):
            method = "HEAD"
        yield request(method, path, b"{}" if method in ("POST", "PATCH") else b"", token, *more)


def headers(random_: random.Random, token: str) -> Iterator[bytes]:
    """Hosts, encodings, languages, keys and versions that mean nothing."""
    order = b'{"table_id":"t1","lines":[{"product_id":"salad","quantity":1}]}'
    strange = (
        "Host: elsewhere.example", "Host: ", "Host: hub\r\nHost: other", "Content-Type: text/plain",
        "Content-Type: \x01",
        "Accept: " + "a/b;q=0.1," * 500, "Accept-Language: " + "ja;q=nan,en;q=inf," * 50,
        "Accept-Language: ja;q=" + "9" * 400,
        'If-Match: "' + "9" * 9 + '"', "If-Match: *", "If-Match: W/", 'If-Match: "-1"',
        "Idempotency-Key: \udcff", "Idempotency-Key: ",
        "Idempotency-Key: " + "k" * 255, "Idempotency-Key: " + "k" * 256, "Storehub-Seen: a:b:c",
        "Storehub-Seen: " + "0" * 3000,
        "Storehub-Seen: 0123456789abcdef:" + "9" * 400 + ":00", "Storehub-Seen: \udcff:1:\udcff",
        "Expect: 100-continue", "Expect: coffee",
        "Range: bytes=0-", "Last-Event-ID: \udcff", "Cookie: storehub=" + "x" * 5000, "Cookie: \udcff=;;;=",
        "Origin: null", "Origin: http://hub",
        "Sec-Fetch-Site: same-origin", "Authorization: Basic eA==", "X-Forwarded-For: 127.0.0.1",
        "Connection: close, keep-alive",
        "Content-Language: \udce3\udc81", "TE: trailers", "If-None-Match: " + '"x",' * 500, "Date: never",
    )  # fmt: skip
    bomb = gzip.compress(b'{"a":"' + b"0" * 2_000_000 + b'"}')
    while True:
        chosen = random_.sample(strange, k=random_.randint(1, 4))
        if random_.random() < 0.15:
            encoding = random_.choice(("gzip", "deflate", "br", "zstd", "gzip, gzip", "identity"))
            body = random_.choice((bomb, gzip.compress(order), order))
            more = (f"Content-Encoding: {encoding}", f"Idempotency-Key: zip-{random_.getrandbits(60)}")
            yield request("POST", "/v1/orders", body, token, *more)
            continue
        if not any(one.startswith("Idempotency-Key") for one in chosen):
            chosen.append(f"Idempotency-Key: head-{random_.getrandbits(60)}")
        method, path = random_.choice(
            (("POST", "/v1/orders"), ("GET", "/v1/menu"), ("GET", "/v1/sync"), ("GET", "/v1/sales/x/receipt"))
        )
        yield request(method, path, order if method == "POST" else b"", token, *chosen)
