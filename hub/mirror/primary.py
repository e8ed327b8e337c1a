"""A standby's calls to the primary: one keep-alive connection, verified with the store's own authority."""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Final

import httpx
import msgspec

from hub.domain.device import Role
from hub.domain.facts import After

WAIT_S: Final = 5.0
SILENCE_S: Final = 4.0
SPAN: Final = re.compile(r"([0-9]{1,15})-([0-9]{1,15})")


class PrimaryTrouble(Exception):
    """No usable answer; the message is a key and its words. parted: the primary does not know our last entry."""

    def __init__(self, message: str, *, parted: bool = False) -> None:
        super().__init__(message)
        self.parted = parted


class PrimaryClient:
    """url, token: of the primary. own_url: told to it, so that it can ask later who has taken over.

    Not used again after trouble: httpcore (1.0.9) may count a connection for ever whose call was broken off.
    """

    def __init__(self, url: str, token: str, tls: ssl.SSLContext | None, *, own_url: str = "") -> None:
        self.url = url
        # The primary has removed what is before this entry, and the cloud has it.
        self.kept_from = 1
        # Of the primary's journal, as of its last answer.
        self.last_seq = 0
        # What the primary said last that its own journal lacks.
        self.missing: list[tuple[int, int]] = []
        self._http = httpx.AsyncClient(
            base_url=url,
            verify=tls if tls is not None else False,
            headers={"Authorization": f"Bearer {token}", "Storehub-Url": own_url, "User-Agent": "storehub"},
            timeout=httpx.Timeout(SILENCE_S, read=SILENCE_S + WAIT_S),
            trust_env=False,
            follow_redirects=False,
        )

    async def __aenter__(self) -> PrimaryClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def after(self, position: After, *, wait_s: float = WAIT_S) -> list[bytes]:
        """The bytes of the entries that follow; says that everything up to the position is on this disk."""
        answer = await self._get(
            "/v1/copy/entries",
            {"after": f"{position.epoch}:{position.seq}:{position.hash}", "wait": f"{wait_s:g}"},
        )
        self.kept_from = _number(answer.headers.get("storehub-kept-from", ""), 1)
        self.last_seq = _number(answer.headers.get("storehub-last", ""), self.last_seq)
        self.missing = _spans(answer.headers.get("storehub-missing", ""))
        return [line for line in answer.content.split(b"\n") if line]

    async def give(self, lines: list[bytes]) -> int:
        """Send back what the primary lacks; how many entries it took. Raises PrimaryTrouble."""
        try:
            answer = await self._http.post("/v1/copy/missing", content=b"\n".join(lines))
            if answer.status_code != 200:
                raise PrimaryTrouble(
                    f"refused: the primary answers {answer.status_code} {self._slug(answer)}"
                )
            said = msgspec.json.decode(answer.content, type=_Taken)
        except (httpx.HTTPError, ssl.SSLError, msgspec.MsgspecError) as error:
            raise PrimaryTrouble(f"unreachable: {self.url} takes nothing back ({error!r})") from error
        self.missing = _spans(said.missing)
        return said.taken

    async def keys(self, ids: list[str]) -> dict[str, Any]:
        return self._json(await self._get("/v1/copy/keys", {"ids": ",".join(ids)}))

    async def secrets(self) -> dict[str, Any]:
        return self._json(await self._get("/v1/copy/secrets", {}))

    async def pair(self, code: str, name: str, role: Role) -> str | None:
        """The token of another device of this store; None when the primary does not take the code."""
        try:
            # Not in this box's own name: that would make the standby itself the new device.
            answer = await self._http.post(
                "/v1/pairings",
                json={"code": code, "name": name, "role": role},
                headers={"Authorization": ""},
                timeout=SILENCE_S,
            )
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            raise PrimaryTrouble(f"unreachable: {self.url} does not answer ({error!r})") from error
        if answer.status_code == 201:
            return str(self._json(answer)["token"])
        return None

    async def base(self) -> AsyncIterator[bytes]:
        """The journal's file, piece by piece."""
        try:
            async with self._http.stream("GET", "/v1/copy/base", timeout=httpx.Timeout(60.0)) as answer:
                if answer.status_code != 200:
                    raise PrimaryTrouble(f"refused: the primary answers {answer.status_code}")
                async for piece in answer.aiter_bytes(1 << 20):
                    yield piece
        except httpx.HTTPError as error:
            raise PrimaryTrouble(f"unreachable: {error!r}") from error

    async def _get(self, path: str, params: dict[str, str]) -> httpx.Response:
        try:
            answer = await self._http.get(path, params=params)
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            raise PrimaryTrouble(f"unreachable: {self.url} does not answer ({error!r})") from error
        if answer.status_code == 200:
            return answer
        slug = self._slug(answer)
        if answer.status_code == 404:
            raise PrimaryTrouble("parted: the primary does not have this box's last entry", parted=True)
        raise PrimaryTrouble(f"refused: the primary answers {answer.status_code} {slug}")

    @staticmethod
    def _slug(answer: httpx.Response) -> str:
        try:
            return str(answer.json().get("slug", ""))
        except ValueError:
            return ""

    @staticmethod
    def _json(answer: httpx.Response) -> dict[str, Any]:
        try:
            return msgspec.json.decode(answer.content, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise PrimaryTrouble(f"wrong-answer: {error}") from error


def _number(told: str, otherwise: int) -> int:
    """An earlier version of the primary does not tell."""
    return int(told) if told.isascii() and told.isdecimal() else otherwise


class _Taken(msgspec.Struct):
    taken: int
    missing: str


def _spans(text: str) -> list[tuple[int, int]]:
    """'3-5,9-9' as pairs; what is no such list says nothing."""
    return [(int(one), int(two)) for one, two in SPAN.findall(text)]
