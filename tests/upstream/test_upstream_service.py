"""Pause, resume, wake, status, TLS, master data, the clock: the upstream as the hub uses it."""

from __future__ import annotations

import asyncio
import datetime
import json
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from msgspec.structs import replace

from hub.domain.commands import ApplyMaster
from hub.domain.errors import InvalidRequest
from hub.upstream.pace import PaceSettings
from hub.upstream.service import STATUS_BYTES_MAX, NoUpstream
from tests.support.badcloud import BadCloud, Reply, Request, StandIn
from tests.support.http2 import Http2
from tests.support.memory import MemoryClock, MemoryJournal
from tests.upstream.world import PATIENT_S, QUICK, World, until


async def test_a_new_entry_leaves_at_once(world: World) -> None:
    async with world.running():
        await world.until_complete()
        await world.until_agreed()
        waits = []
        for _ in range(5):
            await asyncio.sleep(0.05)
            began = time.monotonic()
            world.store.facts(1)
            await until(lambda: len(world.cloud.chain) == world.journal.position.seq)
            waits.append(time.monotonic() - began)
    assert sorted(waits)[2] < 0.1


async def test_a_pause_holds_over_a_restart_and_ends_by_hand(world: World) -> None:
    world.store.facts(10)
    async with world.running():
        await world.until_complete()
        await world.up.pause()
        assert await world.link() == ("paused", "paused: by hand")
        assert not world.up.online
        world.store.facts(10)
        calls = len(world.bad.requests)
        await asyncio.sleep(0.6)
        assert len(world.bad.requests) == calls
    async with world.running():
        await asyncio.sleep(0.4)
        assert (await world.link())[0] == "paused"
        assert len(world.bad.requests) == calls
        await world.up.resume()
        await world.until_complete()
    async with world.running():
        await world.until_link("online")


async def test_a_pause_ends_a_call_that_hangs(world: World) -> None:
    world.store.facts(10)
    world.bad.fault = "acklost-hang"
    # By itself it would hang for longer than the test may take.
    patient = replace(QUICK, waiting_s=300.0, silence_s_max=300.0, attempt_s_max=300.0, upload_s_max=300.0)
    async with world.running(timing=patient):
        await until(lambda: bool(world.bad.requests))
        async with asyncio.timeout(PATIENT_S):
            await world.up.pause()
        world.bad.fault = "ok"
        await world.up.resume()
        await world.until_complete()


async def test_a_person_need_not_wait_for_the_next_try(world: World) -> None:
    patient = replace(QUICK, wait_s_min=30.0, wait_s_max=30.0)
    world.bad.faults.append("500")
    async with world.running(timing=patient):
        await world.until_link("degraded")
        await world.up.retry(None)
        await world.until_complete()


async def test_the_hub_reports_itself_with_every_call(world: World) -> None:
    world.store.facts(10)
    async with world.running():
        await world.until_complete()
        await until(lambda: any(r.leaf == "master" for r in world.bad.requests))
    for request in world.bad.requests:
        told = json.loads(request.headers["storehub-status"])
        assert told["version"] == "test"
        assert told["link"][0][0] == "offline"
        assert len(request.headers["storehub-status"]) <= STATUS_BYTES_MAX
    assert json.loads(world.bad.requests[0].headers["storehub-status"])["unsent"] == 11


async def test_links_are_announced_as_they_change(world: World) -> None:
    async with world.running():
        await world.until_link("online")
        world.bad.fault = "302"
        await world.until_link("captive_portal")
    assert [one["state"] for one in world.announcer.of("link")] == ["online", "captive_portal"]


async def test_a_store_without_a_cloud_says_so() -> None:
    journal = MemoryJournal()
    upstream = NoUpstream(journal=journal, clock=MemoryClock(), running_sales_total=lambda: 0)
    await upstream.start()
    status = await upstream.status()
    assert status["link"]["state"] == "offline"
    assert status["link"]["reason"].startswith("not-configured")
    assert not upstream.online


def test_importing_the_service_does_not_import_httpx() -> None:
    heavy = ("httpx", "tenacity", "zstandard")
    code = f"import sys, hub.upstream.service; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Notes are written rarely: each costs the disk a sync.
async def test_a_quiet_evening_writes_few_notes(world: World) -> None:
    async with world.running():
        await world.until_complete()
        await world.until_agreed()
        before = world.notes.writes
        for _ in range(50):
            world.store.facts(1)
            await until(lambda: len(world.cloud.chain) == world.journal.position.seq)
        assert world.notes.writes - before <= 5


