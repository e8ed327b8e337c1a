"""The command line (CONTRACT section 10): reads arguments and hands over."""

from __future__ import annotations

from typing import Final

import click

from hub.cli.backup import backup, restore
from hub.cli.bundle import bundle
from hub.cli.certificate import certificate
from hub.cli.clock import clock
from hub.cli.demo import demo
from hub.cli.device import device
from hub.cli.doctor import doctor
from hub.cli.drill import drill
from hub.cli.export import export
from hub.cli.importing import import_
from hub.cli.mirror import mirror
from hub.cli.promote import promote, standby
from hub.cli.repair import repair
from hub.cli.replace import replace
from hub.cli.run import run
from hub.cli.setup import setup
from hub.cli.status import status
from hub.cli.sync import sync
from hub.cli.update import update
from hub.cli.verify import verify


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="storehub", prog_name="storehub")
def main() -> None:
    """The box in the store that keeps every order and sale while the internet is down.

    \b
    A first store:
      storehub run                    the hub; it prints its address
      storehub setup                  which store this box is for
      storehub import menu.json       what can be ordered
      storehub device code            a QR code for a handheld
      storehub status                 how it is
      storehub doctor                 what is wrong, and what to do
    \b
    All commands work on the same --data directory (or STOREHUB_DATA), while the hub runs and while it does not.
    Exit status: 0 success, 1 refused or failed, 2 wrong usage; doctor: 3 for warnings alone.
    """


# One a line, so that two people may add one each.
COMMANDS: Final = (
    run,
    setup,
    status,
    doctor,
    device,
    import_,
    export,
    verify,
    repair,
    backup,
    restore,
    bundle,
    certificate,
    drill,
    sync,
    update,
    clock,
    mirror,
    standby,
    promote,
    replace,
    demo,
)
for command in COMMANDS:
    main.add_command(command)
