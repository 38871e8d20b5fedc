"""Contact sheet: one picture with a labeled row of images for each checkpoint, all of the same seeds."""

from collections.abc import Mapping

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ganzoo.image_io import GAP, grid, to_pil

SEEDS = 20  # images in a row
SIZE = 12  # pixels of a letter's height
SPACE = 6  # pixels left and right of a name
TEXT_COLOR = (64, 64, 64)
BACKGROUND = "white"


def contact_sheet(rows: Mapping[str, Tensor]) -> Image.Image:
    """One picture with a row for each name: the name, then its images (N, C, H, W) in [-1, 1]; rows may differ in size."""
    strips = {name: to_pil(grid(images, len(images))[0]).convert("RGB") for name, images in rows.items()}
    font = ImageFont.load_default(SIZE)
    left = round(max(font.getlength(name) for name in rows)) + 2 * SPACE
    height = sum(strip.height - GAP for strip in strips.values()) + GAP
    whole = Image.new("RGB", (left + max(strip.width for strip in strips.values()), height), BACKGROUND)
    pen, top = ImageDraw.Draw(whole), 0
    for name, strip in strips.items():
        whole.paste(strip, (left, top))
        pen.text((left - SPACE, top + strip.height / 2), name, TEXT_COLOR, font, anchor="rm")
        top += strip.height - GAP
    return whole
