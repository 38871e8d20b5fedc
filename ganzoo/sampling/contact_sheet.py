"""Contact sheet: one picture with a labeled row of images for each checkpoint or class."""

import unicodedata
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ganzoo.image_io import GAP, grid, to_pil

SEEDS = 20  # images in a row
SIZE = 12  # pixels of a letter's height
SPACE = 6  # pixels left and right of a name
LETTERS = 24  # of a class name; longer ones are shortened
TEXT_COLOR = (64, 64, 64)
BACKGROUND = "white"


def contact_sheet(rows: Sequence[tuple[str, Tensor]], scale: int = 1) -> Image.Image:
    """One picture with a row for each (name, images): the name, then its images, enlarged `scale` times.

    Images are (N, C, H, W) in [-1, 1]; rows may differ in size. Letters are enlarged half as much.
    """
    strips = [(name, to_pil(grid(images, len(images))[0], scale).convert("RGB")) for name, images in rows]
    font, gap = ImageFont.load_default(SIZE * (1 + scale) // 2), GAP * scale
    left = round(max(font.getlength(name) for name, _ in rows)) + 2 * SPACE
    height = sum(strip.height - gap for _, strip in strips) + gap
    whole = Image.new("RGB", (left + max(strip.width for _, strip in strips), height), BACKGROUND)
    pen, top = ImageDraw.Draw(whole), 0
    for name, strip in strips:
        whole.paste(strip, (left, top))
        pen.text((left - SPACE, top + strip.height / 2), name, TEXT_COLOR, font, anchor="rm")
        top += strip.height - gap
    return whole


def class_caption(name: str, number: int) -> str:
    """A class name as Pillow's font can draw it: without accents, at most `LETTERS` long.

    The font has no letters but those of ASCII: a name in another script becomes "class 3".
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    if not (plain.isascii() and plain.isprintable() and plain.strip()):
        return f"class {number}"
    return plain if len(plain) <= LETTERS else plain[: LETTERS - 1].rstrip() + "…"
