"""A receipt's text as a picture of the paper, or a PDF of it."""

from __future__ import annotations

import unicodedata
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL import ImageFont

# Fixed-width Japanese fonts as Debian installs them (fonts-noto-cjk, fonts-ipafont, fonts-vlgothic), the best first.
FONTS: Final = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/opentype/ipafont-gothic/ipag.ttf",
    "/usr/share/fonts/truetype/vlgothic/VL-Gothic-Regular.ttf",
)
# "Noto Sans Mono CJK JP" in the collection.
NOTO_MONO_JP: Final = 5
# 576 dots: the width of 80 mm paper at 203 dpi. A half-width column is 18 dots, 32 columns fill it.
COLUMN: Final = 18
SIZE: Final = 36
LINE: Final = 48
MARGIN: Final = 24
DOTS_PER_INCH: Final = 203


def render_receipt(text: str, form: str) -> bytes:
    """The text as 'image/png' or 'application/pdf'. Every character stands in its own columns, as a printer sets it."""
    from PIL import Image, ImageDraw

    lines = text.rstrip("\n").split("\n")
    columns = max(32, *(sum(map(_columns, line)) for line in lines))
    image = Image.new("L", (columns * COLUMN + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN), 255)
    draw = ImageDraw.Draw(image)
    font = _font()
    for row, line in enumerate(lines):
        x = MARGIN
        for character in line:
            wide = _columns(character)
            middle = x + wide * COLUMN / 2
            draw.text((middle, MARGIN + row * LINE + LINE / 2), character, font=font, fill=0, anchor="mm")
            x += wide * COLUMN
    out = BytesIO()
    if form == "application/pdf":
        image.save(out, "PDF", resolution=DOTS_PER_INCH)
    else:
        image.save(out, "PNG", optimize=True, dpi=(DOTS_PER_INCH, DOTS_PER_INCH))
    return out.getvalue()


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WFA" else 1


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font with Japanese signs; without one installed, Pillow's own, which has only Latin ones."""
    from PIL import ImageFont

    for path in FONTS:
        if Path(path).exists():
            return ImageFont.truetype(path, SIZE - 4, index=NOTO_MONO_JP if path.endswith(".ttc") else 0)
    return ImageFont.load_default(SIZE - 8)