class Authority:
    """A certificate authority for one test, and a server's certificate with chosen dates."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self._cert = self._sign(self._name, self._key, days=(-10, 10), authority=True)
        (folder / "ca.pem").write_bytes(self._cert.public_bytes(serialization.Encoding.PEM))

    def trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self._folder / "ca.pem"))

    def server(self, *, days: tuple[int, int] = (-1, 1), host: str = "localhost") -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        cert = self._sign(name, key, days=days, host=host)
        (self._folder / "server.pem").write_bytes(
            cert.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / "server.pem")
        return context

    def _sign(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        days: tuple[int, int],
        host: str = "",
        authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        if authority:
            usage = x509.KeyUsage(
                digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
                key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
                decipher_only=False,
            )  # fmt: skip
            builder = builder.add_extension(usage, critical=True)
        else:
            names = x509.SubjectAlternativeName([x509.DNSName(host)])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


async def test_tls_by_name_though_the_address_is_looked_up_by_us(authority: Authority) -> None:
    stand_in = StandIn()
    async with BadCloud(stand_in, tls=authority.server()) as bad:
        world = World(stand_in, bad)
        world.store.start()
        world.store.facts(500)
        async with world.running(tls=authority.trusted()):
            await world.until_complete()
        assert bad.requests[0].headers["host"] == f"localhost:{bad.port}"
        assert world.clock.told
        assert abs(world.clock.told[0][0] - time.time()) < 3


async def test_http_2_where_the_cloud_offers_it(authority: Authority) -> None:
    stand_in = StandIn()
    async with Http2(stand_in, tls=authority.server()) as server:
        world = World(stand_in, BadCloud(stand_in))
        world.store.start()
        world.store.facts(4000, size=900)
        async with world.running(url=f"https://localhost:{server.port}", tls=authority.trusted()):
            await world.until_complete()
            # The server says goodbye, as it does when it is updated: the next entry finds a new connection.
            server.goodbye()
            world.store.facts(10)
            await world.until_complete()
            await world.until_link("online")
    # One connection for the replay and one for the downlink, and those after the goodbye.
    assert 2 <= server.connections <= 6


class Counting(StandIn):
    """Counts the batches that are being answered at the same time."""

    now = most = 0

    async def __call__(self, request: Request) -> Reply:
        if request.leaf != "entries":
            return await super().__call__(request)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            reply = await super().__call__(request)
            await asyncio.sleep(0.02)
            return reply
        finally:
            self.now -= 1


async def test_with_http_2_two_large_batches_share_the_connection(authority: Authority) -> None:
    stand_in = Counting()
    async with Http2(stand_in, tls=authority.server()) as server:
        world = World(stand_in, BadCloud(stand_in))
        world.store.start()
        world.store.facts(400)
        url = f"https://localhost:{server.port}"
        async with world.running(url=url, tls=authority.trusted(), pace=PaceSettings(batch_entries_max=20)):
            await world.until_complete()
        assert stand_in.most == 2
        # One for the replay, one for the downlink.
        assert server.connections == 2


@pytest.mark.parametrize(
    ("days", "host", "trusted", "reason"),
    [
        ((-5, -1), "localhost", True, "tls: the certificate is expired"),
        ((-5, -1), "localhost", False, "tls-clock: the certificate is expired by this box's clock"),
        ((1, 5), "localhost", False, "tls-clock: the certificate is not valid yet by this box's clock"),
        ((-1, 1), "other.example", True, "tls: the certificate is not trusted"),
    ],
)
async def test_tls_trouble_is_told_with_its_cause(
    authority: Authority, days: tuple[int, int], host: str, trusted: bool, reason: str
) -> None:
    stand_in = StandIn()
    async with BadCloud(stand_in, tls=authority.server(days=days, host=host)) as bad:
        world = World(stand_in, bad)
        world.store.start()
        world.clock.trusted = trusted
        async with world.running(tls=authority.trusted()):
            await world.until_link("offline", reason)
            # What a stranger says of the time is not passed on.
            assert world.clock.told == []


@pytest.mark.parametrize("off_days", [-200, 200], ids=["in the past", "in the future"])
async def test_a_wrong_clock_asks_for_the_time_and_then_checks_the_dates_by_it(
    authority: Authority, off_days: int
) -> None:
    stand_in = StandIn()
    async with BadCloud(stand_in, tls=authority.server()) as bad:
        world = World(stand_in, bad)
        world.store.start()
        world.store.facts(5)
        world.clock.trusted = False
        world.clock.off_s = off_days * 86400.0
        async with world.running(tls=authority.trusted()):
            await world.until_link("offline", "tls-clock: ")
            await until(lambda: bool(world.clock.supposed_s))
            assert abs(world.clock.supposed_s[0] - time.time()) < 3
            assert {request.headers.get("authorization") for request in bad.requests} == {None}
            assert world.clock.told == []
            # The clock takes the hint: now the dates fit, and the cloud itself can be asked.
            world.clock.off_s = 0.0
            await world.until_complete()
            assert world.clock.told


@pytest.mark.parametrize("host", ["other.example", "localhost"])
async def test_a_stranger_is_not_asked_for_the_time(authority: Authority, tmp_path: Path, host: str) -> None:
    """Neither one with a certificate of another name, nor one whose authority nobody knows."""
    stand_in = StandIn()
    signer = authority if host == "other.example" else Authority(tmp_path)
    async with BadCloud(stand_in, tls=signer.server(host=host)) as bad:
        world = World(stand_in, bad)
        world.store.start()
        world.clock.trusted = False
        world.clock.off_s = -200 * 86400.0
        async with world.running(tls=authority.trusted()):
            await world.until_link("offline", "tls: ")
        assert (world.clock.supposed_s, bad.requests) == ([], [])


async def test_plain_http_on_a_tls_port_is_a_tls_trouble(world: World, authority: Authority) -> None:
    async with world.running(url=f"https://localhost:{world.bad.port}", tls=authority.trusted()):
        await world.until_link("offline", "tls: ")


def product(name: str, price: object = 100) -> dict[str, object]:
    value = {"id": name, "name": name, "category_id": "c", "price": price}
    return {"kind": "product", "id": name, "version": 1, "value": value}


def applied(world: World) -> list[ApplyMaster]:
    return [command for command in world.office.ordered if isinstance(command, ApplyMaster)]


async def test_master_data_comes_as_it_changes_and_beside_the_replay(world: World) -> None:
    world.cloud.publish(product("p1"))
    # A poll that were not answered when something changes would come too late.
    async with world.running(timing=replace(QUICK, poll_s=300.0, attempt_s_max=600.0, silence_s_max=600.0)):
        await until(lambda: len(applied(world)) == 1)
        assert applied(world)[0].full
        assert applied(world)[0].cursor == "1"
        world.cloud.publish(
            product("p2"), {"kind": "device_revoked", "id": "d1", "version": 2, "value": True}
        )
        await until(lambda: len(applied(world)) == 2)
        assert [change.kind for change in applied(world)[1].changes] == ["product", "device_revoked"]
        # The poll is held at the cloud, and orders go up all the same.
        world.store.facts(10)
        await world.until_complete()
        assert world.bad.in_flight_max["downlink"] == 1
    async with world.running():
        world.cloud.publish(product("p3"))
        await until(lambda: len(applied(world)) == 3)
        assert not applied(world)[2].full


async def test_bad_master_data_is_set_aside_and_the_rest_is_applied(world: World) -> None:
    class Picky(Exception):
        pass

    real = world.office.order

    async def order(command: ApplyMaster, *, target: str = "") -> int:
        for index, change in enumerate(command.changes):
            if change.value and change.value.get("price") == "free":
                raise InvalidRequest.at(f"changes[{index}].value", "price: expected int")
        return await real(command, target=target)

    world.office.order = order  # type: ignore[method-assign, assignment]
    unknown = {"kind": "weather", "id": "w", "version": 1, "value": {}}
    world.cloud.publish(product("p1"), product("p2", "free"), unknown, product("p3"))
    async with world.running():
        await until(lambda: len(applied(world)) == 1)
        assert [change.id for change in applied(world)[0].changes] == ["p1", "p3"]
        # A full list with a piece missing must not delete what the piece may have been.
        assert not applied(world)[0].full
        async with asyncio.timeout(5):
            while len((await world.up.status())["master"]["set_aside"]) != 2:
                await asyncio.sleep(0.01)
        aside = {one["id"]: one["reason"] for one in (await world.up.status())["master"]["set_aside"]}
        assert aside["p2"] == "price: expected int"
        assert "weather" in aside["w"]
        await asyncio.sleep(0.5)
        assert len(world.bad.of("master")) < 10
        world.cloud.publish(product("p2", 300))
        await until(lambda: len(applied(world)) == 2)
        async with asyncio.timeout(5):
            while [one["id"] for one in (await world.up.status())["master"]["set_aside"]] != ["w"]:
                await asyncio.sleep(0.01)


async def test_a_cloud_that_does_not_hold_the_poll_is_not_hammered(world: World) -> None:
    async with world.running():
        world.bad.only = {"master"}
        world.bad.fault = "500"
        await until(lambda: len(world.bad.of("master")) >= 2)
        await asyncio.sleep(1.0)
        assert len(world.bad.of("master")) < 12
        assert "500" in (await world.up.status())["master"]["problem"]
        world.bad.fault = "ok"
        world.cloud.publish(product("p1"))
        await until(lambda: len(applied(world)) == 1)


async def test_a_wrong_setting_is_refused_when_it_is_made(world: World) -> None:
    with pytest.raises(ValueError, match="https"):
        world.make(url="http://cloud.example")
    with pytest.raises(ValueError, match="token"):
        world.make(token="")
