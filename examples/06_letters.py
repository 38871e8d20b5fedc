"""Draw the letters A to Z of the fonts on this machine into a labeled folder: 26 classes, one picture per face.

    sudo apt-get install --no-install-recommends $(cat examples/06_letters_fonts.txt)   # Debian 12: 137 packages, 1,416 faces
    python examples/06_letters.py letters [--fonts /usr/share/fonts] [--size 32]
    ganzoo train letters/cgan

Faces that lack a letter, draw two letters alike (symbol fonts) or repeat another face are left out. Every fifth face is the
test split, so that no face is in both.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from string import ascii_uppercase

from PIL import Image, ImageDraw, ImageFont

MARGIN = 0.1  # share of the side around the largest letter
DRAWN = 4  # times the final size, so that edges are smooth


def main() -> None:
    """Write one folder for each letter below train and test."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--fonts", type=Path, default=Path("/usr/share/fonts"))
    parser.add_argument("--size", type=int, default=32)
    given = parser.parse_args()
    files = sorted(path for path in given.fonts.rglob("*") if path.suffix.lower() in (".ttf", ".otf"))
    count = 0
    for count, pictures in enumerate(faces(files, given.size), 1):
        split = "test" if count % 5 == 0 else "train"
        for letter, picture in zip(ascii_uppercase, pictures, strict=True):
            folder = given.out / split / letter
            folder.mkdir(parents=True, exist_ok=True)
            picture.save(folder / f"{count:04}.png")
    print(f"{count} faces from {len(files)} font files in {given.out}")


def faces(files: list[Path], size: int) -> Iterator[list[Image.Image]]:
    """The letters of each usable face, one picture of `size` x `size` per letter."""
    known: set[bytes] = set()
    for path in files:
        try:
            pictures = letters(ImageFont.truetype(path, size * DRAWN), size)
        except (OSError, ValueError):
            continue
        whole = b"".join(picture.tobytes() for picture in pictures)
        if whole not in known and len({picture.tobytes() for picture in pictures}) == len(pictures):
            known.add(whole)
            yield pictures


def letters(font: ImageFont.FreeTypeFont, size: int) -> list[Image.Image]:
    """A to Z in white on black, at one scale; raises `ValueError` if a letter is empty."""
    boxes = [font.getbbox(letter) for letter in ascii_uppercase]
    if any(right <= left or bottom <= top for left, top, right, bottom in boxes):
        raise ValueError("a letter is empty")
    scale = size * (1 - 2 * MARGIN) / max(max(right - left, bottom - top) for left, top, right, bottom in boxes)
    return [drawn(font, letter, box, scale, size) for letter, box in zip(ascii_uppercase, boxes, strict=True)]


def drawn(
    font: ImageFont.FreeTypeFont, letter: str, box: tuple[float, float, float, float], scale: float, size: int
) -> Image.Image:
    """One letter in the middle of a picture, reduced by `scale`."""
    left, top, right, bottom = box
    side = round(size / scale)
    large = Image.new("L", (side, side))
    corner = (side - right - left) / 2, (side - bottom - top) / 2
    ImageDraw.Draw(large).text(corner, letter, fill=255, font=font)
    return large.resize((size, size), Image.Resampling.BICUBIC)


if __name__ == "__main__":
    main()
