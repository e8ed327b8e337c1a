"""The settings, as the pages and the installed example tell them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from hub.settings import Settings, SettingsError, load

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "deploy/storehub.toml.example").read_text()


def test_the_page_lists_every_setting_with_its_default() -> None:
    page = (ROOT / "docs/install.md").read_text()
    told = dict(re.findall(r"(?m)^\| `([a-z_]+)` \|(?: `([^`]*)`)? *\|", page))
    real = {
        field.name: ""
        if field.default in (None, "")
        else str(field.default).replace("True", "true").replace("False", "false")
        for field in msgspec.structs.fields(Settings)
    }
    assert told == real


def test_the_example_is_right_with_and_without_its_comments() -> None:
    assert tomllib.loads(EXAMPLE) == {}
    everything = tomllib.loads(re.sub(r"(?m)^#([a-z_]+ = )", r"\1", EXAMPLE))
    load({"cloud_token": "t", **everything}, {})
    defaults = load({}, {})
    # What a store must choose for itself; and an empty host, which TOML would show as "".
    for name in everything.keys() - {"store_name", "store_id", "cloud_url", "host", "backup_dir"}:
        assert everything[name] == getattr(defaults, name), name


def test_a_command_on_the_box_speaks_for_the_same_store_as_the_service(tmp_path: Path) -> None:
    config = tmp_path / "storehub.toml"
    config.write_text('store_id = "north"\n')
    named = {"STOREHUB_CONFIG": str(config)}
    assert load({}, named).store_id == "north"
    assert load({}, {**named, "STOREHUB_STORE_ID": "south"}).store_id == "south"
    config.unlink()
    with pytest.raises(SettingsError, match="not there"):
        load({}, named)


def test_the_clouds_token_may_come_from_systemd(tmp_path: Path) -> None:
    (tmp_path / "storehub.cloud_token").write_text("handed over\n")
    handed = {"CREDENTIALS_DIRECTORY": str(tmp_path), "STOREHUB_CLOUD_URL": "https://cloud.example"}
    assert load({}, handed).cloud_token == "handed over"
    assert load({}, {**handed, "STOREHUB_CLOUD_TOKEN": "t"}).cloud_token == "t"
    (tmp_path / "storehub.cloud_token").unlink()
    with pytest.raises(SettingsError, match="belong together"):
        load({}, handed)
    # A command beside the hub does without.
    assert load({}, handed, whole=False).cloud_token is None
