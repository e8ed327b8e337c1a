"""How the page is served: headers, caching, and that its parts fit together."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from shutil import which

import httpx
import pytest
from fastapi import FastAPI

from hub.api.web import assets, router


@pytest.fixture
def client() -> httpx.AsyncClient:
    app = FastAPI(openapi_url=None)
    app.include_router(router)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://box")


async def test_the_root_leads_to_the_console(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/console")


async def test_every_file_has_its_type_and_cannot_be_framed_or_sniffed(client: httpx.AsyncClient) -> None:
    for path in ["/console", *(f"/console/assets/{name}" for name in assets())]:
        answer = await client.get(path)
        assert answer.status_code == 200
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-cache"
    assert (
        (await client.get("/console/assets/console.js")).headers["content-type"].startswith("text/javascript")
    )


async def test_an_unchanged_file_is_not_sent_again(client: httpx.AsyncClient) -> None:
    first = await client.get("/console/assets/console.css")
    again = await client.get(
        "/console/assets/console.css", headers={"if-none-match": f'"x", W/{first.headers["etag"]}'}
    )
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    other = await client.get("/console/assets/console.css", headers={"if-none-match": '"other"'})
    assert other.content == first.content


@pytest.mark.parametrize("name", ["nothing.js", "..%2f__init__.py", "%2e%2e/__init__.py", "__init__.py"])
async def test_only_the_page_s_own_files_are_served(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/console/assets/{name}")).status_code == 404


def _text(name: str) -> str:
    return assets()[name].body.decode()


def test_the_page_names_only_files_that_exist_and_none_from_elsewhere() -> None:
    files = assets()
    named = re.findall(r'(?:src|href)="([^"]+)"', _text("index.html"))
    assert named
    for path in named:
        assert path.removeprefix("/console/assets/") in files
    for name in files:
        if name.endswith(".js"):
            for imported in re.findall(r'from "([^"]+)"', _text(name)):
                assert imported.removeprefix("./") in files
            assert "innerHTML" not in _text(name)
        if not name.endswith(".svg"):
            assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", _text(name))


def test_the_pages_look_alike_from_one_place() -> None:
    """Both have the same head, name only files that are there, and get their colours from base.css alone."""
    own = assets("hub.setup")
    for page, mine in ((_text("index.html"), assets()), (own["setup.html"].body.decode(), own)):
        assert '<meta name="color-scheme"' in page
        assert page.count("<meta charset") == 1
        assert "<style" not in page
        named = re.findall(r'(?:src|href)="(/[^"]+/assets/)([^"]+)"', page)
        assert ("/console/assets/", "base.css") in named
        for folder, name in named:
            assert name in (assets() if folder == "/console/assets/" else mine)
    for name, asset in [*assets().items(), *own.items()]:
        if name.endswith(".css") and name != "base.css":
            assert not re.search(r"^\s*--\w+: #|font-family|^body", asset.body.decode(), re.MULTILINE), name


def _texts(name: str) -> dict[str, str]:
    """The language file as data: it is a plain object, one text a line."""
    lines = re.findall(r'^  "?([\w.-]+)"?: (".*"),$', _text(name), re.MULTILINE)
    return {key: json.loads(text) for key, text in lines}


def test_both_languages_say_the_same_things() -> None:
    english, japanese = _texts("en.js"), _texts("ja.js")
    plain = {key for key in english if not key.endswith(".one") or key == "quarantine.retry.one"}
    assert plain == set(japanese)
    for key, text in japanese.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", english[key])), key


def test_every_text_that_is_used_exists_and_none_is_left_over() -> None:
    texts = _texts("en.js")
    code = "".join(
        _text(name) for name in assets() if name.endswith(".js") and name not in ("en.js", "ja.js")
    )
    used = set(re.findall(r'\bt\("([\w.-]+)"', code))
    used |= set(re.findall(r'data-t(?:-label)?="([\w.-]+)"', _text("index.html")))
    assert used <= set(texts)
    # Others are made of a group and a value ("role.kitchen") or named before they are looked up.
    groups = (
        "link.",
        "state.",
        "reason.",
        "live.",
        "notice.",
        "witness.",
        "role.",
        "tax.",
        "entry.",
        "clock.",
        "beacon.",
        "journal.",
        "done.",
        "register.",
        "doctor.",
        "drill.",
    )
    stems = {key: re.sub(r"\.(one|confirm|confirm\.body)$", "", key) for key in texts}
    unused = [
        key
        for key in texts
        if key not in used and not key.startswith(groups) and f'"{stems[key]}"' not in code
    ]
    assert unused == []


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read(scheme: str) -> None:
    """WCAG's 4.5 to 1 for every colour of text on every ground it stands on."""
    light, dark = _text("base.css").split("@media (prefers-color-scheme: dark)")
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    if scheme == "dark":
        colours |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", dark))
    pairs = [
        (text, ground)
        for text in ("ink", "quiet", "indigo", "green", "amber", "red")
        for ground in ("card", "paper")
    ]
    pairs += [(tone, f"{tone}-wash") for tone in ("green", "amber", "red", "indigo")]
    pairs += [(text, f"{tone}-wash") for text in ("ink", "quiet") for tone in ("green", "amber", "red")]
    pairs += [("on-indigo", "indigo"), ("card", "red"), ("paper", "ink")]
    weak = {pair: round(_contrast(*(colours[name] for name in pair)), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


def test_the_scripts_are_valid(tmp_path: Path) -> None:
    node = which("node")
    if node is None:
        pytest.skip("node is not installed; the browser tests load the scripts too")
    for name in assets():
        if name.endswith(".js"):
            path = tmp_path / name.replace(".js", ".mjs")
            path.write_bytes(assets()[name].body)
            subprocess.run([node, "--check", path], check=True)
