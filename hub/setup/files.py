"""The settings files: every other line and comment in them stays, and a cut leaves the old file or the new one."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hub.settings import CLOUD_CREDENTIAL
from hub.setup.answers import FIELDS, Answers

ENV_NAME: Final = "storehub.env"
TOKEN: Final = "STOREHUB_CLOUD_TOKEN"  # noqa: S105 - its name


class FilesError(Exception):
    """The settings cannot be written; the message says why. Nothing was changed."""


def write(config: Path, answers: Answers, environment: Mapping[str, str]) -> None:
    """Write the answers into the settings file, the token into storehub.env beside it. Raises FilesError.

    A token that systemd hands over stays where it is, with root.
    """
    values = answers.settings()
    values["cloud_token"] = None
    env = config.with_name(ENV_NAME)
    try:
        before = config.read_text(encoding="utf-8") if config.exists() else ""
        secret = env.read_text(encoding="utf-8") if env.exists() else ""
        after = _toml(before, values)
        # The token first: without an address it does nothing, and an address without its token stops the hub.
        # Taken away in the opposite order.
        handed = bool(answers.cloud_token) and answers.cloud_token == handed_token(environment)
        steps = [(env, _env(secret, "" if handed else answers.cloud_token)), (config, after)]
        for path, text in steps if answers.cloud_token else reversed(steps):
            _replace(path, text)
    except (OSError, ValueError) as error:
        raise FilesError(f"{config} and {env} cannot be written: {error}") from error


def handed_token(environment: Mapping[str, str]) -> str:
    """The token that systemd hands over; empty when it hands none."""
    folder = environment.get("CREDENTIALS_DIRECTORY")
    try:
        return Path(folder, CLOUD_CREDENTIAL).read_text(encoding="utf-8").strip() if folder else ""
    except OSError:
        return ""


def kept_token(config: Path) -> str:
    """The token that is set in storehub.env; empty when there is none."""
    try:
        text = config.with_name(ENV_NAME).read_text(encoding="utf-8")
    except OSError:
        return ""
    found = re.findall(rf"(?m)^\s*(?:export\s+)?{TOKEN}\s*=\s*(\S+)\s*$", text)
    return found[-1] if found else ""


def overridden(answers: Answers, environment: Mapping[str, str]) -> list[str]:
    """The variables that say something else than the answers, and win over the file."""
    return [
        f"STOREHUB_{name.upper()}"
        for name in FIELDS
        if name != "cloud_token"
        and environment.get(f"STOREHUB_{name.upper()}", getattr(answers, name)) != getattr(answers, name)
    ]


def _toml(text: str, values: Mapping[str, str | None]) -> str:
    wanted = {**tomllib.loads(text), **values}
    for name, value in values.items():
        line = "" if value is None else f"{name} = {_quoted(value)}\n"
        set_ = re.compile(rf"(?m)^{name}[ \t]*=.*\n?")
        example = re.compile(rf"(?m)^#[ \t]*{name}[ \t]*=.*\n?")
        if set_.search(text):
            text = set_.sub(lambda _, line=line: line, text, count=1)  # type: ignore[misc]
        elif line and example.search(text):
            # Below the example line, which stays as what can be said there.
            text = example.sub(lambda found, line=line: found[0].rstrip("\n") + "\n" + line, text, count=1)  # type: ignore[misc]
        elif line:
            text = text.rstrip("\n") + ("\n" if text else "") + line
    try:
        if tomllib.loads(text) == {name: value for name, value in wanted.items() if value is not None}:
            return text
    except tomllib.TOMLDecodeError:
        pass
    raise ValueError("a setting in it is written over several lines; set it by hand")


def _quoted(value: str) -> str:
    # JSON leaves this one control character as it is; TOML does not take it.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _env(text: str, token: str) -> str:
    lines = [line for line in text.splitlines() if not re.match(rf"\s*(export\s+)?{TOKEN}\s*=", line)]
    return "".join(f"{line}\n" for line in [*lines, *([f"{TOKEN}={token}"] if token else [])])


def _replace(path: Path, text: str) -> None:
    """Whole and on the disk, or not at all; readable by its owner and group alone."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    try:
        os.fchmod(handle, 0o640)
        os.write(handle, text.encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    os.replace(draft, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
