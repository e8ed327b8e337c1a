"""Which entry may follow which: epochs, and the chain they make. Pure.

Epochs are announced, each with the entry after which it begins. An epoch ends where the latest announced one
that begins inside it begins. Announced ahead of time or in time makes no difference: an epoch takes its first
entry when the chain's end is the very entry it begins after. In every list of epochs the latest announced one
is the last.
"""

from __future__ import annotations

from collections.abc import Sequence

from cloud.model import Announced, Cursor, Epoch


def find(epochs: Sequence[Announced], epoch: Epoch) -> Announced | None:
    return next((known for known in epochs if known.epoch == epoch), None)


def end_of(epochs: Sequence[Announced], epoch: Epoch) -> int | None:
    """The seq after which the epoch takes nothing any more, or None while it is open."""
    ends = [known.after.seq for known in epochs if known.after.epoch == epoch and known.after.seq > 0]
    return ends[-1] if ends else None


def why_not_next(epochs: Sequence[Announced], cursor: Cursor, epoch: Epoch) -> str | None:
    """Why entry cursor.seq + 1 cannot be one of `epoch`, or None when it can."""
    known = find(epochs, epoch)
    if known is None:
        return f"epoch {epoch} was not opened: POST epochs first"
    if epoch != cursor.epoch:
        if known.after != cursor:
            at = f"{known.after.epoch}:{known.after.seq}"
            return f"epoch {epoch} begins after {at}, which is not the end of the chain"
        siblings = [other.epoch for other in epochs if other.after == known.after]
        if siblings[-1] != epoch:
            return (
                f"epoch {epoch} was superseded by {siblings[-1]}; if it is the right one, POST epochs again"
            )
    end = end_of(epochs, epoch)
    if end is not None and cursor.seq >= end:
        return f"epoch {epoch} ended with seq {end}: a newer one has taken over"
    return None
