"""The command line (CONTRACT section 10): reads arguments and hands over."""

from __future__ import annotations

import click

from hub.cli.demo import demo
from hub.cli.device import device
from hub.cli.export import export
from hub.cli.menu import import_menu
from hub.cli.run import run


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="storehub", prog_name="storehub")
def main() -> None:
    """The box in the store that keeps every order while the internet is down."""


main.add_command(run)
main.add_command(device)
main.add_command(import_menu)
main.add_command(demo)
main.add_command(export)
