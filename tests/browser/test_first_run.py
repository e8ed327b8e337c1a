"""A new box, set up in the browser: the code of its console, the store, the cloud that is asked, the QR code."""

from __future__ import annotations

import asyncio
import json
import os
import re
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.ports import free_port
from tests.support.rig import Program, run

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

EXAMPLE = Path(__file__).parents[2] / "deploy/storehub.toml.example"
# Pictures for a person to look at are kept when a folder is named.
SHOTS = os.environ.get("STOREHUB_SHOTS")


class Service:
    """The hub as systemd runs it: started again whenever it ends."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "storehub.toml"
        self.config.write_text(EXAMPLE.read_text())
        self.data = folder / "data"
        self.url = f"https://127.0.0.1:{free_port()}"
        where = ["--config", str(self.config), "--data", str(self.data), "--host", "127.0.0.1", "--no-mdns"]
        self._command = ["hub", "run", *where, "--port", self.url.rpartition(":")[2]]
        self._log = folder / "hub.log"
        self.program = Program(self._command, self._log)
        self.starts = 0
        self._keeping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Service:
        await self._start()
        self._keeping = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._keeping is not None
        self._keeping.cancel()
        await asyncio.gather(self._keeping, return_exceptions=True)
        await self.program.stop()

    async def _start(self) -> None:
        env = self.config.with_name("storehub.env")
        if env.exists():
            # Settings on the command line stand for systemd's EnvironmentFile.
            token = env.read_text().strip().partition("=")[2]
            self._command += ["--cloud-token", token]
        self.program = Program(self._command, self._log)
        await self.program.start()
        self.starts += 1

    async def _keep(self) -> None:
        while True:
            process = self.program.process
            assert process is not None
            assert await process.wait() == 0
            await self._start()

    def shown(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.data / "setup.json").read_text())
        return found


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with Service(tmp_path) as service:
        yield service


@pytest_asyncio.fixture(loop_scope="session")
async def cloud(tmp_path: Path) -> AsyncIterator[tuple[str, str]]:
    """Its address and its database."""
    database = f"sqlite:///{tmp_path / 'cloud.db'}"
    program = Program(["cloud", "run", "--db", database, "--port", "0"], tmp_path / "cloud.log")
    url = (await program.start()).split()[2]
    yield url, database
    await program.stop()


async def shot(page: Any, name: str) -> None:
    if SHOTS:
        await page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


async def test_a_box_is_set_up_and_the_page_is_gone(
    service: Service, cloud: tuple[str, str], open_page: Any
) -> None:
    page = await open_page(service.url, ignore_https_errors=True, locale="ja-JP")
    page.complaints.expect(
        "403", "net::ERR_CONNECTION_REFUSED", "net::ERR_CONNECTION_RESET", "net::ERR_EMPTY"
    )
    assert page.url == f"{service.url}/setup"
    await page.locator("#code:focus").wait_for()
    await shot(page, "code-ja")
    await page.fill("#code", "AAAAA-AAAAA")
    await page.press("#code", "Enter")
    await page.get_by_text("いまボックスに表示されているコードと違います").wait_for()
    await page.fill("#code", service.shown()["code"].lower())
    await page.press("#code", "Enter")

    await page.locator("#store_name:focus").wait_for()
    hub_id = await page.inner_text("#hub-id")
    token = re.search(
        r"token=(\S+)",
        await run("cloud", "hub", "add", "--store", "shibuya", "--hub", hub_id, "--db", cloud[1]),
    )
    assert token is not None
    # Wrong in three fields, each said where it is.
    await page.fill("#store_id", "no id")
    await page.fill("#cloud_url", cloud[0])
    await page.click("#finish")
    await page.locator("#store_name-wrong:not(:empty)").wait_for()
    assert await page.locator("[aria-invalid=true]").count() == 3
    await shot(page, "wrong-ja")
    await page.fill("#store_name", "炭火やきとり 渋谷店")
    await page.fill("#store_id", "shibuya")
    # The cloud refuses the token: that is no line that is down, so there is no way around it.
    await page.fill("#cloud_token", "not-the-token")
    await page.click("#finish")
    await page.locator("#cloud-says .notice.red").wait_for()
    assert await page.locator("#anyway").is_hidden()
    await shot(page, "refused-ja")
    await page.click("#language")
    await page.get_by_text("Which store is this?").wait_for()
    assert await page.locator("#cloud-says").inner_text() == ""
    await page.fill("#cloud_token", token[1])
    await page.click("#finish")

    await page.locator("#done").wait_for()
    assert await page.locator("#qr").evaluate("image => image.decode().then(() => image.naturalWidth > 50)")
    code = await page.inner_text("#pairing-code")
    await shot(page, "done-en")
    await page.locator("#ready").wait_for(timeout=20000)
    await page.click("#language")
    await shot(page, "ready-ja")
    assert service.starts == 2
    said = tomllib.loads(service.config.read_text())
    assert (said["store_id"], said["store_name"], said["cloud_url"]) == (
        "shibuya",
        "炭火やきとり 渋谷店",
        cloud[0],
    )

    async with httpx.AsyncClient(base_url=service.url, verify=False, headers={"origin": service.url}) as http:  # noqa: S501
        # The code that was shown before the restart pairs after it.
        paired = await http.post("/v1/pairings", json={"code": code, "name": "店長"})
        assert (paired.status_code, paired.json()["role"]) == (201, "manager")
        assert (await http.get("/.well-known/storehub")).json()["store"] == "shibuya"
        assert (await http.get("/setup")).status_code == 404
        assert (await http.post("/setup", json={"code": "AAAAA-AAAAA"})).status_code == 404
        assert (await http.get("/")).headers["location"] == "/console"
    assert not (service.data / "setup.json").exists()


async def test_a_line_that_is_down_does_not_keep_a_store_closed(service: Service, open_page: Any) -> None:
    page = await open_page(service.url, ignore_https_errors=True, viewport={"width": 390, "height": 844})
    page.complaints.expect("net::ERR_CONNECTION_REFUSED", "net::ERR_CONNECTION_RESET", "net::ERR_EMPTY")
    await shot(page, "code-phone")
    await page.fill("#code", service.shown()["code"])
    await page.press("#code", "Enter")
    await page.locator("#store_name:focus").wait_for()
    await page.fill("#store_name", "Shop")
    await page.fill("#store_id", "shop-1")
    await page.fill("#cloud_url", f"http://127.0.0.1:{free_port()}")
    await page.fill("#cloud_token", "token")
    await page.click("#finish")
    await page.locator("#anyway").wait_for()
    await shot(page, "unreached-phone")
    wide = await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert wide, "nothing is wider than a phone"
    await page.click("#anyway")
    await page.locator("#ready").wait_for(timeout=20000)
    await shot(page, "ready-phone")
