from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
import zlib

import httpx
import pytest
import zstandard
from cloudchains import DAY, NO_HASH, ORDER, SALE, START, Journal, lines
from cloudkit import REFUSED, Cloud, HubClient

from cloud import chain, codec
from cloud.errors import TooLarge
from cloud.model import Epoch


async def test_a_new_hub_is_at_the_start(hub: HubClient) -> None:
    assert await hub.cursor() == START


@pytest.mark.parametrize("encoding", ["zstd", "gzip", "identity"])
async def test_entries_come_back_byte_for_byte(hub: HubClient, encoding: str) -> None:
    journal = await hub.started(0)
    journal.add("e1", name="生ビール")
    journal.add("e1", type="x.somebody.unknown.v1", anything=[1, {"a": None}])
    journal.grow("e1", 300)
    answer = await hub.post(journal.entries, encoding=encoding)
    assert (answer.status_code, answer.json()) == (200, journal.end)
    assert await hub.cursor() == journal.end
    assert await hub.entries() == [entry.body for entry in journal.entries]
    assert await hub.entries(limit=7) == [entry.body for entry in journal.entries]
    assert await hub.entries(after="e1:299") == [entry.body for entry in journal.entries[299:]]


async def test_what_it_has_already_is_passed_over(hub: HubClient) -> None:
    journal = await hub.started(10)
    assert (await hub.post(journal.entries)).json() == journal.end
    assert (await hub.post(journal.entries[2:5])).json() == journal.end
    journal.grow("e1", 5)
    assert (await hub.post(journal.entries[3:])).json() == journal.end
    assert len(await hub.entries()) == 15


async def test_an_empty_batch_changes_nothing(hub: HubClient) -> None:
    journal = await hub.started(3)
    assert (await hub.post_raw(b"", epoch="e1", first=4)).json() == journal.end


async def test_a_gap_is_a_conflict_with_the_cursor(hub: HubClient) -> None:
    journal = await hub.started(3)
    end = journal.end
    journal.grow("e1", 3)
    answer = await hub.post(journal.entries[4:])
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert {name: answer.json()[name] for name in ("epoch", "seq", "hash")} == end
    assert await hub.cursor() == end


async def test_a_prevhash_that_does_not_fit_is_a_conflict(hub: HubClient) -> None:
    journal = await hub.started(3)
    other = Journal()
    other.grow("e1", 3, note="another history")
    other.grow("e1", 2)
    answer = await hub.post(other.entries[3:])
    assert (answer.status_code, answer.json()["seq"]) == (409, 3)
    assert len(await hub.entries()) == len(journal.entries)


async def test_another_entry_at_a_seq_it_has_is_a_conflict(hub: HubClient) -> None:
    journal = await hub.started(3)
    other = journal.cut(2)
    other.grow("e1", 2, note="another")
    for batch in (other.entries, other.entries[:3], other.entries[2:3]):
        answer = await hub.post(batch)
        assert (answer.status_code, answer.json()["hash"]) == (409, journal.end["hash"])
    assert await hub.cursor() == journal.end


async def test_a_break_inside_the_batch_keeps_what_is_before_it(hub: HubClient) -> None:
    journal = await hub.started(2)
    journal.grow("e1", 3)
    forged = Journal([*journal.entries])
    forged.entries[-1] = forged.entries[0]
    broken = forged.add("e1")  # Its prevhash is that of another entry.
    answer = await hub.post([*journal.entries, broken])
    assert (answer.status_code, answer.json()["seq"]) == (409, 5)
    assert await hub.cursor() == journal.end


