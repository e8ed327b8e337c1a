"""The technician's handbook: its commands exist, its lamps are the console's, both languages say the same."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from hub.cli import COMMANDS, command_named

ROOT = Path(__file__).parents[2]
ENGLISH = (ROOT / "docs/handbook.md").read_text()
JAPANESE = (ROOT / "docs/handbook.ja.md").read_text()


def commands(page: str) -> list[str]:
    """Everything that begins with `storehub` where code is."""
    code = re.findall(r"`([^`\n]+)`|^ {8}(.+)$", page, flags=re.MULTILINE)
    words = [(inline or block).removeprefix("sudo ") for inline, block in code]
    return [one for one in words if one.startswith("storehub ")]


@pytest.mark.parametrize("page", [ENGLISH, JAPANESE], ids=["en", "ja"])
def test_every_command_exists_with_its_options(page: str) -> None:
    found = commands(page)
    assert len(found) > 20
    for line in found:
        words = shlex.split(line)[1:]
        assert words[0] in COMMANDS, line
        command = command_named(words.pop(0))
        while isinstance(command, click.Group) and words:
            assert words[0] in command.commands, line
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


def test_both_languages_name_the_same_commands_in_the_same_order() -> None:
    assert commands(ENGLISH) == commands(JAPANESE)
    for mark in (r"^## ", r"^\| ", r"^\d+\. "):
        counts = [len(re.findall(mark, page, flags=re.MULTILINE)) for page in (ENGLISH, JAPANESE)]
        assert counts[0] == counts[1], mark


@pytest.mark.parametrize(
    ("page", "colours"),
    [(ENGLISH, ("green", "amber", "red")), (JAPANESE, ("緑", "黄", "赤"))],
    ids=["en", "ja"],
)
def test_the_lamps_are_those_of_the_console(page: str, colours: tuple[str, str, str]) -> None:
    script = (ROOT / "hub/api/web/assets/link.js").read_text()
    shown = dict(re.findall(r"^  (\w+): \{ lamp: \"(\w+)\"", script, flags=re.MULTILINE))
    names = dict(zip(colours, ("green", "amber", "red"), strict=True))
    told = {
        state: names[colour]
        for colour, states in re.findall(rf"(?m)^\| ({'|'.join(colours)}) \| ([^|]+)\|", page)
        for state in re.findall(r"`(\w+)`", states)
    }
    # "unknown" is what the page says of a state that a newer hub invents.
    assert told == {state: lamp for state, lamp in shown.items() if state != "unknown"}


@pytest.mark.parametrize("page", [ENGLISH, JAPANESE], ids=["en", "ja"])
def test_paths_and_addresses_are_those_of_the_installation(page: str) -> None:
    unit = (ROOT / "systemd/storehub.service").read_text()
    assert "StateDirectory=storehub" in unit
    assert "/var/lib/storehub" in page
    assert "`https://<address>:8443/setup`" in page
