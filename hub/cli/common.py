"""What the commands share: the data directory, the hub that runs in it or is opened for a moment."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from hub.datadir import DataDir, DataDirError
from hub.settings import Settings, SettingsError, load

if TYPE_CHECKING:
    from hub.cli.journal_file import JournalFile
    from hub.service.box import Box

# A hub that starts or stops has the directory but does not answer yet.
TRIES: Final = 50
TRY_EVERY_S: Final = 0.1

C = TypeVar("C", bound=Callable[..., Any])


def data_option(command: C) -> C:
    return click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        help="The data directory  [STOREHUB_DATA; default: storehub-data]",
    )(command)


def json_option(command: C) -> C:
    return click.option("--json", "as_json", is_flag=True, help="For scripts: one JSON document.")(command)


def if_power_option(command: C) -> C:
    return click.option(
        "--if-power", "if_power", is_flag=True, help="Not while a UPS is on its battery: then exit status 75."
    )(command)


def settings_of(flags: dict[str, Any], config: Path | None = None, *, whole: bool = False) -> Settings:
    """Raises click.ClickException for a wrong one."""
    try:
        return load(flags, os.environ, config, whole=whole)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def folder_of(data: Path | None) -> DataDir:
    """The data directory that the settings name. Raises click.ClickException."""
    return DataDir(Path(settings_of({"data": str(data) if data else None}).data))


@contextmanager
def reading(data: Path | None) -> Iterator[JournalFile]:
    """The journal of this directory, read only, whether or not a hub runs there. Raises click.ClickException."""
    from hub.cli.journal_file import JournalDamaged, open_journal

    folder = folder_of(data)
    wal = folder.journal.with_name(folder.journal.name + "-wal")
    was_there = wal.exists()
    try:
        with open_journal(folder.journal) as journal:
            yield journal
    except BrokenPipeError:
        raise  # Of whoever reads what the caller prints: no fault of the journal.
    except (OSError, JournalDamaged) as error:
        raise click.ClickException(str(error)) from error
    finally:
        if not was_there:
            _tidy(folder, wal)


def _tidy(folder: DataDir, wal: Path) -> None:
    """Take away the empty files that SQLite makes even for reading: made by root they would keep the hub out."""
    try:
        if wal.exists() and folder.lock():
            try:
                if wal.stat().st_size == 0:
                    wal.unlink()
                    wal.with_name(wal.name.removesuffix("-wal") + "-shm").unlink(missing_ok=True)
            finally:
                folder.unlock()
    except (OSError, DataDirError):
        return  # Somebody else's directory: then they are not ours to take away either.


def operate(data: Path | None, do: str, **parameters: Any) -> Any:
    """Do something to the box of this directory: ask the hub that runs there, or open the journal while none runs."""
    with operating(data) as ask:
        return ask(do, **parameters)


@contextmanager
def operating(data: Path | None) -> Iterator[Callable[..., Any]]:
    """operate() for several things one after the other: a hub that does not run is opened once."""
    settings = settings_of({"data": str(data) if data else None})
    with asyncio.Runner() as runner:
        session = Session(settings, DataDir(Path(settings.data)))
        try:
            yield lambda do, **parameters: runner.run(session.do(do, parameters))
        finally:
            runner.run(session.close())


def look(data: Path | None) -> dict[str, Any]:
    """GET /v1/sync, `running`, `currency` and `devices`: from the hub, or from the journal alone while none runs."""
    settings = settings_of({"data": str(data) if data else None})
    folder = DataDir(Path(settings.data))
    if not folder.path.is_dir():
        raise click.ClickException(f"there is no data directory {folder.path}")
    found = asyncio.run(_asked(folder))
    if found is not None:
        return {"running": True, **found}
    from hub.cli import still

    with reading(data) as journal:
        return {
            "running": False,
            **still.status(journal, settings, folder),
            "currency": still.currency(journal),
            "devices": still.devices(journal),
        }


async def _asked(folder: DataDir) -> dict[str, Any] | None:
    """What the hub that runs here says of itself; None when none runs. Raises click.ClickException."""
    from hub.control import ControlError, ask

    for _ in range(TRIES):
        try:
            return dict(await ask(folder.control, "look"))
        except ControlError as error:
            raise click.ClickException(sentence(error.problem)) from error
        except PermissionError as error:
            raise click.ClickException(f"{folder.control}: only the hub's own user may ask it") from error
        except OSError:
            if folder.free():
                return None
        await asyncio.sleep(TRY_EVERY_S)
    raise click.ClickException(f"{folder.path} is in use by a process that does not answer")


class Session:
    """The hub that runs in the directory, or the directory itself, held until close() while none runs."""

    def __init__(self, settings: Settings, folder: DataDir) -> None:
        self._settings = settings
        self._folder = folder
        self._held = AsyncExitStack()
        self._box: Box | None = None

    async def do(self, do: str, parameters: dict[str, Any]) -> Any:
        """Raises click.ClickException."""
        from hub.control import ControlError
        from hub.domain.errors import HubError
        from hub.ports import StoreError

        try:
            return await self._do(do, parameters)
        except ControlError as error:
            raise click.ClickException(sentence(error.problem)) from error
        except HubError as error:
            raise click.ClickException(sentence({"slug": error.slug, **error.fields})) from error
        except StoreError as error:
            raise click.ClickException(f"the journal cannot be opened: {error}") from error
        except DataDirError as error:
            raise click.ClickException(str(error)) from error

    async def close(self) -> None:
        await self._held.aclose()

    async def _do(self, do: str, parameters: dict[str, Any]) -> Any:
        from hub.control import ask

        if self._box is None:
            for _ in range(TRIES):
                try:
                    return await ask(self._folder.control, do, **parameters)
                except OSError:
                    if self._folder.lock():
                        break
                # Someone has the directory but does not listen yet: a hub that is starting or stopping.
                await asyncio.sleep(TRY_EVERY_S)
            else:
                raise click.ClickException(f"{self._folder.path} is in use by a process that does not answer")
            self._held.callback(self._folder.unlock)
            if do in STILL:
                return await STILL[do](self._folder, **parameters)
            from hub.app import open_hub

            hub = await self._held.enter_async_context(open_hub(self._settings, self._folder, replay=False))
            self._box = hub.box
        from hub.operations import OPERATIONS

        return await OPERATIONS[do](self._box, **parameters)


async def _note_pause(folder: DataDir, *, paused: bool) -> None:
    """What the next start of the hub finds. No epoch is begun for it."""
    from hub.ports import StoreError
    from hub.store.journal import Journal
    from hub.upstream.records import PAUSED, Records

    try:
        async with Journal(folder.journal) as journal:
            await Records(journal).save(PAUSED, paused)
    except StoreError as error:
        raise click.ClickException(f"the journal cannot be opened: {error}") from error


async def _pause(folder: DataDir) -> None:
    await _note_pause(folder, paused=True)


async def _resume(folder: DataDir) -> None:
    await _note_pause(folder, paused=False)


async def _retry(folder: DataDir, seq: int | None) -> None:
    raise click.ClickException("the hub does not run, so nothing can be sent now: start it, then try again")


async def _clock(folder: DataDir, time: str = "") -> None:
    raise click.ClickException("the hub does not run, so nobody keeps the time: start it, then try again")


# What is done without opening the journal as a hub, which would begin a new epoch.
STILL: Final[dict[str, Callable[..., Awaitable[None]]]] = {
    "sync.pause": _pause,
    "sync.resume": _resume,
    "sync.retry": _retry,
    "clock": _clock,
    "clock.set": _clock,
}


def sentence(problem: dict[str, Any]) -> str:
    """What the hub refused, as one line."""
    slug = str(problem.get("slug", "refused"))
    errors = problem.get("errors")
    if errors:
        return "\n".join(
            f"{item['path']}: {item['message']}" if item["path"] else item["message"] for item in errors
        )
    from hub.api.problems import PROBLEMS

    if slug not in PROBLEMS or (slug == "invalid-request" and "detail" in problem):
        return str(problem.get("detail", slug))
    words = {key: value for key, value in problem.items() if key != "slug"}
    try:
        return PROBLEMS[slug].en.format(**words)
    except KeyError:
        return PROBLEMS[slug].title
