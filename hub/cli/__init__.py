"""The command line (CONTRACT section 10): reads arguments and hands over."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

# Each command, and the module of hub.cli with it, under the command's name unless another follows the colon.
# One a line, so that two people may add one each.
COMMANDS: Final = {
    "run": "run",
    "setup": "setup",
    "status": "status",
    "doctor": "doctor",
    "device": "device",
    "import": "importing:import_",
    "export": "export",
    "verify": "verify",
    "repair": "repair",
    "backup": "backup",
    "restore": "backup:restore",
    "bundle": "bundle",
    "certificate": "certificate",
    "drill": "drill",
    "sync": "sync",
    "update": "update",
    "clock": "clock",
    "mirror": "mirror",
    "standby": "promote:standby",
    "promote": "promote",
    "replace": "replace",
    "demo": "demo",
}


def command_named(name: str) -> click.Command:
    """The command of that name of COMMANDS. Its module is imported now: `run` need not wait for all the others."""
    module, _, attribute = COMMANDS[name].partition(":")
    found: click.Command = getattr(import_module(f"hub.cli.{module}"), attribute or name)
    return found


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return command_named(cmd_name) if cmd_name in COMMANDS else None


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
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
