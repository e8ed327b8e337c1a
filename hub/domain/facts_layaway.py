"""Facts about layaways. Their tenders are the deposit, which goes through the drawer of register_id."""

from __future__ import annotations

from typing import ClassVar

from hub.domain.check import Line
from hub.domain.discount import Discount
from hub.domain.fact import Fact
from hub.domain.menu import Dining
from hub.domain.sale import Tender


class OfLayaway(Fact, frozen=True, omit_defaults=True, kw_only=True):
    layaway_id: str
    register_id: str

    def subject(self) -> str:
        return f"layaways/{self.layaway_id}"


class LayawayOpened(OfLayaway, frozen=True, omit_defaults=True, kw_only=True):
    """deposit_no: the receipt number of the deposit, if there is one."""

    TYPE: ClassVar[str] = "layaway.opened"
    lines: tuple[Line, ...]
    total: int
    deposit: int
    tenders: tuple[Tender, ...]
    change: int
    dining: Dining
    discounts: tuple[Discount, ...] = ()
    deposit_no: str | None = None
    customer_id: str | None = None
    name: str = ""
    until: str | None = None
    note: str = ""


class LayawayCompleted(OfLayaway, frozen=True, omit_defaults=True, kw_only=True):
    """The sale.completed that follows takes the goods and has the deposit among its tenders."""

    TYPE: ClassVar[str] = "layaway.completed"
    sale_id: str
    receipt_no: str
    deposit: int


class LayawayCancelled(OfLayaway, frozen=True, omit_defaults=True, kw_only=True):
    """tenders: how the deposit was given back."""

    TYPE: ClassVar[str] = "layaway.cancelled"
    deposit: int
    tenders: tuple[Tender, ...]
    reason: str


LAYAWAY_FACTS = (LayawayOpened, LayawayCompleted, LayawayCancelled)
