"""The drawer: float, cash in and out, openings, 点検 and 精算. Whatever a register cannot do now is refused by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from hub.domain.commands_day import CountRegister, MoveDrawer, PiecesIn, SettleRegister, TenderCountIn
from hub.domain.decide.at import At
from hub.domain.decide.orders import AMOUNT_MAX
from hub.domain.errors import InvalidRequest, RegisterRefused
from hub.domain.facts import Fact
from hub.domain.facts_day import DrawerMoved, RegisterCounted, RegisterSettled
from hub.domain.figures import Tenders
from hub.domain.register import (
    DENOMINATIONS,
    NEXT,
    Pieces,
    RegisterDay,
    RegisterMove,
    SettledTender,
    register_key,
)
from hub.domain.state import State

_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def register_on(state: State, date: str, register_id: str) -> RegisterDay:
    return state.registers.get(register_key(date, register_id)) or RegisterDay(
        register_id=register_id, business_date=date
    )


def move_drawer(state: State, command: MoveDrawer, at: At) -> list[Fact]:
    move = RegisterMove(command.kind)
    register = _movable(state, at, at.stamp.business_date, move)
    if move is RegisterMove.DRAWER:
        if command.amount or command.pieces:
            raise InvalidRequest.at("amount", "an opening moves no money: say kind in or out")
        amount = 0
    else:
        amount = counted(state, command.amount, command.pieces)
        if not amount and move is not RegisterMove.FLOAT:
            raise InvalidRequest.at("amount", "must be more than 0")
    if move in (RegisterMove.IN, RegisterMove.OUT) and not command.reason:
        raise InvalidRequest.at("reason", "say what the money is for")
    after = register.moved(move, amount)
    # A corrected clock may leave a run below nothing: then money still comes in, and the drawer opens.
    if after.expected < min(0, register.expected):
        raise InvalidRequest.at(
            "amount", f"is more than the {register.expected} that should be in the drawer"
        )
    return [
        DrawerMoved(
            register_id=register.register_id,
            date=register.business_date,
            kind=command.kind,
            amount=amount,
            reason=command.reason,
            expected=after.expected,
            register_status=after.status,
            pieces=_pieces(command.pieces),
        )
    ]


def count_register(state: State, command: CountRegister, at: At) -> list[Fact]:
    register = _movable(state, at, _date(command.date, at), RegisterMove.COUNT)
    return [RegisterCounted(**_count(state, register, command, at))]


def settle_register(state: State, command: SettleRegister, at: At) -> list[Fact]:
    register = _movable(state, at, _date(command.date, at), RegisterMove.SETTLE)
    number = len(register.settlements) + 1
    return [RegisterSettled(number=number, **_count(state, register, command, at))]


def _date(asked: str | None, at: At) -> str:
    if asked is not None and asked > at.stamp.business_date:
        raise InvalidRequest.at("date", f"has not come: today is {at.stamp.business_date}")
    return asked or at.stamp.business_date


def _movable(state: State, at: At, date: str, move: RegisterMove) -> RegisterDay:
    if _ID.fullmatch(at.target) is None:
        raise InvalidRequest.at("id", "must be 1 to 64 of A-Za-z0-9._-")
    register = register_on(state, date, at.target)
    if (register.status, move) not in NEXT:
        raise RegisterRefused(
            register_id=at.target, register_status=register.status, date=date, move=move.value
        )
    return register


def _count(
    state: State, register: RegisterDay, command: CountRegister | SettleRegister, at: At
) -> dict[str, Any]:
    cash = counted(state, command.amount, command.pieces)
    return {
        "register_id": register.register_id,
        "date": register.business_date,
        "float_": register.float_,
        "cash_in": register.cash_in,
        "cash_out": register.cash_out,
        "cash_sales": register.cash_sales,
        "expected": register.expected,
        "counted": cash,
        "over_short": cash - register.expected,
        "openings": register.openings,
        "tenders": _tenders(register.tenders, command.tenders),
        "unsent": at.unsent(),
        "pieces": _pieces(command.pieces),
    }


def _tenders(sums: Tenders, counts: Sequence[TenderCountIn]) -> tuple[SettledTender, ...]:
    """What each tender should come to, beside what was counted of it."""
    said: dict[str, int] = {}
    known = {row.method: row for row in sums}
    for index, one in enumerate(counts):
        row = known.get(one.method)
        if row is None or one.method in said or row.kind == "cash":
            problem = (
                "was not taken at this register" if row is None
                else "is counted as the drawer's amount" if row.kind == "cash"
                else "is named twice"
            )  # fmt: skip
            raise InvalidRequest.at(f"tenders[{index}].method", f"{one.method} {problem}")
        said[one.method] = one.amount
    return tuple(
        SettledTender(
            method=row.method,
            name=row.name,
            kind=row.kind,
            count=row.count,
            expected=row.amount,
            counted=said.get(row.method),
            over_short=said[row.method] - row.amount if row.method in said else None,
        )
        for row in sums
    )


def counted(state: State, amount: int | None, pieces: Sequence[PiecesIn]) -> int:
    """The cash that was counted: as an amount, or by notes and coins. Raises InvalidRequest."""
    if not pieces:
        if amount is None:
            raise InvalidRequest.at("amount", "say the amount, or the pieces it is made of")
        return amount
    kinds = DENOMINATIONS.get(state.currency)
    seen: set[int] = set()
    for index, piece in enumerate(pieces):
        if kinds is not None and piece.value not in kinds:
            raise InvalidRequest.at(
                f"pieces[{index}].value", f"{state.currency} has no {piece.value}: {kinds}"
            )
        if piece.value in seen:
            raise InvalidRequest.at(f"pieces[{index}].value", f"{piece.value} is named twice")
        seen.add(piece.value)
    total = sum(piece.value * piece.count for piece in pieces)
    if amount is not None and amount != total:
        raise InvalidRequest.at("amount", f"the pieces come to {total}")
    if total > AMOUNT_MAX:
        raise InvalidRequest.at("pieces", f"come to more than {AMOUNT_MAX}")
    return total


def _pieces(pieces: Sequence[PiecesIn]) -> tuple[Pieces, ...]:
    return tuple(Pieces(piece.value, piece.count) for piece in pieces)


DECISIONS: dict[type[Any], Any] = {
    MoveDrawer: move_drawer,
    CountRegister: count_register,
    SettleRegister: settle_register,
}
