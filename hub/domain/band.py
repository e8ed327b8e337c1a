"""Which time band (営業時間帯) rules at a moment, and what it changes.

Bands turn by themselves with the hub's clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from hub.domain.menu import Product, TimeBand

DAY_MINUTES = 24 * 60


# The setting that holds what was switched by hand.
BY_HAND = "time_band.by_hand"


class ByHand(Struct, frozen=True):
    """Somebody let this band rule (None: no band), from a time on and until the clock's next turn, if it has one."""

    band_id: str | None
    since: str
    until: str | None

    @classmethod
    def read(cls, said: str | None) -> ByHand | None:
        try:
            return None if said is None else msgspec.json.decode(said, type=cls)
        except msgspec.MsgspecError:
            return None

    def counts(self, time: str) -> bool:
        when = datetime.fromisoformat(time)
        begun = when >= datetime.fromisoformat(self.since)
        return begun and (self.until is None or when < datetime.fromisoformat(self.until))


class Bands:
    """The bands of one menu version. Where two overlap, the one whose id comes first rules."""

    __slots__ = ("_bands", "_by_hand", "_only_categories", "_only_products", "_prices")

    def __init__(self, bands: tuple[TimeBand, ...], by_hand: ByHand | None = None) -> None:
        self._bands = bands
        known = {band.id for band in bands}
        # One that the menu has no longer rules nothing.
        gone = by_hand is not None and by_hand.band_id is not None and by_hand.band_id not in known
        self._by_hand = None if gone else by_hand
        # band id -> what products and categories cost more in it.
        self._prices: dict[str, tuple[dict[str, int], dict[str, int]]] = {}
        # What is sold in some bands only, and in which.
        self._only_products: dict[str, set[str]] = {}
        self._only_categories: dict[str, set[str]] = {}
        for band in bands:
            self._prices[band.id] = (
                {price.product_id: price.difference for price in band.prices if price.product_id},
                {price.category_id: price.difference for price in band.prices if price.category_id},
            )
            for product_id in band.product_ids:
                self._only_products.setdefault(product_id, set()).add(band.id)
            for category_id in band.category_ids:
                self._only_categories.setdefault(category_id, set()).add(band.id)

    @classmethod
    def of(cls, bands: Iterable[TimeBand], said: str | None = None) -> Bands | None:
        """said: the setting BY_HAND."""
        found = tuple(sorted(bands, key=lambda band: band.id))
        return cls(found, ByHand.read(said)) if found else None

    def band(self, band_id: str) -> TimeBand | None:
        return next((band for band in self._bands if band.id == band_id), None)

    def by_hand(self, time: str) -> ByHand | None:
        """What was switched by hand, while that counts."""
        return self._by_hand if self._by_hand is not None and self._by_hand.counts(time) else None

    def at(self, time: str) -> TimeBand | None:
        """The band that rules at a time of the hub's: RFC 3339 with the store's own offset."""
        said = self.by_hand(time)
        if said is not None:
            return None if said.band_id is None else self.band(said.band_id)
        return self.by_clock(time)

    def by_clock(self, time: str) -> TimeBand | None:
        when = datetime.fromisoformat(time)
        minute = when.hour * 60 + when.minute
        weekday = when.isoweekday()
        return next((band for band in self._bands if _rules(band, minute, weekday)), None)

    def turns_at(self, time: str) -> str | None:
        """When another band may rule than at this time, or none; None when that is not within eight days."""
        said = self.by_hand(time)
        return self.clock_turns_at(time) if said is None else said.until

    def clock_turns_at(self, time: str) -> str | None:
        now = datetime.fromisoformat(time)
        ruling = self.by_clock(time)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        edges = sorted({minutes(edge) for band in self._bands for edge in (band.since, band.to)})
        for day in range(8):
            for edge in edges:
                moment = midnight + timedelta(days=day, minutes=edge)
                text = moment.isoformat(timespec="milliseconds")
                if moment > now and self.by_clock(text) != ruling:
                    return text
        return None

    def difference(self, band: TimeBand, product: Product) -> int:
        """What the product costs more in the band; negative: less."""
        products, categories = self._prices[band.id]
        found = products.get(product.id)
        return categories.get(product.category_id, 0) if found is None else found

    def sold(self, band: TimeBand | None, product: Product) -> bool:
        """Whether the product is sold while this band rules."""
        only = self._only_products.get(product.id) or self._only_categories.get(product.category_id)
        return only is None or (band is not None and band.id in only)

    def sold_in(self, product: Product) -> list[TimeBand]:
        """The bands in which the product is sold; none: at any time."""
        only = self._only_products.get(product.id) or self._only_categories.get(product.category_id) or set()
        return [band for band in self._bands if band.id in only]


class BandNow(Struct, frozen=True):
    """What rules at the hub's time. until: when that changes; None: not within eight days. by_hand: not the clock."""

    time: str
    band: TimeBand | None
    until: str | None
    by_hand: bool = False


def minutes(time_of_day: str) -> int:
    return int(time_of_day[:2]) * 60 + int(time_of_day[3:])


def _rules(band: TimeBand, minute: int, weekday: int) -> bool:
    since, to = minutes(band.since), minutes(band.to)
    if since < to:
        begins = weekday if since <= minute < to else 0
    else:
        # Over midnight: the small hours belong to the day before.
        begins = weekday if minute >= since else ((weekday - 2) % 7 + 1 if minute < to else 0)
    return begins != 0 and (not band.weekdays or begins in band.weekdays)
