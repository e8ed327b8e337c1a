"""What is refused first when the disk is nearly full, so that orders and money have what is left of it.

Orders are money here: what a kitchen was told is paid an hour later. So is everything of a check, a drawer and a day.
"""

from __future__ import annotations

from typing import Final

from hub.domain.command import Command
from hub.domain.commands import ApplyMaster, RecordFact
from hub.domain.commands_customer import ChangeCustomer, MergeCustomer, RegisterCustomer
from hub.domain.commands_staff import SetPin
from hub.domain.commands_stock import CountStock, MoveStock

# May wait until there is room again: nobody loses money by it.
MAY_WAIT: Final = frozenset(
    {RecordFact, RegisterCustomer, ChangeCustomer, MergeCustomer, SetPin, CountStock, MoveStock}
)


def may_wait(command: Command) -> bool:
    """A list from the cloud is not refused: it would be passed over as wrong. One from a person is."""
    if isinstance(command, ApplyMaster):
        return command.source == "import"
    return type(command) in MAY_WAIT
