"""storehub update."""

from __future__ import annotations

import fcntl
import os
import subprocess
import syslog
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from hub.released import Update, read_marker
from hub.update.layout import UPDATER, Layout, UpdateError


@click.command()
@click.argument("source", required=False, metavar="FILE|ADDRESS|VERSION")
@click.option(
    "--wheels", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Its dependencies."
)
@click.option("--unsigned", is_flag=True, help="Take it without a trusted signature; this is logged.")
@click.option(
    "--check", is_flag=True, help="Only look whether there is a later one, in a folder or at its address."
)
@click.option("--back", is_flag=True, help="Go back to the version before the last update.")
def update(source: str | None, wheels: Path | None, unsigned: bool, check: bool, back: bool) -> None:
    """Bring the box to another version: from a bundle, a wheel, a Debian package, or the package index by version.

    The new version is installed beside the running one and must pass every check first: hashes, Python, imports, free
    space, and its start on a copy of the journal. Then it is switched to. If it is not well within a minute, the old
    version runs again by itself. Orders wait for a few seconds only. A box that has keys takes only what they signed.
    As root, on an installed box.

    \b
      sudo storehub update /media/usb/storehub-0.2.0-aarch64.tar
      sudo storehub update 0.2.0
      sudo storehub update --check /media/usb
      sudo storehub update --back

    Exit status 1 when the box did not come to run the version asked for; the reason is told.
    """
    layout = Layout.of_environment()
    if check:
        return look_for_later(layout, source)
    if (source is None) != back:
        raise click.UsageError("name a file, an address or a version, or --back, or --check")
    if not layout.staged and os.geteuid() != 0:
        raise click.ClickException("only root may update the box: sudo storehub update …")
    try:
        with _alone(layout):
            ended = go_back(layout) if back else bring(layout, source or "", wheels, unsigned=unsigned)
    except (UpdateError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if ended is None:
        click.echo("this version runs already: nothing to do")
        return
    wanted = "returned" if back else "done"
    now = ended.to_version if ended.state == "done" else ended.from_version
    line = f"{now} runs; orders were taken again after {ended.orders_back_s} s"
    if ended.state == wanted:
        click.echo(line)
        return
    raise click.ClickException(
        f"{ended.reason}\n{line}" if ended.state == "returned" else f"neither version is well: {ended.reason}"
    )


def look_for_later(layout: Layout, given: str | None) -> None:
    """Tell and remember whether there is a later version; without a place to look, the one of the settings."""
    from importlib.metadata import version

    from hub.cli.common import settings_of
    from hub.update.offered import look, remember
    from hub.update.signing import keys_in

    place = given or settings_of({}).update_from
    if not place:
        click.echo("nothing says where to look: name a folder or an address, or set update_from")
        return
    try:
        trusted = keys_in(layout.key_folders, owner=layout.owner)
        offer = look(place, running=version("storehub"), trusted=trusted, tell=click.echo)
        remember(layout.data, offer)
    except (UpdateError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if offer is None:
        click.echo(f"no later version in {place}")
    else:
        click.echo(f"{offer.version} can be had: sudo storehub update {offer.source}")


def bring(layout: Layout, given: str, wheels: Path | None, *, unsigned: bool = False) -> Update | None:
    """To what is given; how it ended, None when it runs already. Raises UpdateError."""
    from hub.cli.mains import held_back
    from hub.update.preparing import prepare
    from hub.update.signing import keys_in
    from hub.update.source import source_of

    _finish(layout)
    if reason := held_back(layout.data / "control.sock"):
        raise UpdateError(reason)
    trusted = {} if unsigned else keys_in(layout.key_folders, owner=layout.owner)
    if unsigned:
        _log(f"an update to {given!r} without asking who signed it")
    with tempfile.TemporaryDirectory(prefix="storehub-update-") as scratch:
        found = source_of(given, Path(scratch), wheels=wheels, trusted=trusted)
        if found.signed_by:
            click.echo(f"signed by {found.signed_by}")
        if prepare(layout, found, click.echo) is None:
            return None
    ended = _carried(layout)
    if ended.state == "done":
        layout.release_sh(layout.release(ended.to_release) / "share/storehub/release.sh", "tidy")
        if found.package is not None and not layout.staged:
            # Debian's own list learns of it; the release is there already, so nothing is made and nothing restarted.
            subprocess.run(["dpkg", "--install", str(found.package)], check=False)  # noqa: S603, S607
    return ended


def go_back(layout: Layout) -> Update:
    """To the version before the last update. Raises UpdateError."""
    from msgspec.structs import replace

    from hub.released import write_marker

    _finish(layout)
    last = read_marker(layout.marker)
    if last is None or last.state != "done" or layout.current() != last.to_release:
        raise UpdateError("there was no update that one could go back from")
    if not layout.complete(last.from_release):
        raise UpdateError(f"the version before, {last.from_version}, is no longer here")
    write_marker(layout.marker, replace(last, state="returning", reason="asked for"))
    layout.hand_to(last.to_release)
    return _carried(layout)


def _finish(layout: Layout) -> None:
    """An update that something ended is brought to its end first."""
    found = read_marker(layout.marker)
    if found is not None and not found.over:
        click.echo(f"an update to {found.to_version} was under way: it is finished first")
        _carried(layout)


def _carried(layout: Layout) -> Update:
    """The switch itself, out of reach of a terminal that closes; as it ended."""
    from hub.update.engine import carry_on

    if not layout.staged and layout.systemctl("cat", UPDATER, check=False):
        layout.systemctl("start", UPDATER, check=False)
        ended = read_marker(layout.marker)
    else:
        ended = carry_on(layout, click.echo)
    if ended is None or not ended.over:
        raise UpdateError(f"the update did not come to its end: journalctl -u {UPDATER}")
    return ended


def _log(what: str) -> None:
    """Into the machine's log, with the name of the person."""
    syslog.openlog("storehub-update")
    syslog.syslog(
        syslog.LOG_WARNING, f"{what}, by {os.environ.get('SUDO_USER') or os.environ.get('USER') or 'root'}"
    )


@contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    layout.prefix.mkdir(parents=True, exist_ok=True)
    handle = os.open(layout.prefix / "update.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UpdateError("another update is under way") from error
        yield
    finally:
        os.close(handle)
