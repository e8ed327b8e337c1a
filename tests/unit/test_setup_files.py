"""Set-up's answers, and the files they are written into."""

from __future__ import annotations

import stat
import tempfile
import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.settings import CLOUD_CREDENTIAL, load
from hub.setup import files
from hub.setup.answers import FIELDS, Answers, wrong
from hub.setup.state import asks_to_be_set_up

EXAMPLE = (Path(__file__).parents[2] / "deploy/storehub.toml.example").read_text()
GOOD = Answers("shinjuku-east", "新宿東口店", "https://cloud.example", "t0k.en~", "Europe/Berlin", "04:30")

names = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=60)
answers = st.builds(
    Answers,
    store_id=st.from_regex(r"\A[A-Za-z0-9._-]{1,64}\Z"),
    store_name=names,
    cloud_url=st.just("https://cloud.example/x"),
    cloud_token=st.from_regex(r"\A[A-Za-z0-9._~+/=-]{1,40}\Z"),
)


@settings(max_examples=60, deadline=None)
@given(
    first=answers,
    second=answers,
    without_cloud=st.booleans(),
    start=st.sampled_from(["", EXAMPLE, "port = 9\n"]),
)
def test_whatever_is_answered_is_what_the_hub_reads(
    first: Answers, second: Answers, without_cloud: bool, start: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "storehub.toml"
        config.write_text(start)
        if without_cloud:
            second = Answers(second.store_id, second.store_name)
        for one in (first, second):
            files.write(config, one, {})
            said = config.with_name("storehub.env").read_text()
            environment = dict(line.split("=", 1) for line in said.splitlines())
            found = load({}, environment, config)
            for name in FIELDS:
                assert (getattr(found, name) or "") == getattr(one, name), name
            assert "cloud_token" not in tomllib.loads(config.read_text())
        assert (found.port == 9) == (start == "port = 9\n")
        assert {path.name for path in Path(folder).iterdir()} == {"storehub.toml", "storehub.env"}


def test_comments_and_other_settings_stay_and_nobody_else_may_read(tmp_path: Path) -> None:
    config = tmp_path / "storehub.toml"
    config.write_text(EXAMPLE + "retention_days = 40\n")
    (tmp_path / "storehub.env").write_text("STOREHUB_LOG_LEVEL=debug\nexport STOREHUB_CLOUD_TOKEN=old\n")
    files.write(config, GOOD, {})
    text = config.read_text()
    assert [line for line in EXAMPLE.splitlines() if line not in text.splitlines()] == []
    assert tomllib.loads(text)["retention_days"] == 40
    assert (
        tmp_path / "storehub.env"
    ).read_text() == "STOREHUB_LOG_LEVEL=debug\nSTOREHUB_CLOUD_TOKEN=t0k.en~\n"
    for name in ("storehub.toml", "storehub.env"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o640


def test_a_token_that_systemd_hands_over_is_not_copied_into_a_file(tmp_path: Path) -> None:
    config, handed = tmp_path / "storehub.toml", tmp_path / "credentials"
    handed.mkdir()
    (handed / CLOUD_CREDENTIAL).write_text(f"{GOOD.cloud_token}\n")
    environment = {"CREDENTIALS_DIRECTORY": str(handed)}
    files.write(config, GOOD, environment)
    assert (tmp_path / "storehub.env").read_text() == ""
    assert load({}, environment, config).cloud_token == GOOD.cloud_token
    # Another one is.
    files.write(config, msgspec.structs.replace(GOOD, cloud_token="another"), environment)
    assert (tmp_path / "storehub.env").read_text() == "STOREHUB_CLOUD_TOKEN=another\n"


def test_a_file_it_does_not_understand_is_left_as_it_is(tmp_path: Path) -> None:
    config = tmp_path / "storehub.toml"
    config.write_text('store_name = """\nThe\nShop"""\n')
    with pytest.raises(files.FilesError, match="several lines"):
        files.write(config, GOOD, {})
    assert config.read_text() == 'store_name = """\nThe\nShop"""\n'


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("store_id", ""),
        ("store_id", "a b"),
        ("store_id", "x" * 65),
        ("store_name", ""),
        ("store_name", "x" * 61),
        ("cloud_url", "http://cloud.example"),
        ("cloud_url", "cloud.example"),
        ("cloud_token", "two words"),
        ("cloud_token", "$(reboot)"),
        ("cloud_token", "line\nbreak"),
        ("timezone", "Asia/Nowhere"),
        ("timezone", "../../etc/passwd"),
        ("timezone", ""),
        ("day_change_time", "25:00"),
        ("day_change_time", "5"),
    ],
)
def test_the_field_that_is_wrong_is_named(field: str, value: str) -> None:
    good = {name: getattr(GOOD, name) for name in FIELDS}
    assert wrong(Answers(**good)) == []
    assert wrong(Answers(**{**good, field: value})) == [field]


def test_address_and_token_belong_together() -> None:
    assert wrong(Answers("1", "x", cloud_url="https://cloud.example")) == ["cloud_token"]
    assert wrong(Answers("1", "x", cloud_token="t")) == ["cloud_url"]
    assert wrong(Answers("1", "x")) == []


def test_a_box_asks_until_somebody_said_which_store_it_is(tmp_path: Path) -> None:
    config = tmp_path / "storehub.toml"
    assert not asks_to_be_set_up(None, {})
    assert not asks_to_be_set_up(config, {}), "a file that is lost is no new box"
    config.write_text(EXAMPLE)
    assert asks_to_be_set_up(config, {})
    assert not asks_to_be_set_up(config, {"STOREHUB_STORE_ID": "7"})
    files.write(config, GOOD, {})
    assert not asks_to_be_set_up(config, {})
