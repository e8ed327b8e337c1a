"""Changes of the master data: made in the store, brought by the cloud, or imported from a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec

from hub.domain.commands import ApplyMaster, ChangeProduct
from hub.domain.decide import customers
from hub.domain.decide.at import At
from hub.domain.decide.levels import levels_moved
from hub.domain.device import may
from hub.domain.errors import Conflict, Forbidden, InvalidRequest, NotFound
from hub.domain.facts import Fact, MasterApplied, MasterChange, MasterDecision, ProductChanged
from hub.domain.menu import OptionGroup, Product, plain
from hub.domain.shelf import Shelf
from hub.domain.state import KINDS, State

# One entry holds at most this many changes, so that no entry grows past what a device or a batch can carry.
CHANGES_MAX: Final = 200


def change_product(state: State, command: ChangeProduct, at: At) -> list[Fact]:
    product = state.products.get(at.target)
    if product is None:
        raise NotFound(kind="product", id=at.target)
    if command.price is not None and not may(at.device.role, "price"):
        raise Forbidden(role=at.device.role)
    counted = command.remaining is not None
    if command.availability is None and command.price is None and command.remaining is msgspec.UNSET:
        raise InvalidRequest.at("", "name at least one of availability, remaining and price")
    return [
        ProductChanged(
            product_id=product.id,
            availability=command.availability,
            remaining=command.remaining if isinstance(command.remaining, int) else None,
            remaining_counted=counted,
            price=command.price,
            menu_version=state.menu_version + 1,
        )
    ]


def apply_master(state: State, command: ApplyMaster, at: At) -> list[Fact]:
    """Entries with what really changes.

    Availability and remaining counts of a product or option the store has stay the store's own.
    """
    changes = list(_effective(state, command))
    facts: list[Fact] = levels_moved(state, command, at)
    merges = customers.matched(state, command.matches)
    if (
        not changes
        and not merges
        and (command.cursor is None or command.cursor == state.settings.get("master_cursor"))
    ):
        return facts
    source: Literal["cloud", "import"] = "cloud" if command.source == "cloud" else "import"
    for start in range(0, max(len(changes), 1), CHANGES_MAX):
        part = changes[start : start + CHANGES_MAX]
        last = start + CHANGES_MAX >= len(changes)
        facts.append(
            MasterApplied(
                source=source,
                changes=tuple(part),
                # The cursor moves with the last part: all of them ride in one commit.
                cursor=command.cursor if last else None,
                menu_version=state.menu_version + 1,
                decided=tuple(_decided(state, part)) if source == "cloud" else (),
            )
        )
    return [*facts, *merges]


def _effective(state: State, command: ApplyMaster) -> Iterator[MasterChange]:
    seen: set[tuple[str, str]] = set()
    for index, change in enumerate(command.changes):
        seen.add((change.kind, change.id))
        if change.kind == "stock":
            continue  # A level is no thing that stands: see levels_moved().
        if (
            (change.kind, change.id) == ("setting", "currency")
            and change.value != state.currency
            and _used(state)
        ):
            if command.source == "cloud":
                continue  # It must not stop what else the cloud sends.
            raise Conflict(reason=f"the store has orders in {state.currency}: its currency cannot change")
        if change.kind == "customer":
            kept = customers.from_master(
                state, change, f"changes[{index}]", imported=command.source == "import"
            )
            if kept is not None:
                yield kept
            continue
        value = _checked(state, change, f"changes[{index}]")
        if value != _present(state, change):
            yield MasterChange(change.kind, change.id, value, change.version)
    if command.full:
        spoken_of = command.kinds or tuple(KINDS)
        if command.source == "cloud":
            # A cloud that knows no product at all has none to say anything about: the imported menu stays.
            spoken_of = tuple({change.kind for change in command.changes})
        for kind, (shelf_name, _) in KINDS.items():
            # Customers that are gone are named by who reads the list (hub/service/customers.py): not all are in memory.
            if kind not in spoken_of or kind == "customer":
                continue
            shelf: Shelf[Any] = getattr(state, shelf_name)
            for key in [key for key, _ in shelf.items()]:
                if (kind, key) not in seen:
                    yield MasterChange(kind, key, None)  # type: ignore[arg-type]


def _present(state: State, change: MasterChange) -> Any:
    if change.kind in KINDS:
        return plain(getattr(state, KINDS[change.kind][0]).get(change.id))
    if change.kind == "setting":
        return state.settings.get(change.id)
    device = state.devices.get(change.id)
    return change.value if device is None or device.revoked_at is not None else None


def _checked(state: State, change: MasterChange, path: str) -> Any:
    """The value in the shape it is stored in. Raises InvalidRequest when it is not of its kind."""
    if change.value is None or change.kind not in KINDS:
        return change.value
    try:
        value = msgspec.convert(change.value, KINDS[change.kind][1])
    except msgspec.ValidationError as error:
        raise InvalidRequest.at(f"{path}.value", str(error)) from error
    if value.id != change.id:  # type: ignore[attr-defined]
        raise InvalidRequest.at(f"{path}.id", f"is not the id of its value: {change.id}")
    mine = state.products.get(change.id) if isinstance(value, Product) else None
    if mine is not None and isinstance(value, Product):
        value = msgspec.structs.replace(
            value,
            availability=mine.availability,
            remaining=mine.remaining if value.stock_tracked == mine.stock_tracked else value.remaining,
        )
    if isinstance(value, OptionGroup) and (own := state.option_groups.get(change.id)) is not None:
        value = _with_counts(value, own)
    return plain(value)


def _with_counts(group: OptionGroup, own: OptionGroup) -> OptionGroup:
    """The group as it is now, with the counts that the store has of its options."""
    options = []
    for option in group.options:
        mine = own.option(option.id)
        if mine is not None:
            remaining = option.remaining if mine.remaining is None else mine.remaining
            option = msgspec.structs.replace(option, availability=mine.availability, remaining=remaining)
        options.append(option)
    return msgspec.structs.replace(group, options=tuple(options))


def _used(state: State) -> bool:
    """Whether anything was ever ordered or sold here."""
    return any(key.startswith(("check_no:", "receipt_no:")) for key, _ in state.counters.items())


def _decided(state: State, changes: list[MasterChange]) -> Iterator[MasterDecision]:
    """Prices that the store had changed and the cloud changes too: the cloud's word stands, and both are told."""
    for change in changes:
        ours = state.local_prices.get(change.id) if change.kind == "product" else None
        if ours is not None and change.value is not None and change.value["price"] != ours:
            yield MasterDecision(change.id, "price", ours, change.value["price"], "cloud")


DECISIONS: dict[type[Any], Any] = {ChangeProduct: change_product, ApplyMaster: apply_master}
