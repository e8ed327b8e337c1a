"""A device that knows only a fingerprint comes to trust the right hub and no other."""

from __future__ import annotations

import asyncio
import re
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.tls import (
    AUTHORITY_PATH,
    Authority,
    PairLink,
    PairUriInvalid,
    WrongAuthority,
    client_context,
    comparison_digits,
    ensure_ca,
    ensure_server_certificate,
    fetch_authority,
    pair_uri,
    read_pair_uri,
    reload,
    server_context,
)

BOX = "3f2a9c01"
FINGERPRINT = "0123456789abcdef" * 4


class Shop:
    """A live TLS server with the store's certificate; answers the authority's path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority: Authority = ensure_ca(folder, "渋谷店")
        now = datetime.now(UTC)
        self.context = server_context(ensure_server_certificate(folder, self.authority, BOX, [], now))
        self.port = 0
        self.served: bytes = self.authority.pem()

    def renew(self) -> None:
        now = datetime.now(UTC) + timedelta(days=380)
        certificate = ensure_server_certificate(self.folder, self.authority, BOX, ["10.0.0.7"], now)
        assert certificate.renewed
        reload(self.context, certificate)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                while (await reader.readline()).strip():
                    pass
                found = line.split()[1].decode() == AUTHORITY_PATH
                body = self.served if found else b"nothing here"
                status = "200 OK" if found else "404 Not Found"
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
                await writer.drain()
                if b"HTTP/1.0" in line:
                    break
        finally:
            writer.close()


@asynccontextmanager
async def shop(folder: Path) -> AsyncIterator[Shop]:
    made = Shop(folder)
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0, ssl=made.context)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()


async def serial(port: int, trust: ssl.SSLContext, host: str = "127.0.0.1") -> str:
    """Make a verified connection and return the serial number of the certificate that was served."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname=host)
    certificate = writer.get_extra_info("peercert")
    writer.close()
    await writer.wait_closed()
    return str(certificate["serialNumber"])


async def test_a_fingerprint_leads_to_a_verified_connection(tmp_path: Path) -> None:
    async with shop(tmp_path) as hub:
        pem = await fetch_authority("127.0.0.1", hub.port, hub.authority.fingerprint)
        trust = client_context(pem, hub.authority.fingerprint)
        for host in ("127.0.0.1", "localhost", f"storehub-{BOX}.local"):
            assert await serial(hub.port, trust, host)
        with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
            await serial(hub.port, trust, "192.168.77.77")


async def test_another_store_is_refused(tmp_path: Path) -> None:
    async with shop(tmp_path / "a") as ours, shop(tmp_path / "b") as theirs:
        with pytest.raises(WrongAuthority, match="fingerprint"):
            await fetch_authority("127.0.0.1", theirs.port, ours.authority.fingerprint)
        pem = await fetch_authority("127.0.0.1", ours.port, ours.authority.fingerprint)
        with pytest.raises(ssl.SSLCertVerificationError):
            await serial(theirs.port, client_context(pem))
        with pytest.raises(WrongAuthority):
            client_context(pem, theirs.authority.fingerprint)
        # The right certificate with another one behind it would bring that one into the device's trust.
        theirs.served = ours.authority.pem() + theirs.authority.pem()
        with pytest.raises(WrongAuthority, match="not one"):
            await fetch_authority("127.0.0.1", theirs.port, ours.authority.fingerprint)
        theirs.served = b"<html>welcome to the free wifi</html>"
        with pytest.raises(WrongAuthority):
            await fetch_authority("127.0.0.1", theirs.port, ours.authority.fingerprint)


async def test_curl_with_the_authority_and_nothing_else(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    async with shop(tmp_path) as hub:

        async def curl(*options: str | Path) -> tuple[int, str]:
            process = await asyncio.create_subprocess_exec(
                *(
                    "curl",
                    "-sS",
                    "-m",
                    "10",
                    *map(str, options),
                    f"https://127.0.0.1:{hub.port}{AUTHORITY_PATH}",
                ),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            output, _ = await process.communicate()
            return process.returncode or 0, output.decode()

        assert await curl("--cacert", hub.authority.certificate) == (0, hub.authority.pem().decode())
        status, output = await curl()
        assert (status, "certificate" in output) == (60, True)
        status, _ = await curl("--cacert", hub.authority.certificate, "--tls-max", "1.1")
        assert status == 35, "TLS 1.1 is refused"


async def test_a_new_certificate_in_place_while_connections_are_open(tmp_path: Path) -> None:
    async with shop(tmp_path) as hub:
        trust = client_context(hub.authority.pem().decode())
        reader, writer = await asyncio.open_connection("127.0.0.1", hub.port, ssl=trust)
        first = await serial(hub.port, trust)
        assert await serial(hub.port, trust) == first
        hub.renew()
        assert await serial(hub.port, trust) != first, "new handshakes get the new one"
        assert await serial(hub.port, trust, "10.0.0.7"), "with the new address"
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await reader.readline() == b"HTTP/1.1 404 Not Found\r\n", "the open connection goes on"
        writer.close()
        await writer.wait_closed()


async def test_fetching_ends_when_the_other_side_never_does(tmp_path: Path) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b"x")
                await asyncio.wait_for(reader.read(1), 0.02)
        except (TimeoutError, ConnectionError):
            pass
        await reader.read()
        writer.close()

    context = server_context(
        ensure_server_certificate(tmp_path, ensure_ca(tmp_path, "x"), BOX, [], datetime.now(UTC))
    )
    server = await asyncio.start_server(drip, "127.0.0.1", 0, ssl=context)
    async with server:
        with pytest.raises(TimeoutError):
            await fetch_authority("127.0.0.1", server.sockets[0].getsockname()[1], FINGERPRINT, timeout_s=0.5)


def test_the_six_digits_are_the_published_ones() -> None:
    assert comparison_digits(FINGERPRINT) == "736763"
    assert re.fullmatch(r"\d{6}", comparison_digits("ab" * 32))
    for wrong in ("", "AB" * 32, "ab" * 31, "zz" * 32):
        with pytest.raises(ValueError, match="64 lower-case hex"):
            comparison_digits(wrong)


@given(
    host=st.sampled_from(["192.168.1.20", "[fd00::20]", "storehub-3f2a9c01.local"]),
    port=st.integers(1, 65535),
    code=st.text(alphabet="ABCDEFGHJKMNPQRSTVWXYZ23456789-", min_size=1, max_size=20),
)
def test_a_pairing_link_says_the_same_when_it_is_read(host: str, port: int, code: str) -> None:
    link = PairLink(f"https://{host}:{port}", FINGERPRINT, code)
    uri = pair_uri(link.url, link.fingerprint, link.code)
    assert uri.startswith("storehub://pair?u=https%3A%2F%2F")
    assert read_pair_uri(uri) == link


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "https://pair?u=https%3A%2F%2Fa&fp=" + FINGERPRINT + "&c=1",
        "storehub://pair?u=https%3A%2F%2Fa&c=1",
        "storehub://pair?u=https%3A%2F%2Fa&fp=abc&c=1",
        "storehub://pair?u=http%3A%2F%2Fa&fp=" + FINGERPRINT + "&c=1",
        "storehub://pair?u=javascript%3A1&fp=" + FINGERPRINT + "&c=1",
    ],
)
def test_other_links_are_refused(uri: str) -> None:
    with pytest.raises(PairUriInvalid):
        read_pair_uri(uri)
