"""Whether there is a later version: in a folder, at a server; and versions from a package index, with their hashes."""

from __future__ import annotations

import functools
import http.server
import io
import os
import platform
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from test_signing import OTHER, OURS, SIGNATURE, SUMS, kit, packed, signed, trust
from updating import make_tools

from hub.released import OFFER, later, offer_view
from hub.settings import SettingsError, load
from hub.update.layout import UpdateError
from hub.update.offered import ARCHITECTURES, look, remember
from hub.update.signing import Keys, key_id
from hub.update.source import source_of

ROOT = Path(__file__).parents[2]
HERE = ARCHITECTURES.get(platform.machine(), "")
RUNNING = "0.1.0"

pytestmark = pytest.mark.skipif(not HERE, reason="bundles are for amd64 and arm64")


def bundle(version: str, *keys: Ed25519PrivateKey) -> bytes:
    files = {name.replace("0.2.0", version): content for name, content in kit().items()}
    return packed(signed(files, *keys))


def found(given: str | Path, trusted: Keys | None = None) -> tuple[str, str, str] | None:
    offer = look(str(given), running=RUNNING, trusted=trusted or {}, tell=lambda line: None)
    return None if offer is None else (offer.version, offer.source, offer.signed_by)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and its address."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("version", "than", "is_later"),
    [
        ("0.2.0", "0.1.0", True),
        ("0.10.0", "0.9.9", True),
        ("0.1.0", "0.1.0", False),
        ("0.1", "0.1.0", False),
        ("0.2.0rc1", "0.1.9", True),
        ("0.2.0rc1", "0.2.0", False),
        ("0.2.0", "0.2.0rc2", True),
        ("nonsense", "0.1.0", False),
    ],
)
def test_which_version_is_the_later_one(version: str, than: str, is_later: bool) -> None:
    assert later(version, than) is is_later


def test_the_latest_that_this_box_would_take_is_found_on_a_stick(tmp_path: Path) -> None:
    other = next(name for name in ARCHITECTURES.values() if name != HERE)
    names = {"0.0.9": HERE, "0.9.0": HERE, "0.10.0": HERE, "2.0.0": other}
    for version, architecture in names.items():
        (tmp_path / f"storehub_{version}_{architecture}.tar").write_bytes(bundle(version, OURS))
    (tmp_path / f"storehub_3.0.0_{HERE}.tar").write_bytes(bundle("3.0.0", OTHER))
    (tmp_path / f"storehub_4.0.0_{HERE}.tar").write_bytes(bundle("0.9.0", OURS))
    (tmp_path / f"storehub_5.0.0_{HERE}.tar").write_bytes(b"cut")
    (tmp_path / "holiday.jpg").touch()
    name = key_id(OURS.public_key())
    # 3.0.0 is signed by another, 4.0.0 is not what it is called, 5.0.0 is none.
    assert found(tmp_path, trust(OURS)) == ("0.10.0", str(tmp_path / f"storehub_0.10.0_{HERE}.tar"), name)
    assert (found(tmp_path) or ("",))[0] == "3.0.0"
    assert found(tmp_path, trust(Ed25519PrivateKey.generate())) is None
    with pytest.raises(UpdateError, match="not there"):
        found(tmp_path / "no-stick")


def test_what_was_found_is_told_until_it_runs(tmp_path: Path) -> None:
    assert offer_view(tmp_path, RUNNING) is None
    (tmp_path / f"storehub_0.2.0_{HERE}.tar").write_bytes(bundle("0.2.0"))
    remember(tmp_path, look(str(tmp_path), running=RUNNING, trusted={}, tell=print))
    shown = offer_view(tmp_path, RUNNING)
    assert shown is not None
    assert (shown["version"], shown["signed_by"]) == ("0.2.0", "")
    assert offer_view(tmp_path, "0.2.0") is None
    (tmp_path / OFFER).write_text("{")
    assert offer_view(tmp_path, RUNNING) is None
    remember(tmp_path, None)
    assert not (tmp_path / OFFER).exists()


