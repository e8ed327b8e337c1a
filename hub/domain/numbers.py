"""Receipt numbers: `<series>-<6 digits or more>`, counted up without a gap, and blocks of them for registers."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

# Blocks that a register took before these are taken as given up; their entries still explain the gap.
BLOCKS_MAX: Final = 32


class NumberBlock(Struct, frozen=True):
    """used: a hex number whose bit i stands for first + i."""

    series: str
    first: int
    last: int
    used: str = "0"

    def holds(self, series: str, number: int) -> bool:
        return self.series == series and self.first <= number <= self.last

    def is_used(self, number: int) -> bool:
        return bool(int(self.used, 16) >> (number - self.first) & 1)

    def with_used(self, number: int) -> NumberBlock:
        return replace(self, used=f"{int(self.used, 16) | 1 << (number - self.first):x}")


class RegisterNumbers(Struct, frozen=True):
    """The blocks of one register, oldest first."""

    register_id: str
    blocks: tuple[NumberBlock, ...] = ()

    def with_block(self, block: NumberBlock) -> RegisterNumbers:
        return replace(self, blocks=(*self.blocks, block)[-BLOCKS_MAX:])

    def block_of(self, series: str, number: int) -> NumberBlock | None:
        return next((block for block in self.blocks if block.holds(series, number)), None)

    def with_used(self, series: str, number: int) -> RegisterNumbers:
        return replace(
            self,
            blocks=tuple(
                block.with_used(number) if block.holds(series, number) else block for block in self.blocks
            ),
        )


def written(series: str, number: int) -> str:
    return f"{series}-{number:06d}"


def parsed(receipt_no: str) -> tuple[str, int] | None:
    """(series, number) of a number in our form; None for any other text."""
    series, dash, digits = receipt_no.rpartition("-")
    if not dash or not digits.isascii() or not digits.isdigit() or written(series, int(digits)) != receipt_no:
        return None
    return series, int(digits)
