"""One integer for (hub, seq), in the order of each hub's chain."""

from __future__ import annotations

from typing import Final

from cloud.chain import SEQ_MAX
from cloud.model import Hub

_SEQ_BITS: Final = SEQ_MAX.bit_length()


def key(hub: Hub, seq: int) -> int:
    return hub.num << _SEQ_BITS | seq


def top(hub: Hub) -> int:
    """The highest key the hub can have."""
    return key(hub, SEQ_MAX)


def range_of(hub_num: int) -> tuple[int, int]:
    """The lowest and the highest key of a hub."""
    return hub_num << _SEQ_BITS, hub_num << _SEQ_BITS | SEQ_MAX


def seq_of(key: int) -> int:
    return key & SEQ_MAX
