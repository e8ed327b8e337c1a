from __future__ import annotations

import asyncio
import json
from time import time

import httpx
import pytest
from cloudkit import OPERATOR, Cloud, HubClient

from cloud import hubs
from cloud.errors import SetupError


@pytest.fixture
async def http(cloud: Cloud) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(cloud.app), base_url="http://cloud")


async def test_no_token_or_a_wrong_one(hub: HubClient) -> None:
    for value in ("", "Bearer ", "Bearer nonsense", "Basic abc", "Bearer é"):
        for method, path in (("GET", "cursor"), ("POST", "entries"), ("GET", "totals/2026-08-01")):
            answer = await hub.http.request(method, path, headers={"Authorization": value.encode()})
            assert (answer.status_code, answer.json()["slug"]) == (401, "unauthenticated"), (value, path)
            assert answer.headers["content-type"] == "application/problem+json"


async def test_a_token_opens_its_own_hub_only(cloud: Cloud) -> None:
    one, token = cloud.add_hub()
    two, _ = cloud.add_hub()
    async with cloud.client(one, token) as right, cloud.client(two, token) as wrong:
        assert (await right.http.get("cursor")).status_code == 200
        for answer in (
            await wrong.http.get("cursor"),
            await wrong.http.post("entries"),
            await wrong.open("e", {}),
        ):
            assert (answer.status_code, answer.json()["slug"]) == (403, "forbidden")


async def test_tokens_are_kept_as_digests_only(cloud: Cloud) -> None:
    _, token = cloud.add_hub()
    row = cloud.database.read(lambda session: session.one("token", digest=hubs._digest(token)))
    assert row is not None
    assert token not in repr(row)


async def test_a_successors_first_call_ends_its_predecessor(cloud: Cloud) -> None:
    hub_id, old = cloud.add_hub()
    async with cloud.client(hub_id, old) as first:
        assert (await first.http.get("cursor")).status_code == 200
        assert cloud.add_hub(hub=hub_id)[0] == hub_id
        _, new = cloud.add_hub(hub=hub_id)
        # Given out, but not used yet: the old box goes on.
        assert (await first.http.get("cursor")).status_code == 200
        async with cloud.client(hub_id, new) as second:
            said = {"Storehub-Status": '{"box":"b2"}'}
            assert (await second.http.get("cursor", headers=said)).status_code == 200
            await cloud.desk.overview()  # What was heard is written down.
            answer = await first.http.get("cursor")
            assert (answer.status_code, answer.json()["slug"]) == (401, "superseded")
            assert answer.json()["box"] == "b2"
            assert (await first.http.post("entries")).status_code == 401
            assert (await second.http.get("cursor")).status_code == 200


async def test_a_token_taken_back_ends_at_once(cloud: Cloud) -> None:
    hub_id, token = cloud.add_hub()
    async with cloud.client(hub_id, token) as hub:
        assert (await hub.http.get("cursor")).status_code == 200
        assert cloud.database.write(lambda session: hubs.revoke(session, hub_id, time())) == 1
        assert (await hub.http.get("cursor")).status_code == 401


async def test_a_hub_keeps_its_store(cloud: Cloud) -> None:
    hub_id, _ = cloud.add_hub("s1")
    for store, hub in (("s2", hub_id), ("s1", "no spaces"), ("", None), ("x" * 65, None)):
        with pytest.raises(SetupError):
            cloud.add_hub(store, hub)


async def test_the_operator_sees_who_is_silent(cloud: Cloud, http: httpx.AsyncClient) -> None:
    cloud.add_hub("s0")
    heard, silent = cloud.hub("s1"), cloud.hub("s2")
    async with heard, silent:
        journal = await heard.started(2)
        status = {"version": "0.1.0", "unsent": 12, "clock": {"trusted": True}, "name": "渋谷"}
        await heard.http.get("cursor", headers={"Storehub-Status": json.dumps(status)})
        # Later calls without a status, or with nonsense, leave the last one in place.
        await heard.http.get("cursor")
        await heard.http.get("cursor", headers={"Storehub-Status": "{" + "x" * 5000})
        await heard.set_aside(journal.add("e1"), reason="poison")
        await silent.cursor()
        await cloud.desk.overview()
        _age(cloud, silent.hub_id)
        answer = await http.get("/v1/stores", headers={"Authorization": f"Bearer {OPERATOR}"})
    assert answer.status_code == 200
    stores = {store["store_id"]: store["hubs"][0] for store in answer.json()["stores"]}
    assert stores["s0"]["state"] == "never_heard"
    assert stores["s0"]["last_heard_s_ago"] is None
    assert stores["s1"]["state"] == "heard"
    assert stores["s1"]["status"] == status
    assert stores["s1"]["cursor"]["seq"] == 3
    assert stores["s1"]["quarantined"] == [{"seq": 3, "reason": "poison"}]
    assert stores["s2"]["state"] == "silent"
    assert stores["s2"]["last_heard_s_ago"] > hubs.SILENT_AFTER_S


def _age(cloud: Cloud, hub_id: str) -> None:
    num = cloud.database.read(lambda session: session.one("hub", hub_id=hub_id))[0]  # type: ignore[index]
    at = time() - hubs.SILENT_AFTER_S - 1

    def job(session: object) -> None:
        session._connection.execute(f"UPDATE contacts SET heard_at = {at} WHERE hub = {num}")  # noqa: S608  # type: ignore[attr-defined]

    cloud.database.write(job)


async def test_the_overview_is_for_the_operator(hub: HubClient, http: httpx.AsyncClient) -> None:
    for value in ("", "Bearer wrong", hub.http.headers["Authorization"]):
        answer = await http.get("/v1/stores", headers={"Authorization": value})
        assert (answer.status_code, answer.json()["slug"]) == (403, "operator-only")


async def test_health(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz")).json() == {"status": "ok"}


async def test_too_many_at_once_are_told_to_come_again(
    hub: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloud.desk._JOBS_MAX", 1)
    answers = await asyncio.gather(*(hub.http.get("cursor") for _ in range(20)))
    refused = [answer for answer in answers if answer.status_code == 503]
    assert refused
    assert {answer.headers["Retry-After"] for answer in refused} == {"1"}
    assert (await hub.http.get("cursor")).status_code == 200
