"""storehub setup."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hub.cli.common import data_option, folder_of, json_option, operate, settings_of
from hub.cli.device import show_code as show_pairing
from hub.cli.restarting import restart_service
from hub.cli.setup_texts import TEXTS

if TYPE_CHECKING:
    from hub.datadir import DataDir
    from hub.setup.answers import Answers

# For the manager, who may be on the way.
PAIRING_MINUTES = 60


@click.command()
@data_option
@json_option
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="[STOREHUB_CONFIG]")
@click.option("--store-id", help="The store's id at the cloud.")
@click.option("--store-name", help="What devices show when they look for the box.")
@click.option("--cloud", "cloud_url", metavar="URL", help="Replay to this cloud; with --no-cloud to none.")
@click.option("--cloud-token", metavar="T", help="This box's token there; better in a file of answers.")
@click.option("--no-cloud", is_flag=True, help="Keep everything in the box.")
@click.option("--timezone", help="[default: Asia/Tokyo]")
@click.option("--day-change-time", metavar="HH:MM", help="When the business day turns.  [default: 05:00]")
@click.option(
    "--answers", type=click.File(), metavar="FILE", help="JSON with the answers; - reads standard input."
)
@click.option("--offline", is_flag=True, help="Do not ask the cloud whether address and token are right.")
@click.option("--no-pairing", is_flag=True, help="Make no code for the manager's device.")
@click.option(
    "--code", "show_code", is_flag=True, help="Show the code of the first-run page, and nothing else."
)
@click.option("--lang", type=click.Choice(["en", "ja"]), help="[default: from LANG]")
def setup(
    data: Path | None,
    as_json: bool,
    config: Path | None,
    answers: Any,
    offline: bool,
    no_cloud: bool,
    no_pairing: bool,
    show_code: bool,
    lang: str | None,
    **flags: str | None,
) -> None:
    """Say which store this box is for: store, cloud, business day; then pair the manager's device.

    On a terminal it asks. With --answers, or with all that is needed in options, it does not: for many boxes.
    May be run again: what is not answered stays. A hub that runs as the service is restarted.

    \b
      storehub setup
      storehub setup --answers shinjuku-east.json --json
    """
    from hub.setup.files import FilesError, kept_token, overridden, write

    language = lang or ("ja" if os.environ.get("LANG", "").startswith("ja") else "en")
    named = os.environ.get("STOREHUB_CONFIG")
    config = config or (Path(named) if named else None)
    if config is not None:
        # The wrapper of the installed command reads it, a hand-made environment may not.
        os.environ.setdefault("STOREHUB_CLOUD_TOKEN", kept_token(config))
    folder = folder_of(data)
    if show_code:
        _show_code(folder.setup_note, as_json)
        return
    if config is None:
        raise click.ClickException("which settings file? --config FILE, or STOREHUB_CONFIG")
    given = {**_from_file(answers), **{name: value for name, value in flags.items() if value is not None}}
    if no_cloud:
        given |= {"cloud_url": "", "cloud_token": ""}
    asking = (
        sys.stdin.isatty() and not answers and not as_json and not {"store_id", "store_name"} <= set(given)
    )
    agreed = Agreement(None if offline else folder, language, quiet=as_json, asking=asking)
    before = _known(config)
    taken = agreed.on(before, given)
    if over := overridden(taken, os.environ):
        raise click.ClickException(
            f"{', '.join(over)} in the environment would win over these answers: take them out"
        )
    # The same answers again disturb nobody.
    changed = {name: value or "" for name, value in taken.settings().items()} != before
    if changed:
        try:
            write(config, taken, os.environ)
        except FilesError as error:
            raise click.ClickException(str(error)) from error
    # As the service will find it.
    os.environ["STOREHUB_CLOUD_TOKEN"] = taken.cloud_token
    os.environ["STOREHUB_CONFIG"] = str(config)
    restarted = changed and restart_service(folder.control)
    made = None if no_pairing else _pairing(data)
    if as_json:
        store = {"store_id": taken.store_id, "store_name": taken.store_name, "cloud": agreed.cloud}
        done = {**store, "changed": changed, "restarted": restarted, "pairing": made}
        click.echo(json.dumps(done, ensure_ascii=False))
        return
    say = TEXTS[language]
    click.echo(say["done"].format(name=taken.store_name, id=taken.store_id))
    if made is not None:
        click.echo(say["pair"])
        show_pairing(made)


class Agreement:
    """Asks until the answers can be taken, or says why they cannot. `cloud` is what the cloud said to them.

    folder: whose hub the cloud is asked about; None does not ask it.
    """

    def __init__(self, folder: DataDir | None, language: str, *, quiet: bool, asking: bool) -> None:
        self.cloud: dict[str, str] | None = None
        self._folder = folder
        self._language = language
        self._say = TEXTS[language]
        self._quiet = quiet
        self._asking = asking

    def on(self, known: dict[str, str], given: dict[str, str]) -> Answers:
        """Raises click.ClickException when nobody can be asked."""
        while True:
            taken = _convert(_asked(known, given, self._say) if self._asking else {**known, **given})
            bad = self._wrong(taken) or self._refused(taken)
            if not bad:
                return taken
            known = {name: value or "" for name, value in taken.settings().items()}
            given = {name: value for name, value in known.items() if name not in bad}

    def _wrong(self, taken: Answers) -> list[str]:
        from hub.setup.answers import wrong

        bad = wrong(taken)
        sentences = [self._say[f"{name}.wrong"] for name in bad]
        if bad and not self._asking:
            names = zip(bad, sentences, strict=True)
            raise click.ClickException("\n".join(f"{name}: {sentence}" for name, sentence in names))
        for sentence in sentences:
            click.echo(f"! {sentence}")
        return bad

    def _refused(self, taken: Answers) -> list[str]:
        from hub.doctor.texts import advice, detail
        from hub.setup.answers import ask_cloud, stands_in_the_way

        found = None if self._folder is None else ask_cloud(taken, self._folder)
        if found is None:
            return []
        text, remedy = detail(found, self._language), advice(found, self._language)
        self.cloud = {"state": found.state, "text": text, "advice": remedy}
        if stands_in_the_way(found) and not self._asking:
            raise click.ClickException(f"{text} {remedy} (--offline does not ask the cloud)")
        if not self._quiet:
            click.echo(f"{'✓' if found.state == 'ok' else '!'} {text} {remedy}".rstrip())
        return ["cloud_url", "cloud_token"] if stands_in_the_way(found) else []


def _known(config: Path) -> dict[str, str]:
    """What is set already, by the file and by the variables beside it."""
    from hub.setup.answers import FIELDS
    from hub.setup.state import asks_to_be_set_up

    settings = settings_of({}, config)
    known = {name: str(getattr(settings, name) or "") for name in FIELDS}
    if asks_to_be_set_up(config, os.environ):
        # Defaults that nobody chose, and nobody should get by not answering.
        known |= {"store_id": "", "store_name": ""}
    return known


def _from_file(answers: Any) -> dict[str, str]:
    if answers is None:
        return {}
    try:
        said = json.load(answers)
    except ValueError as error:
        raise click.ClickException(f"the answers are no JSON: {error}") from error
    if not isinstance(said, dict):
        raise click.ClickException('the answers must be one object: {"store_id": …, "store_name": …}')
    return said


def _convert(said: dict[str, Any]) -> Answers:
    import msgspec

    from hub.setup.answers import Answers

    try:
        return msgspec.convert(said, Answers)
    except msgspec.ValidationError as error:
        raise click.ClickException(f"the answers: {error}") from error


def _asked(known: dict[str, str], given: dict[str, str], say: dict[str, str]) -> dict[str, str]:
    """Ask for what options did not say."""
    found = dict(given)
    for name in ("store_name", "store_id", "timezone", "day_change_time", "cloud_url"):
        if name not in found:
            shown = known[name] or None
            found[name] = click.prompt(
                say[name], default=shown or ("" if name == "cloud_url" else None), show_default=bool(shown)
            ).strip()
    if not found["cloud_url"]:
        found["cloud_token"] = ""
    elif "cloud_token" not in found:
        kept = known["cloud_token"]
        label = say["cloud_token.kept"] if kept else say["cloud_token"]
        found["cloud_token"] = click.prompt(label, default=kept, show_default=False, hide_input=True).strip()
    return {**known, **found}


def _show_code(note: Path, as_json: bool) -> None:
    try:
        shown = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.ClickException(
            "there is no first-run page: this box is set up already, or no hub runs"
        ) from error
    click.echo(json.dumps(shown) if as_json else f"code={shown['code']}\nurl={shown['url']}")


def _pairing(data: Path | None) -> dict[str, Any]:
    made: dict[str, Any] = operate(data, "device.code", role="manager", minutes=PAIRING_MINUTES)
    return made
