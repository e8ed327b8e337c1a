"""At the edge of deciding: what is personal in a command is sealed, so that nothing behind it ever holds it in clear.

Keys are fetched and made before, with all the time it takes. The sealing itself is done at once with the decision,
from the record as it is then: two devices that change one customer never undo each other's change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, Struct
from msgspec.structs import replace

from hub.domain.cards import holds_card_number, refuse_card_numbers
from hub.domain.command import Command
from hub.domain.commands import ApplyMaster
from hub.domain.commands_customer import (
    ChangeCustomer,
    ForgetCustomer,
    Match,
    MergeCustomer,
    OfPerson,
    RegisterCustomer,
    SealedChange,
    SealedMerge,
    SealedRegister,
)
from hub.domain.customer import Customer, Person
from hub.domain.entries import Envelope
from hub.domain.errors import Conflict, InvalidRequest, NotFound
from hub.domain.facts import MasterChange
from hub.domain.facts_customer import CustomerChanged, CustomerRegistered
from hub.domain.menu import Id
from hub.domain.needs import Need
from hub.domain.state import State
from hub.ports import CustomerKey, KeyKeeper, StateKeeper
from hub.service.customers import Customers

FIELDS: Final = Person.__struct_fields__
_encode: Final = msgspec.json.Encoder().encode
_person: Final = msgspec.json.Decoder(Person)
KINDS: Final = frozenset({RegisterCustomer, ChangeCustomer, MergeCustomer, ForgetCustomer, ApplyMaster})


class ClearCustomer(Person, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A customer as the cloud or a file sends it (see MasterCustomer)."""

    id: Id
    points: Annotated[int, Meta(ge=-999_999_999, le=999_999_999)] | None = None
    points_seq: Annotated[int, Meta(ge=0)] | None = None

    @property
    def person(self) -> Person:
        return Person(*(getattr(self, name) for name in FIELDS))


class Ready(Struct):
    """sealed(): the command to decide, made at once with the decision. digest: what is hashed of the request.

    needs(): what must be in memory for that, beside what the command names.
    """

    sealed: Callable[[], Command]
    digest: str | None = None
    needs: Callable[[], Iterable[Need]] = tuple


# What answers a command about a person.
_ANSWERS: Final[dict[type[OfPerson], str]] = {
    RegisterCustomer: f"storehub.{CustomerRegistered.TYPE}.v1",
    ChangeCustomer: f"storehub.{CustomerChanged.TYPE}.v1",
}


def _asked(command: OfPerson) -> bytes:
    """What is hashed of the request: what is asked for, and of whom it says what."""
    return type(command).__name__.encode() + _encode(command)


