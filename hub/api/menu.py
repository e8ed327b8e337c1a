"""GET /v1/menu for thirty devices that ask at once, and for a hundred thousand products.

The answer is made once for each version of the menu, off the loop and in slices, so that an order that comes
meanwhile waits for milliseconds; and it is kept compressed: the plain text of a large menu would be 25 MB.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from hub.domain.goods import Goods
from hub.domain.menu import Product
from hub.domain.state import State
from hub.domain.views import menu_version, menu_view, product_view

# Products encoded at a stretch: about a millisecond, after which another thread may have the interpreter.
SLICE: Final = 500
GZIP: Final = 16 + zlib.MAX_WBITS
LEVEL: Final = 5


class MenuAnswers:
    def __init__(self, state: State) -> None:
        self._state = state
        self._of = ""
        self._making: asyncio.Task[bytes] | None = None

    @property
    def etag(self) -> str:
        return f'"{menu_version(self._state)}"'

    async def compressed(self) -> tuple[str, bytes]:
        """The ETag of the menu as it is committed now, and the body in gzip."""
        etag = self.etag
        failed = self._making is not None and self._making.done() and self._making.exception() is not None
        if self._making is None or self._of != etag or failed:
            self._of = etag
            self._making = asyncio.create_task(asyncio.to_thread(_gzip, *self._snapshot()))
        # Shielded: a device that hangs up must not take the answer from those that wait for the same.
        return etag, await asyncio.shield(self._making)

    async def plain(self) -> tuple[str, bytes]:
        """The same, as it is."""
        etag = self.etag
        snapshot = self._snapshot()
        return etag, await asyncio.to_thread(lambda: b"".join(_pieces(*snapshot)))

    def _snapshot(self) -> tuple[bytes, Sequence[Product], Goods]:
        head = msgspec.json.encode(menu_view(self._state, products=()))
        return head, tuple(self._state.products.committed.values()), Goods.of(self._state).frozen()


def _gzip(head: bytes, products: Sequence[Product], goods: Goods) -> bytes:
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
    return b"".join((*(packer.compress(piece) for piece in _pieces(head, products, goods)), packer.flush()))


def _pieces(head: bytes, products: Sequence[Product], goods: Goods) -> Iterator[bytes]:
    before, empty, after = head.partition(b'"products":[]')
    yield before + empty[:-1]
    for start in range(0, len(products), SLICE):
        part = msgspec.json.encode(
            [product_view(product, gone=goods.gone(product)) for product in products[start : start + SLICE]]
        )
        yield (b"," if start else b"") + part[1:-1]
    yield b"]" + after
