"""A box that has a successor stays out: what it believes, what it does not, and what it does then."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest

from hub import boxes
from hub.datadir import DataDir, Identity, Primary, next_term
from hub.mirror import rival
from hub.mirror.rival import Rivals
from hub.upstream.classify import from_answer

KEY = "ab" * 32


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path)
    data.keep_identity(Identity("h1", "0000aaaa", KEY, term=5))
    return data


def said(
    monkeypatch: pytest.MonkeyPatch,
    *,
    key: str = KEY,
    box: str = "0000bbbb",
    role: str = "primary",
    term: int = 6,
) -> None:
    """What a box at any address answers: really signed with the key, whoever holds it."""
    import hmac

    async def get(url: str) -> bytes:
        challenge = url.rpartition("=")[2]
        words = f"storehub-term-1:{challenge}:h1:{box}:{term}:{role}"
        proof = hmac.digest(bytes.fromhex(key), words.encode(), "sha256").hex()
        return msgspec.json.encode({"id": "h1", "box": box, "role": role, "term": term, "proof": proof})

    monkeypatch.setattr(rival, "get", get)


async def test_a_box_that_meets_its_successor_stays_out_for_ever(
    data: DataDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.note_peer("http://10.0.0.2:8443")
    said(monkeypatch)
    assert await boxes.taken_over(data)
    assert DataDir(data.path).role == "superseded"
    assert data.successor().box == "0000bbbb"


@pytest.mark.parametrize(
    "claim",
    [{"key": "cd" * 32}, {"term": 5}, {"term": 4}, {"role": "standby"}, {"box": "0000aaaa"}],
    ids=["another key", "same term", "older", "standby", "itself"],
)
async def test_nobody_else_can_put_it_out_of_service(
    data: DataDir, monkeypatch: pytest.MonkeyPatch, claim: dict[str, str]
) -> None:
    data.note_peer("http://10.0.0.2:8443")
    said(monkeypatch, **claim)  # type: ignore[arg-type]
    assert not await boxes.taken_over(data)
    assert data.role == "primary"


async def test_an_address_where_nobody_answers_takes_no_time(data: DataDir) -> None:
    found = Rivals(hub_id="h1", box="0000aaaa", key=bytes.fromhex(KEY))
    assert await found.first(["http://127.0.0.1:1", "nonsense", "http://[::1]:1"]) == []


def test_only_the_cloud_that_names_another_box_says_superseded() -> None:
    def trouble(body: dict[str, str]) -> str:
        answer = from_answer(
            401,
            httpx.Headers({"content-type": "application/problem+json"}),
            msgspec.json.encode(body),
            host="cloud",
            now=datetime.now(UTC),
        )
        assert answer is not None
        return answer.successor

    assert trouble({"slug": "superseded", "box": "b2"}) == "b2"
    assert trouble({"slug": "superseded"}) == ""
    assert trouble({"slug": "unauthenticated", "box": "b2"}) == ""


def test_a_promotion_that_breaks_off_leaves_a_standby(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    data.follow(Primary("http://10.0.0.1:8443", "", "t", "d1", "0000cccc", {"store_id": "s1"}))
    with monkeypatch.context() as broken:
        broken.setattr(DataDir, "begin_restored", lambda *_: (_ for _ in ()).throw(OSError("disk")))
        with pytest.raises(OSError, match="disk"):
            data.promote()
    assert data.role == "standby"
    data.promote()
    assert (data.role, data.start_reason) == ("primary", "promote")
    known = data.known_identity()
    assert known is not None
    assert known.term > 5
    assert data.store_settings() == {"store_id": "s1"}


def test_a_term_grows_whatever_the_clock_says() -> None:
    far = 2**40
    assert next_term(far) == far + 1
    assert next_term(1) > 1