class Sealing:
    def __init__(
        self, *, state: State, keeper: StateKeeper, customers: Customers, mint: Callable[[], str]
    ) -> None:
        self._state = state
        self._keeper = keeper
        self._customers = customers
        self._keys: KeyKeeper = customers.keys
        self._mint = mint

    async def ready(self, command: Command, target: str) -> Ready | None:
        """None: there is nothing to seal. Raises HubError for what cannot be sealed, StoreError."""
        if isinstance(command, OfPerson):
            refuse_card_numbers(command)
        if isinstance(command, RegisterCustomer):
            return await self._register(command)
        if isinstance(command, ChangeCustomer):
            return await self._change(command, target)
        if isinstance(command, MergeCustomer):
            return await self._merge(command, target)
        if isinstance(command, ApplyMaster) and any(one.kind == "customer" for one in command.changes):
            return await self._master(command)
        return None

    async def digest(self, envelope: Envelope, command: OfPerson) -> str | None:
        """The digest of such a command about the customer in an entry that may have answered it.

        None when the key is destroyed, so that nobody can tell any more. An entry of another kind answered none.
        """
        if envelope.type != _ANSWERS.get(type(command)):
            return ""
        customer_id = envelope.subject.removeprefix("customers/")
        key = (await self._keys.keys([customer_id])).get(customer_id)
        return None if key is None else key.digest(_asked(command))

    async def follow(self) -> None:
        await self._customers.follow()

    async def _register(self, command: RegisterCustomer) -> Ready:
        person = Person(*(getattr(command, name) for name in FIELDS))
        _findable(person)
        customer_id = self._mint()
        key = (await self._keys.make([customer_id]))[customer_id]

        def sealed() -> Command:
            taken_by = self._customers.index.holder(person)
            return SealedRegister(customer_id, key.seal(_encode(person)), taken_by, **_by(command))

        return Ready(sealed, key.digest(_asked(command)))

    async def _change(self, command: ChangeCustomer, target: str) -> Ready:
        key = await self._key_of(target)
        named = {name: value for name in FIELDS if (value := getattr(command, name)) is not UNSET}

        def sealed() -> Command:
            person = replace(self._opened(target, key), **named)
            _findable(person)
            taken_by = None
            if "code" in named or "card" in named:
                taken_by = self._customers.index.holder(person, besides=target)
            return SealedChange(key.seal(_encode(person)), tuple(sorted(named)), taken_by, **_by(command))

        return Ready(sealed, key.digest(_asked(command)))

    async def _merge(self, command: MergeCustomer, target: str) -> Ready:
        mine, theirs = await self._key_of(target), await self._key_of(command.customer_id)

        def sealed() -> Command:
            person = self._opened(target, mine)
            both = combined(person, self._opened(command.customer_id, theirs))
            new = None if both == person else mine.seal(_encode(both))
            return SealedMerge(command.customer_id, new, **_by(command))

        return Ready(sealed)

    async def _key_of(self, customer_id: str) -> CustomerKey:
        key = (await self._keys.keys([customer_id])).get(customer_id)
        if key is None:
            customer = self._state.customers.get(customer_id)
            if customer is not None and customer.merged_into is not None:
                raise Conflict(reason=f"The customer was merged: it is {customer.merged_into} now.")
            raise NotFound(kind="customer", id=customer_id)
        return key

    def _opened(self, customer_id: str, key: CustomerKey) -> Person:
        customer = self._state.customers.get(customer_id)
        if customer is None or not customer.active:
            raise NotFound(kind="customer", id=customer_id)
        return _open(customer, key)

    # -- the cloud, and files -----------------------------------------------------------------------------------

    async def _master(self, command: ApplyMaster) -> Ready:
        if command.source == "cloud":
            # Whoever the store registered must be found, or the same person would be there twice.
            await self._customers.built()
        changes = [_clear(index, change) for index, change in enumerate(command.changes)]
        ids = [clear.id for clear in changes if clear is not None]
        about = [change.id for change in command.changes if change.kind == "customer"]
        known = {one.id: one for one in await self._customers.records(about)}
        keys = dict(await self._keys.keys(ids))
        wanted = [
            clear.id
            for clear in changes
            if clear is not None
            and clear.id not in keys
            and clear.person != Person()
            and self._takes(self._state.customers.get(clear.id) or known.get(clear.id))
        ]
        keys |= await self._keys.make(wanted)
        gone = await self._gone(command)

        def needs() -> Iterable[Need]:
            own = (self._own(command, clear) for clear in changes if clear is not None)
            ids = (*about, *(change.id for change in gone), *(one for one in own if one is not None))
            return [("customers", one) for one in ids]

        return Ready(lambda: self._sealed_master(command, changes, keys, gone), needs=needs)

    @staticmethod
    def _takes(customer: Customer | None) -> bool:
        """Whether the cloud may say who this is: not of one who asked to be forgotten."""
        return customer is None or customer.status in ("active", "gone")

    def _own(self, command: ApplyMaster, customer: ClearCustomer) -> str | None:
        """The store's own record of a person whom the cloud brings, where just one fits."""
        if command.source != "cloud" or customer.person == Person():
            return None
        own = [one for one in self._customers.index.same_as(customer.person) if one != customer.id]
        return own[0] if len(own) == 1 else None

    def _sealed_master(
        self,
        command: ApplyMaster,
        clear: Sequence[ClearCustomer | None],
        keys: dict[str, CustomerKey],
        gone: list[MasterChange],
    ) -> ApplyMaster:
        changes: list[MasterChange] = []
        matches: dict[str, Match] = {}
        for change, customer in zip(command.changes, clear, strict=True):
            if customer is None:
                changes.append(change)
                continue
            person = customer.person
            own = self._own(command, customer)
            if own is not None and own not in matches:
                matches[own] = Match(customer.id, own)
                person = combined(person, self._customers.index.own[own])
            value: dict[str, Any] = {"id": customer.id}
            if customer.points is not None:
                value["points"] = customer.points
            if customer.points_seq is not None:
                value["points_seq"] = customer.points_seq
            key = keys.get(customer.id)
            if person != Person() and key is not None:
                known = self._state.customers.get(customer.id)
                if known is None or not known.sealed or _open(known, key) != person:
                    value["sealed"] = key.seal(_encode(person))
            changes.append(replace(change, value=value))
        return replace(command, changes=(*changes, *gone), matches=tuple(matches.values()))

    async def _gone(self, command: ApplyMaster) -> list[MasterChange]:
        """Of a full list of the cloud's: those that came from there and are not in it any more."""
        if not command.full or command.source != "cloud":
            return []
        seen = {change.id for change in command.changes if change.kind == "customer"}
        found: set[str] = set()
        after = ""
        while page := await self._keeper.of_shelf("customers", after=after, limit=1000):
            found.update(one.id for one in page if one.active and one.origin == "master")
            after = page[-1].id
        for one in self._state.customers.committed.values():
            (found.add if one.active and one.origin == "master" else found.discard)(one.id)
        return [MasterChange("customer", one, None) for one in sorted(found - seen)]


def _by(command: Command) -> dict[str, str | None]:
    """Who does it, and by whose leave."""
    return {"staff_id": command.staff_id, "approval_id": command.approval_id}


def combined(first: Person, second: Person) -> Person:
    """What the first says stands; what it does not say, the second may."""
    return Person(*(getattr(first, name) or getattr(second, name) for name in FIELDS))


def _open(customer: Customer, key: CustomerKey) -> Person:
    if not customer.sealed:
        return Person()
    try:
        return _person.decode(key.open(customer.sealed))
    except ValueError as error:
        raise Conflict(reason="The customer's data cannot be opened with its key.") from error


def _findable(person: Person) -> None:
    if not person.findable:
        raise InvalidRequest.at("name", "give at least a name, kana, phone, code or card")


def _clear(index: int, change: MasterChange) -> ClearCustomer | None:
    """Raises InvalidRequest, without a word of what was sent."""
    if change.kind != "customer" or change.value is None:
        return None
    path = f"changes[{index}]"
    try:
        customer = msgspec.convert(change.value, ClearCustomer)
    except msgspec.ValidationError as error:
        raise InvalidRequest.at(f"{path}.value", str(error)) from error
    if customer.id != change.id:
        raise InvalidRequest.at(f"{path}.id", f"is not the id of its value: {change.id}")
    for name in FIELDS:
        if holds_card_number(getattr(customer, name)):
            raise InvalidRequest.at(f"{path}.value.{name}", "holds what looks like a payment card's number")
    return customer
