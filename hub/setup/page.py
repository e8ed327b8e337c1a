"""The first-run page: served in front of the hub while nobody has set it up, and gone afterwards.

Whoever opens it has to type a code that only the console of the box shows: on its login screen, in its journal, and by
`storehub setup --code`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from hub.api.asgi import Receive, Scope, Send, header, invalid, read_body, send_answer, unreadable
from hub.api.caller import address_of, same_origin
from hub.api.edge import Edge
from hub.api.web import SECURITY_HEADERS, assets
from hub.api.writes import send_problem
from hub.datadir import DataDir
from hub.domain.errors import Forbidden, HubError, Internal, NotFound, PairingCodeInvalid, PayloadTooLarge
from hub.service.box import Box
from hub.service.doorman import CODE_LENGTH, CODE_SIGNS, Throttle
from hub.setup.answers import Answers, ask_cloud, stands_in_the_way, wrong
from hub.setup.files import FilesError, write

log = logging.getLogger(__name__)

BODY_BYTES_MAX: Final = 8 * 1024
# So that the page has its answer before the hub ends; whoever started it starts it again.
LEAVES_AFTER_S: Final = 0.5
# For the manager, who may be on the way.
PAIRING_MINUTES: Final = 60
# The page itself, and what opens when somebody types the box's address.
_PAGES: Final = ("/setup", "/", "/console")

Text = Annotated[str, Meta(max_length=500)]


class Asked(Struct, forbid_unknown_fields=True):
    """code: the one of the console. answers: those so far; unreached: take them though the cloud does not answer."""

    code: Annotated[str, Meta(max_length=64)]
    answers: dict[str, Text] = {}
    unreached: bool = False


class FirstRun:
    """One for the life of the process. `gone` takes away what the console shows."""

    def __init__(self, config: Path, folder: DataDir, environment: Mapping[str, str] = os.environ) -> None:
        self._config = config
        self._folder = folder
        self._code = "".join(secrets.choice(CODE_SIGNS) for _ in range(CODE_LENGTH))
        self._throttle = Throttle()
        runtime = environment.get("RUNTIME_DIRECTORY")
        self._issue = Path(runtime) / "issue" if runtime else None
        self._note = folder.setup_note
        self._showing = False

    @property
    def shown(self) -> str:
        return f"{self._code[:5]}-{self._code[5:]}"

    def stand_before(self, app: Edge, box: Box, leave: Callable[[], None]) -> Edge:
        """The application with the page in front of it; `leave` ends the hub once it is set up."""
        if box.core.state.devices.committed:
            return app
        self._show(box.facing.base_url)
        return _Door(app, box, self, leave)

    def _show(self, url: str) -> None:
        self._showing = True
        with suppress(OSError):
            handle = os.open(self._note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w") as note:
                json.dump({"code": self.shown, "url": f"{url}/setup"}, note)
            if self._issue is not None:
                port = url.rpartition(":")[2]
                # agetty puts the address of the moment in the place of \\4.
                self._issue.write_text(
                    f"This storehub is not set up. Open https://\\4:{port}/setup and type {self.shown}\n\n"
                )
        log.warning("not set up: open %s/setup and type the code %s, or run: storehub setup", url, self.shown)

    def gone(self) -> None:
        for path in (self._note, self._issue):
            if path is not None and self._showing:
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def check(self, code: str, address: str) -> None:
        """Raises PairingCodeInvalid or TooManyRequests."""
        self._throttle.check(address)
        if not secrets.compare_digest(
            code.upper().replace("-", "").replace(" ", "").encode(), self._code.encode()
        ):
            self._throttle.wrong(address)
            raise PairingCodeInvalid
        self._throttle.right(address)

    def take(self, answers: Answers) -> None:
        """Raises FilesError."""
        write(self._config, answers, os.environ)
        self.gone()

    async def cloud(self, answers: Answers, language: str) -> tuple[dict[str, str] | None, bool]:
        """What the cloud says, and whether it is a refusal."""
        from hub.doctor.texts import advice, detail

        found = await asyncio.to_thread(ask_cloud, answers, self._folder)
        if found is None:
            return None, False
        said = {"state": found.state, "text": detail(found, language), "advice": advice(found, language)}
        return said, stands_in_the_way(found)


class _Door(Edge):
    """Answers for /setup and the pages; everything else is the hub's. Shut for good by the first device or set-up."""

    def __init__(self, inner: Edge, box: Box, first_run: FirstRun, leave: Callable[[], None]) -> None:
        self.writes = inner.writes
        self._inner = inner
        self._box = box
        self._first_run = first_run
        self._leave = leave
        self._done = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        mine = path in _PAGES or path.startswith("/setup/")
        if not mine or self._done or self._box.core.state.devices.committed:
            await self._inner(scope, receive, send)
            return
        try:
            if method in ("GET", "HEAD"):
                await self._show(scope, send)
            elif method == "POST" and path == "/setup":
                await self._act(scope, receive, send)
            else:
                raise NotFound(kind="address", id=path)
        except HubError as error:
            await send_problem(scope, send, self._box, error)

    async def _show(self, scope: Scope, send: Send) -> None:
        path = scope["path"]
        headers = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
        if path in ("/", "/console"):
            await send_answer(send, 307, [*headers, (b"location", b"/setup")], b"")
            return
        name = "setup.html" if path == "/setup" else path.removeprefix("/setup/assets/")
        found = assets("hub.setup").get(name)
        if found is None:
            raise NotFound(kind="address", id=path)
        etag = found.etag.encode()
        headers += [(b"content-type", found.media_type.encode()), (b"etag", etag)]
        if header(scope, b"if-none-match") == etag:
            await send_answer(send, 304, headers, b"")
        else:
            await send_answer(send, 200, headers, found.body if scope["method"] == "GET" else b"")

    async def _act(self, scope: Scope, receive: Receive, send: Send) -> None:
        """With no answers: is the code right? With answers: check them, and take them when nothing is wrong."""
        origin, site, host = (header(scope, name) or b"" for name in (b"origin", b"sec-fetch-site", b"host"))
        if not same_origin(scope, origin=origin, site=site, host=host):
            raise Forbidden(role="page of another origin")
        asked = await _read(scope, receive)
        self._first_run.check(asked.code, address_of(scope))
        if not asked.answers:
            await _reply(send, {"hub_id": self._box.identity.hub_id, "timezone": self._box.timezone})
            return
        try:
            answers = msgspec.convert({"store_id": "", "store_name": "", **asked.answers}, Answers)
        except msgspec.ValidationError as error:
            raise invalid(error) from error
        if bad := wrong(answers):
            await _reply(send, {"wrong": bad})
            return
        language = "ja" if (header(scope, b"accept-language") or b"").lower().startswith(b"ja") else "en"
        said, refused = await self._first_run.cloud(answers, language)
        if refused or (said is not None and said["state"] != "ok" and not asked.unreached):
            await _reply(send, {"cloud": said, "refused": refused})
            return
        await _reply(send, {"cloud": said, "pairing": await self._take(answers)})
        asyncio.get_running_loop().call_later(LEAVES_AFTER_S, self._leave)

    async def _take(self, answers: Answers) -> dict[str, Any]:
        from hub.api.routes.devices import new_code

        try:
            self._first_run.take(answers)
        except FilesError as error:
            log.error("%s", error)
            raise Internal from error
        self._done = True
        log.warning("set up as store %s; starting again with it", answers.store_id)
        return await new_code(self._box, "manager", PAIRING_MINUTES)


async def _read(scope: Scope, receive: Receive) -> Asked:
    body = await read_body(receive)
    if len(body) > BODY_BYTES_MAX:
        raise PayloadTooLarge(limit_bytes=BODY_BYTES_MAX)
    try:
        return msgspec.json.decode(body, type=Asked)
    except msgspec.ValidationError as error:
        raise invalid(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(scope, error) from error


async def _reply(send: Send, content: Any) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send_answer(send, 200, headers, msgspec.json.encode(content))