@pytest.mark.parametrize(
    "bad",
    [
        b"{", b"", b"[]", b"null", b"\xff\xfe", b'{"seq":3}', b"<html></html>", b"[" * 100_000,
        b'{"seq":3,"epoch":"e1","prevhash":"","type":"x","businessdate":"2026-08-01","data":[]}',
        b'{"seq":3,"epoch":"e1","prevhash":"","type":"x","businessdate":"2026-08-01"}',
        b'{"seq":3,"epoch":"e1","prevhash":"","type":"x","businessdate":"today","data":{}}',
        b'{"seq":"3","epoch":"e1","prevhash":"","type":"x","businessdate":"2026-08-01","data":{}}',
        b'{"seq":7,"epoch":"e1","prevhash":"","type":"x","businessdate":"2026-08-01","data":{}}',
        b'{"seq":3,"epoch":"e9","prevhash":"","type":"x","businessdate":"2026-08-01","data":{}}',
        b'{"seq":3,"epoch":"e1","prevhash":"","type":"storehub.sale.completed.v1","businessdate":"2026-08-01","data":{}}',
        b'{"seq":3,"epoch":"e1","prevhash":"","type":"storehub.sale.completed.v1","businessdate":"2026-08-01","data":{"total":1e99}}',
        b'{"seq":3,"epoch":"e1","prevhash":"","type":"storehub.sale.voided.v1","businessdate":"2026-08-01","data":{"total":9999999999999}}',
        b'{"seq":3,"epoch":"e1","prevhash":"","type":"x","businessdate":"2026-08-01","data":{"s":"\xe3\x81"}}',
    ],
)  # fmt: skip
def test_poison_is_found_where_it_stands(bad: bytes) -> None:
    journal = Journal()
    journal.grow("e1", 4)
    body = lines(journal.entries[:2]) + bad + b"\n" + lines(journal.entries[3:])
    batch = chain.verify(Epoch("e1"), 1, codec.decode_lines(body, ""))
    assert [row.body for row in batch.rows] == [entry.body for entry in journal.entries[:2]]
    assert batch.refusal is not None
    assert batch.refusal.seq == 3
    assert batch.refusal.reason


async def test_a_poison_record_is_named_and_those_before_it_are_kept(hub: HubClient) -> None:
    journal = await hub.started(0)
    journal.grow("e1", 2)
    end = journal.end
    journal.grow("e1", 2)
    body = lines(journal.entries[:2]) + b'{"seq":3}\n' + lines(journal.entries[3:])
    answer = await hub.post_raw(body, epoch="e1", first=1)
    assert (answer.status_code, answer.json()["seq"]) == (422, 3), answer.text
    assert answer.json()["reason"]
    assert answer.json()["cursor"] == end
    assert await hub.cursor() == end


async def test_nothing_is_refused_that_came_damaged(hub: HubClient) -> None:
    """The checksum stands behind all entries: a byte that the line changed must not look like a bad entry."""
    journal = await hub.started(0)
    journal.grow("e1", 2)
    body = lines(journal.entries[:1]) + b'{"seq":2}\n'
    packed = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(body))
    packed[-1] ^= 1
    headers = {"Content-Encoding": "zstd", "Storehub-Epoch": "e1", "Storehub-First-Seq": "1"}
    answer = await hub.http.post("entries", content=bytes(packed), headers=headers)
    assert answer.status_code == 400, answer.text
    assert (await hub.cursor())["seq"] == 0


def test_lines_are_the_same_however_they_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    body = "一\n\n二三四\n五".encode()
    packed = zstandard.ZstdCompressor(write_checksum=True).compress(body)
    for step in range(1, len(body) + 1):
        monkeypatch.setattr(codec, "_STEP", step)
        assert list(codec.decode_lines(packed, "zstd")) == body.split(b"\n")


async def test_an_oversized_entry_is_poison(hub: HubClient) -> None:
    journal = await hub.started(1)
    journal.add("e1", pad="x" * chain.ENTRY_BYTES_MAX)
    answer = await hub.post(journal.entries)
    assert (answer.status_code, answer.json()["seq"]) == (422, 2)


async def test_a_type_refused_by_the_settings_is_poison(hub: HubClient) -> None:
    journal = await hub.started(0)
    journal.add("e1")
    journal.add("e1", type=REFUSED)
    answer = await hub.post(journal.entries)
    assert (answer.status_code, answer.json()["seq"]) == (422, 2)
    assert REFUSED in answer.json()["reason"]


async def test_entries_before_their_epoch_was_opened_are_a_conflict(hub: HubClient) -> None:
    journal = Journal()
    journal.grow("e1", 2)
    answer = await hub.post(journal.entries)
    assert (answer.status_code, answer.json()["seq"], answer.json()["hash"]) == (409, 0, NO_HASH)


