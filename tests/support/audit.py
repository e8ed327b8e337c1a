"""What two journals must be: the same bytes, one chain, every acknowledged fact once, nothing twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Any

from tests.support.core import PORTIONS
from tests.support.handheld import Ack


def chain_problems(raws: Sequence[bytes]) -> list[str]:
    """Everything that is wrong with the chain, read without any of the product's own code."""
    problems = []
    before = "0" * 64
    for seq, raw in enumerate(raws, 1):
        entry = json.loads(raw)
        if entry["seq"] != seq:
            problems.append(f"seq {entry['seq']} stands in place {seq}")
        if entry["prevhash"] != before:
            problems.append(f"the chain breaks before {seq}")
        if entry["id"] != f"{entry['epoch']}-{seq}":
            problems.append(f"{entry['id']} is the id of {entry['epoch']}:{seq}")
        before = sha256(raw).hexdigest()
    return problems


def ack_problems(raws: Sequence[bytes], acks: Iterable[Ack]) -> list[str]:
    """Acknowledged facts that are not there once, keys and marks that are there twice, answers that differ."""
    entries = [json.loads(raw) for raw in raws]
    keys = Counter((e["deviceid"], e["idempotencykey"]) for e in entries if "idempotencykey" in e)
    problems = [f"key {key} has {count} effects" for key, count in keys.items() if count > 1]
    marks: Counter[str] = Counter()
    by_mark: dict[str, Any] = {}
    for entry in entries:
        for mark in marks_of(entry):
            marks[mark] += 1
            by_mark[mark] = entry
    problems += [f"{mark} was done {count} times" for mark, count in marks.items() if count > 1]
    for ack in acks:
        entry = by_mark.get(ack.wish.mark)
        if entry is None:
            problems.append(f"lost: {ack.wish.mark} was acknowledged with {ack.body[:200]!r}")
            continue
        # A maker's own fact is not mixed with the hub's words.
        own = entry["type"].startswith("x.")
        answer = {
            **({} if own else entry["data"]),
            "seq": entry["seq"],
            "business_date": entry["businessdate"],
            "accepted_at": entry["time"],
        }
        if json.loads(ack.body) != answer:
            problems.append(f"{ack.wish.mark} was answered {ack.body!r}, and is {answer}")
    return problems + _stock_problems(entries) + _number_problems(entries)


def marks_of(entry: dict[str, Any]) -> list[str]:
    """The marks of the wishes that this entry answers."""
    kind, data = entry["type"], entry["data"]
    if kind.startswith("x.acme."):
        return [data["mark"]]
    if kind == "storehub.order.placed.v1":
        return [line["note"] for line in data["lines"] if line.get("note")]
    if kind == "storehub.sale.completed.v1":
        return [tender["reference"] for tender in data["tenders"] if tender.get("reference")]
    return []


def _stock_problems(entries: Iterable[dict[str, Any]]) -> list[str]:
    sold = sum(
        line["quantity"]
        for entry in entries
        if entry["type"] == "storehub.order.placed.v1"
        for line in entry["data"]["lines"]
        if line["product_id"] == "last"
    )
    return [f"{sold} of {PORTIONS} portions were sold"] if sold > PORTIONS else []


def _number_problems(entries: Iterable[dict[str, Any]]) -> list[str]:
    numbers = Counter(
        entry["data"]["receipt_no"] for entry in entries if entry["type"] == "storehub.sale.completed.v1"
    )
    return [f"receipt {number} was given {count} times" for number, count in numbers.items() if count > 1]


def same_problems(ours: Sequence[bytes], theirs: Sequence[bytes]) -> list[str]:
    if list(ours) == list(theirs):
        return []
    for place, (a, b) in enumerate(zip(ours, theirs, strict=False), 1):
        if a != b:
            return [f"entry {place} differs: {a[:200]!r} at the hub, {b[:200]!r} in the cloud"]
    return [f"the hub has {len(ours)} entries, the cloud {len(theirs)}"]


def order_problems(raws: Sequence[bytes], acks: Sequence[Ack]) -> list[str]:
    """Per device, answers came in the order in which they were asked for: so do the entries."""
    seqs = [json.loads(ack.body)["seq"] for ack in acks]
    return [f"seq {b} was answered after {a}" for a, b in pairwise(seqs) if b <= a]
