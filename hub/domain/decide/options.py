"""Options that can run out: what is left of them, and saying so."""

from __future__ import annotations

from typing import Any

import msgspec

from hub.domain.check import ChosenOption
from hub.domain.commands_lines import ChangeOption
from hub.domain.decide.at import At
from hub.domain.errors import InvalidRequest, NotFound, SoldOut
from hub.domain.facts import Fact
from hub.domain.facts_lines import OptionChanged
from hub.domain.state import State


def options_left(
    state: State, options: tuple[ChosenOption, ...], quantity: int, wanted: dict[str, int]
) -> None:
    """Raises SoldOut for the first option that has too few portions left for so many units.

    wanted: portions asked for so far, here by group and option; it grows by these.
    """
    for chosen in options:
        group = state.option_groups.get(chosen.group_id)
        option = None if group is None else group.option(chosen.option_id)
        if option is None:
            continue
        key = f"{chosen.group_id}/{chosen.option_id}"
        wanted[key] = wanted.get(key, 0) + quantity * chosen.quantity
        if wanted[key] > 0 and (
            option.sold_out or (option.remaining is not None and option.remaining < wanted[key])
        ):
            remaining = 0 if option.availability == "sold_out" else option.remaining or 0
            raise SoldOut(
                group_id=chosen.group_id, option_id=option.id, name=option.name, remaining=remaining
            )


def change_option(state: State, command: ChangeOption, at: At) -> list[Fact]:
    group = state.option_groups.get(at.target)
    if group is None:
        raise NotFound(kind="option group", id=at.target)
    if group.option(command.option_id) is None:
        raise NotFound(kind="option", id=command.option_id)
    if command.availability is None and command.remaining is msgspec.UNSET:
        raise InvalidRequest.at("", "name at least one of availability and remaining")
    return [
        OptionChanged(
            group_id=group.id,
            option_id=command.option_id,
            availability=command.availability,
            remaining=command.remaining if isinstance(command.remaining, int) else None,
            remaining_counted=command.remaining is not None,
            menu_version=state.menu_version + 1,
        )
    ]


DECISIONS: dict[type[Any], Any] = {ChangeOption: change_option}
