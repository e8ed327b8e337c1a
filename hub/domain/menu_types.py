"""The types of master data's fields."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

# Python's $ would let a line break pass at the end: an entry's type with one breaks the lines of the feed.
END = r"$(?!\n)"
Id = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9._-]{1,64}" + END, description="1 to 64 of A-Za-z0-9._-", examples=["p-1203"]),
]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Amount = Annotated[
    int, Meta(ge=-999_999_999, le=999_999_999, description="in the currency's minor unit", examples=[1200])
]
Price = Annotated[int, Meta(ge=0, le=999_999_999, description="in the currency's minor unit", examples=[350])]
Rate = Annotated[
    str, Meta(pattern=r"^0(\.[0-9]{1,6})?" + END, description="a decimal string", examples=["0.10"])
]
Instant = Annotated[str, Meta(max_length=40, description="RFC 3339 with offset")]
