"""From a release that was checked to one that runs: a few steps, each written down before it is taken.

Whatever ends this program, a power cut among it, `carry_on` goes on from the last step that was written down: the unit
storehub-update.service calls it at the next start of the box. Every step may be taken twice. At any moment the link
`venv` names a complete release, the old one or the new one, and systemd keeps starting it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from hub.released import Update, read_marker, write_marker
from hub.update.health import WITHIN_S, Health, wait
from hub.update.layout import SERVICE, Layout, Tell, UpdateError, last_words

TABLES_S: Final = 600.0


def carry_on(layout: Layout, tell: Tell = print) -> Update | None:
    """Bring an update that is under way to its end; how it ended, None when none is. Raises UpdateError, OSError."""
    update = read_marker(layout.marker)
    if update is None or update.over:
        layout.hand_to(None)
        return None
    if update.state == "prepared":
        update = _written(layout, replace(update, state="switched"))
    if update.state == "switched":
        update = _switch(layout, update, tell)
    if update.state == "returning":
        update = _return(layout, update, tell)
    layout.hand_to(None)
    return update


def _switch(layout: Layout, update: Update, tell: Tell) -> Update:
    """The new release runs and is well, or the update is to go back."""
    tell(f"switching to {update.to_version}")
    layout.switch_to(update.to_release)
    health = _started(layout, update.to_release, update.to_version, "restart")
    if health.reason:
        tell(f"{update.to_version} is not well: {health.reason}")
        return _written(layout, replace(update, state="returning", reason=health.reason))
    tell(f"{update.to_version} takes orders, {health.orders_back_s} s after the stop")
    return _written(layout, replace(update, state="done", orders_back_s=health.orders_back_s, reason=""))


def _return(layout: Layout, update: Update, tell: Tell) -> Update:
    """The old release runs again, with the tables as it knew them and every entry that was accepted meanwhile."""
    tell(f"going back to {update.from_version}")
    # Its stop finishes and answers the last commit.
    layout.systemctl("stop", SERVICE, check=False)
    since = time.monotonic()
    try:
        layout.run(
            _own(layout),
            "-m", "hub.update.tables", "restore", str(layout.data), str(layout.kept_tables),
            timeout_s=TABLES_S,
        )  # fmt: skip
    except UpdateError as error:
        # Tables of the newer version are better than no hub: whether the old one can read them, it says itself.
        tell(f"the tables stay as they are: {last_words(str(error))}")
    layout.switch_to(update.from_release)
    health = _started(layout, update.from_release, update.from_version, "start", since)
    state = "stuck" if health.reason else "returned"
    reason = "; ".join(
        filter(None, (update.reason, health.reason and f"{update.from_version}: {health.reason}"))
    )
    tell(f"{update.from_version} {'is not well either: ' + health.reason if health.reason else 'runs again'}")
    return _written(
        layout,
        replace(update, state=state, reason=reason, orders_back_s=health.orders_back_s),
    )


def _own(layout: Layout) -> str:
    """The release whose code this is; the current one when it runs from a source tree."""
    path = layout.updater_link
    return os.path.basename(os.readlink(path)) if path.is_symlink() else layout.current()


def _started(layout: Layout, release: str, version: str, verb: str, since: float | None = None) -> Health:
    """Have systemd start it, and see how it is. A start that fails is seen by nothing answering."""
    since = time.monotonic() if since is None else since
    # Not waited for: a release that hangs as it starts would hold this up for longer than it is given.
    layout.systemctl("--no-block", verb, SERVICE, check=False)
    return asyncio.run(wait(layout, release=release, version=version, since=since, within_s=WITHIN_S))


def _written(layout: Layout, update: Update) -> Update:
    update = replace(update, at=datetime.now(UTC).isoformat(timespec="seconds"))
    write_marker(layout.marker, update)
    return update


def main() -> int:
    """For storehub-update.service."""
    try:
        ended = carry_on(Layout.of_environment())
    except (UpdateError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if ended is None or ended.state != "stuck" else 1
