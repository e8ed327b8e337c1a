"""The types of master data's fields."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

# Python's $ would let a line break pass at the end: an entry's type with one breaks the lines of the feed.
END = r"$(?!\n)"
ID_SAYS = "1 to 64 of A-Za-z0-9._-"
ID_SIGNS = "[A-Za-z0-9._-]"
ID_PATTERN = f"^{ID_SIGNS}{{1,64}}{END}"
Id = Annotated[str, Meta(pattern=ID_PATTERN, description=ID_SAYS, examples=["p-1203"])]
# The same where a request has many: the patterns of an order's four were a third of reading it. Whoever decides looks
# at the signs of all of them at once.
IdOfMany = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description=ID_SAYS,
        examples=["p-1203"],
        extra_json_schema={"pattern": ID_PATTERN},
    ),
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
