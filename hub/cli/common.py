"""What the commands share: the data directory, the hub that runs in it or is opened for a moment."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hub.datadir import DataDir, DataDirError
from hub.settings import Settings, SettingsError, load

if TYPE_CHECKING:
    from hub.cli.journal_file import JournalFile

C = TypeVar("C", bound=Callable[..., Any])


def data_option(command: C) -> C:
    return click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        help="The data directory  [STOREHUB_DATA; default: storehub-data]",
    )(command)


def settings_of(flags: dict[str, Any], config: Path | None = None) -> Settings:
    """Raises click.ClickException for a wrong one."""
    try:
        return load(flags, os.environ, config)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def folder_of(data: Path | None) -> DataDir:
    """The data directory that the settings name. Raises click.ClickException."""
    return DataDir(Path(settings_of({"data": str(data) if data else None}).data))


@contextmanager
def reading(data: Path | None) -> Iterator[JournalFile]:
    """The journal of this directory, read only, whether or not a hub runs there. Raises click.ClickException."""
    from hub.cli.journal_file import JournalDamaged, open_journal

    try:
        with open_journal(folder_of(data).journal) as journal:
            yield journal
    except (FileNotFoundError, JournalDamaged) as error:
        raise click.ClickException(str(error)) from error


def operate(data: Path | None, do: str, **parameters: Any) -> Any:
    """Do something to the box of this directory: ask the hub that runs there, or open the journal while none runs."""
    settings = settings_of({"data": str(data) if data else None})
    return asyncio.run(_operate(settings, DataDir(Path(settings.data)), do, parameters))


async def _operate(settings: Settings, folder: DataDir, do: str, parameters: dict[str, Any]) -> Any:
    from hub.control import ControlError, ask

    try:
        for _ in range(50):
            try:
                return await ask(folder.control, do, **parameters)
            except OSError:
                if folder.lock():
                    break
            # Someone has the directory but does not listen yet: a hub that is starting or stopping.
            await asyncio.sleep(0.1)
        else:
            raise click.ClickException(f"{folder.path} is in use by a process that does not answer")
        try:
            return await _offline(settings, folder, do, parameters)
        finally:
            folder.unlock()
    except ControlError as error:
        raise click.ClickException(sentence(error.problem)) from error
    except DataDirError as error:
        raise click.ClickException(str(error)) from error


async def _offline(settings: Settings, folder: DataDir, do: str, parameters: dict[str, Any]) -> Any:
    from hub.app import open_hub
    from hub.domain.errors import HubError
    from hub.ports import StoreError
    from hub.service.operations import OPERATIONS

    try:
        async with open_hub(settings, folder, replay=False) as hub:
            return await OPERATIONS[do](hub.box, **parameters)
    except HubError as error:
        raise click.ClickException(sentence({"slug": error.slug, **error.fields})) from error
    except StoreError as error:
        raise click.ClickException(f"the journal cannot be opened: {error}") from error


def sentence(problem: dict[str, Any]) -> str:
    """What the hub refused, as one line."""
    slug = str(problem.get("slug", "refused"))
    errors = problem.get("errors")
    if errors:
        return "\n".join(
            f"{item['path']}: {item['message']}" if item["path"] else item["message"] for item in errors
        )
    from hub.api.problems import PROBLEMS

    if slug not in PROBLEMS:
        return slug
    words = {key: value for key, value in problem.items() if key != "slug"}
    try:
        return PROBLEMS[slug].en.format(**words)
    except KeyError:
        return PROBLEMS[slug].title