def _bomb(encoding: str, mebibytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31) if encoding == "gzip" else zstandard.ZstdCompressor().compressobj()
    part = b"\0" * 2**20
    return b"".join([*(packer.compress(part) for _ in range(mebibytes)), packer.flush()])


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_is_never_unpacked_as_a_whole(encoding: str) -> None:
    bomb = _bomb(encoding, 256)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            list(codec.decode_lines(bomb, encoding))
        assert tracemalloc.get_traced_memory()[1] < 2 * codec.DECODED_BYTES_MAX + 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_a_bomb_is_too_large(hub: HubClient, encoding: str) -> None:
    await hub.started(1)
    headers = {"Content-Encoding": encoding, "Storehub-Epoch": "e1", "Storehub-First-Seq": "2"}
    answer = await hub.http.post("entries", content=_bomb(encoding, 33), headers=headers)
    assert answer.status_code == 413
    # Many small frames are one body too.
    answer = await hub.http.post(
        "entries",
        content=b"".join(zstandard.compress(b"\0" * 2**20) for _ in range(40)),
        headers={**headers, "Content-Encoding": "zstd"},
    )
    assert answer.status_code == 413


async def test_too_many_lines_or_bytes_are_too_large(hub: HubClient) -> None:
    await hub.started(1)
    assert (await hub.post_raw(b"\n" * (codec.LINES_MAX + 1), epoch="e1", first=2)).status_code == 413
    big = b"x" * (codec.ENCODED_BYTES_MAX + 1)
    assert (await hub.post_raw(big, epoch="e1", first=2, encoding="identity")).status_code == 413


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_a_body_cut_short_blames_no_entry(hub: HubClient, encoding: str) -> None:
    journal = await hub.started(0)
    journal.grow("e1", 50)
    packed = (gzip.compress if encoding == "gzip" else zstandard.compress)(lines(journal.entries))
    for size in (len(packed) - 1, len(packed) // 2, 3):
        answer = await hub.http.post(
            "entries", content=packed[:size],
            headers={"Content-Encoding": encoding, "Storehub-Epoch": "e1", "Storehub-First-Seq": "1"},
        )  # fmt: skip
        assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")
    assert await hub.cursor() == START


async def test_wrong_forms_are_refused_whole(hub: HubClient) -> None:
    journal = await hub.started(1)
    more = journal.grow("e1", 1)
    for headers in ({"Storehub-Epoch": ""}, {"Storehub-First-Seq": "x"}, {"Storehub-First-Seq": "-1"}):
        assert (await hub.post(more, headers=headers)).status_code == 400
    answer = await hub.post(more, encoding="identity", headers={"Content-Encoding": "br"})
    assert answer.status_code == 415
    for path in ("entries?after=x", "entries?after=e1:x", "totals/2026-13-01", "totals/2026-08-01?upto=1"):
        assert (await hub.http.get(path)).status_code == 400, path
    assert (await hub.http.get("nothing")).status_code == 404
    answer = await hub.http.get("entries?after=other:1")
    assert (answer.status_code, answer.json()["seq"]) == (409, 1)


async def test_hubs_do_not_mix(cloud: Cloud) -> None:
    async with cloud.hub() as one, cloud.hub() as two:
        journal = await one.started(5)
        other = await two.started(3, epoch="f1")
        assert await one.cursor() == journal.end
        assert await two.cursor() == other.end
        assert [json.loads(body)["epoch"] for body in await two.entries()] == ["f1"] * 3


async def test_posts_that_overlap_in_time_leave_one_chain(hub: HubClient) -> None:
    journal = await hub.started(0)
    journal.grow("e1", 200)

    async def replay(step: int) -> None:
        while (at := (await hub.cursor())["seq"]) < 200:
            answer = await hub.post(journal.entries[at : at + step])
            assert answer.status_code in (200, 409)

    await asyncio.gather(*(replay(step) for step in (7, 11, 13, 50)))
    assert await hub.entries() == [entry.body for entry in journal.entries]


async def test_set_aside_and_filled(hub: HubClient) -> None:
    journal = await hub.started(2)
    bad = journal.add("e1", type=REFUSED, total=5)
    journal.add("e1", type=SALE, total=300)
    assert (await hub.post(journal.entries)).json()["seq"] == 3
    answer = await hub.set_aside(bad)
    assert (answer.status_code, answer.json()) == (200, bad.position)
    assert (await hub.set_aside(bad)).json() == bad.position
    assert (await hub.post(journal.entries[3:])).json() == journal.end
    # A batch that begins before the hole is passed over up to it and beyond it.
    assert (await hub.post([journal.entries[0], journal.entries[1]])).json() == journal.end
    assert await hub.entries() == [e.body for e in journal.entries if e is not bad]
    assert (await hub.totals(DAY))["entries"] == 3
    # Refused still, so the hole stays.
    assert (await hub.fill(bad)).status_code == 422


async def test_a_hole_is_filled_only_with_its_own_bytes(cloud: Cloud, hub: HubClient) -> None:
    journal = await hub.started(2)
    late = journal.add("e1", type=SALE, total=500)
    journal.grow("e1", 2)
    assert (await hub.set_aside(late)).json() == late.position
    assert (await hub.post(journal.entries[3:])).json() == journal.end
    assert (await hub.totals(DAY)) == {
        "entries": 4, "sales": 0, "total": 0, "last_seq": 5, "hash": journal.end["hash"]
    }  # fmt: skip
    assert (await hub.fill(late, body=late.body + b" ")).status_code == 400
    assert (await hub.fill(journal.entries[0])).status_code == 404
    assert (await hub.fill(late)).json() == journal.end
    assert (await hub.fill(late)).json() == journal.end
    assert await hub.entries() == [entry.body for entry in journal.entries]
    assert (await hub.totals(DAY))["total"] == 500
    assert (await hub.post(journal.entries)).json() == journal.end


async def test_only_the_next_entry_can_be_set_aside(hub: HubClient) -> None:
    journal = await hub.started(2)
    journal.grow("e1", 2)
    answer = await hub.set_aside(journal.entries[3])
    assert (answer.status_code, answer.json()["seq"]) == (409, 2)
    # Had already, the very entry: nothing to set aside, and no harm in asking.
    assert (await hub.set_aside(journal.entries[1])).json()["seq"] == 2
    other = Journal()
    other.grow("e9", 3)
    assert (await hub.set_aside(other.entries[2])).status_code == 409


async def test_totals_of_a_day(hub: HubClient) -> None:
    journal = await hub.started(0)
    journal.add("e1", type=ORDER, total=999, day="2026-07-31")
    first = journal.add("e1", type=SALE, total=1000)
    journal.add("e1", type=SALE, total=250)
    journal.add("e1", type="storehub.sale.voided.v1", total=250)
    refund = journal.add("e1", type="storehub.sale.refunded.v1", total=100)
    journal.add("e1", type=SALE, total=70, day="2026-08-02")
    last = journal.add("e1", type=ORDER, total=5)
    assert (await hub.post(journal.entries)).status_code == 200
    assert await hub.totals(DAY) == {"entries": 5, "sales": 2, "total": 900, "last_seq": 7, "hash": last.hash}
    assert await hub.totals(DAY, "e1:6") == {
        "entries": 4, "sales": 2, "total": 900, "last_seq": 5, "hash": refund.hash
    }  # fmt: skip
    assert await hub.totals(DAY, "e1:2") == {
        "entries": 1, "sales": 1, "total": 1000, "last_seq": 2, "hash": first.hash
    }  # fmt: skip
    assert await hub.totals("2026-08-02") == {
        "entries": 1, "sales": 1, "total": 70, "last_seq": 6, "hash": journal.entries[5].hash
    }  # fmt: skip
    nothing = {"entries": 0, "sales": 0, "total": 0, "last_seq": 0, "hash": NO_HASH}
    assert await hub.totals("2026-08-03") == nothing
    assert await hub.totals(DAY, "e1:0") == nothing
    answer = await hub.http.get(f"totals/{DAY}?upto=e9:3")
    assert (answer.status_code, answer.json()["seq"]) == (409, 7)


async def test_the_document_names_every_route(cloud: Cloud) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(cloud.app), base_url="http://cloud") as http:
        paths = (await http.get("/openapi.json")).json()["paths"]
    assert "post" in paths["/v1/hubs/{hub_id}/entries"]