def test_a_server_names_one_and_it_is_fetched_from_there(served: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = served
    name = f"storehub_0.2.0_{HERE}.tar"
    with pytest.raises(UpdateError, match="404"):
        found(url)
    (folder / f"latest-{HERE}").write_text(f"{name}\n")
    assert found(f"{url}/") == ("0.2.0", f"{url}/{name}", "")
    (folder / name).write_bytes(bundle("0.2.0", OURS))
    got = source_of(f"{url}/{name}", tmp_path, trusted=trust(OURS))
    assert (got.version, got.signed_by) == ("0.2.0", key_id(OURS.public_key()))
    (tmp_path / "again").mkdir()
    with pytest.raises(UpdateError, match="not signed by a key"):
        source_of(f"{url}/{name}", tmp_path / "again", trusted=trust(OTHER))
    for strange in ("../../etc/passwd", f"storehub_0.2.0_{HERE}.tar/../x", "x" * 5000, ""):
        (folder / f"latest-{HERE}").write_text(strange)
        with pytest.raises(UpdateError):
            found(url)
    with pytest.raises(UpdateError, match="only https"):
        found("http://updates.example")
    for wrong in ("http://updates.example", "https://me:secret@updates.example"):
        with pytest.raises(SettingsError, match="update_from"):
            load({"update_from": wrong}, {})


def wheel(name: str, version: str, content: bytes) -> tuple[str, bytes]:
    file = io.BytesIO()
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(file, "w") as made:
        made.writestr(f"{name}/__init__.py", content)
        made.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        made.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        made.writestr(f"{info}/RECORD", "")
        if name == "storehub":
            kit = f"{name}-{version}.data/data/share/storehub/kit"
            made.writestr(f"{kit}/deploy/release.sh", "#!/bin/bash\n")
    return f"{name}-{version}-py3-none-any.whl", file.getvalue()


def publish(folder: Path, name: str, content: bytes, *, digest: str = "") -> None:
    """Put it into an index as pip reads one (PEP 503)."""
    page = folder / "simple" / name.split("-")[0]
    page.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    line = f'<a href="/{name}#sha256={digest or sha256(content).hexdigest()}">{name}</a>'
    (page / "index.html").write_text(f"<!DOCTYPE html><html><body>{line}</body></html>")


@pytest.mark.slow
def test_a_version_of_the_package_index_has_the_hash_that_the_index_says(
    served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, url = served
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple")
    name, content = wheel("storehub", "0.2.0", b"")
    publish(folder, name, content)
    assert source_of("0.2.0", tmp_path).version == "0.2.0"
    (tmp_path / "second").mkdir()
    publish(folder, name, content, digest="0" * 64)
    with pytest.raises(UpdateError, match="did not give storehub"):
        source_of("0.2.0", tmp_path / "second")


@pytest.mark.slow
def test_a_dependency_that_is_not_the_locked_one_makes_no_release(
    served: tuple[Path, str], tmp_path: Path
) -> None:
    """The index is asked for what the lock names, and what it gives must have the lock's hash."""
    folder, url = served
    tools = make_tools(tmp_path / "tools")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environment = {**kept, "PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": f"{url}/simple"}
    environment |= {"DESTDIR": str(tmp_path / "box"), "PYTHON": str(tools / "bin/quick-python")}
    environment |= {"PYTHONPATH": str(tools / "deps")}
    lock = tmp_path / "runtime.lock"
    _, content = wheel("needed", "1.0", b"good = True\n")
    lock.write_text(f"needed==1.0 --hash=sha256:{sha256(content).hexdigest()}\n")
    program, content = wheel("storehub", "0.2.0", b"")
    (tmp_path / program).write_bytes(content)
    publish(folder, *wheel("needed", "1.0", b"evil = True\n"))
    done = subprocess.run(
        [ROOT / "deploy/release.sh", "make", "--wheel", tmp_path / program, "--lock", lock],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr, done.stderr
    assert not list(tmp_path.glob("box/opt/storehub/releases/*/.complete"))


def test_the_first_parts_of_a_bundle_tell_who_signed_it() -> None:
    """As deploy/build-bundle.sh sorts them: nobody has to read 80 MB to know."""
    assert sorted([*kit(), SUMS, SIGNATURE])[:2] == [SUMS, SIGNATURE]
