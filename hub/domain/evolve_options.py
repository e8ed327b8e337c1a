"""What is left of options that are counted."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from hub.domain.check import ChosenOption
from hub.domain.facts_lines import OptionChanged
from hub.domain.goods import ran_out
from hub.domain.state import Meta, State


def move_options(state: State, units: Iterable[tuple[tuple[ChosenOption, ...], int]]) -> None:
    """Add portions to the options that are counted, for so many units of what they were chosen with; never below 0."""
    counted = state.counted_groups
    if not counted:
        return
    portions: dict[tuple[str, str], int] = {}
    for options, quantity in units:
        for chosen in options:
            if chosen.group_id in counted:
                key = (chosen.group_id, chosen.option_id)
                portions[key] = portions.get(key, 0) + quantity * chosen.quantity
    moved = False
    for (group_id, option_id), quantity in portions.items():
        group = state.option_groups.get(group_id)
        option = None if group is None else group.option(option_id)
        if group is not None and option is not None and option.remaining is not None and quantity:
            left = max(0, option.remaining + quantity)
            ran_out(state, before=option.remaining, after=left)
            state.option_groups.put(group_id, group.with_option(replace(option, remaining=left)))
            moved = True
    if moved:
        state.counters.put("stock_version", (state.counters.get("stock_version") or 0) + 1)


def option_changed(state: State, fact: OptionChanged, meta: Meta) -> None:
    group = state.option_groups.get(fact.group_id)
    option = None if group is None else group.option(fact.option_id)
    if group is not None and option is not None:
        if fact.availability is not None:
            option = replace(option, availability=fact.availability)
        if fact.remaining is not None or not fact.remaining_counted:
            option = replace(option, remaining=fact.remaining)
        state.option_groups.put(group.id, group.with_option(option))
        # A version that no device has seen, also when it comes late (recovered).
        state.counters.put("menu_version", max(fact.menu_version, state.menu_version + 1))
