"""Films of a run's sample grids, and contact sheets: one picture with a labeled row for each checkpoint or class."""

import re
import subprocess
import unicodedata
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ganzoo.atomic_io import read_bytes
from ganzoo.errors import InputError, first_line
from ganzoo.image_io import GAP, encode, enlarge, grid, save_file, to_pil

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


FILM_FORMATS = {".gif": "GIF", ".webp": "WEBP", ".mp4": "MP4"}
MAX_SIDE = {"GIF": 65_535, "WEBP": 16_383, "MP4": 16_384}  # pixels
HOLD_MS = 1500  # extra time of the last frame
QUALITY = 90  # of WebP, of 100
NARROW = 40  # the width of a picture in letters' heights, from which on letters grow with it
GRID_NAME = re.compile(r"\d{8,}\.png")


def film_format(path: Path) -> str:
    """The format of the film `path`, by its suffix; raises `InputError`, also if ffmpeg is needed and not installed."""
    kind = FILM_FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"--out {path}: expected a name that ends in {', '.join(FILM_FORMATS)}")
    if kind == "MP4" and which("ffmpeg") is None:
        raise InputError(f"--out {path}: MP4 needs the program ffmpeg, which is not installed; write .gif or .webp")
    return kind


def kept_grids(folder: Path) -> dict[int, Path]:
    """The sample grids in the folder `samples` of a run, by step; raises `InputError` for fewer than two."""
    found = {int(path.stem): path for path in folder.glob("*.png") if GRID_NAME.fullmatch(path.name)}
    if len(found) < 2:
        raise InputError(
            f"{folder} has fewer than two sample grids, too few for a film; train longer, or lower train.sample_every"
        )
    return dict(sorted(found.items()))


def choose_evenly(steps: Sequence[int], n: int) -> list[int]:
    """At most `n` of `steps`, evenly spaced in the list; the first and the last are among them."""
    if len(steps) <= n:
        return [*steps]
    return [steps[round(i * (len(steps) - 1) / (n - 1))] for i in range(n)]


def read_grid(path: Path) -> Image.Image:
    """A sample grid as a PIL image; raises `InputError` if it is damaged."""
    try:
        with Image.open(BytesIO(read_bytes(path))) as image:
            return image.convert("L" if image.mode == "L" else "RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"cannot read {path} ({first_line(error)}); delete it to leave it out") from None


def cut_seeds(sheet: Image.Image, seeds: Sequence[int], height: int, width: int) -> Image.Image:
    """The images (`height`, `width`) of `seeds` in one row, cut from a sample grid that has seeds 0, 1, 2, ...

    Raises `InputError` for a seed that the grid does not have.
    """
    columns, rows = (sheet.width - GAP) // (width + GAP), (sheet.height - GAP) // (height + GAP)
    if missing := [seed for seed in seeds if seed >= columns * rows]:
        raise InputError(
            f"--seeds {missing[0]}: a run keeps the images of seeds 0 to {columns * rows - 1}, and no other"
        )
    row = Image.new(sheet.mode, (len(seeds) * (width + GAP) + GAP, height + 2 * GAP), BACKGROUND)
    for place, seed in enumerate(seeds):
        left, top = seed % columns * (width + GAP), seed // columns * (height + GAP)
        row.paste(sheet.crop((left, top, left + width + 2 * GAP, top + height + 2 * GAP)), (place * (width + GAP), 0))
    return row


def label_step(picture: Image.Image, step: int, last: int) -> Image.Image:
    """`picture` above a strip with the number of its `step`; all frames up to step `last` have the same size."""
    size = max(SIZE, picture.width // NARROW)
    font = ImageFont.load_default(size)
    width = max(picture.width, round(font.getlength(f"step {last:,}")) + 2 * SPACE)
    frame = Image.new(picture.mode, (width, picture.height + 2 * size), BACKGROUND)
    frame.paste(picture, ((width - picture.width) // 2, 0))
    color = TEXT_COLOR if picture.mode == "RGB" else TEXT_COLOR[0]
    ImageDraw.Draw(frame).text((SPACE, picture.height + size), f"step {step:,}", color, font, anchor="lm")
    return frame


def draw_frames(pictures: dict[int, Image.Image], scale: int) -> list[Image.Image]:
    """The frames of a film: pictures of one size, by step, enlarged `scale` times and labeled with their step."""
    return [label_step(enlarge(each, scale, len(pictures)), step, max(pictures)) for step, each in pictures.items()]


def save_film(frames: Sequence[Image.Image], path: Path, fps: float) -> None:
    """Write frames of one size as a film, in the format of `film_format(path)`; the last frame stays `HOLD_MS` longer.

    An existing file is replaced atomically. Raises `InputError` for frames that the format cannot hold.
    """
    kind, side = film_format(path), max(frames[0].size)
    if side > MAX_SIDE[kind]:
        raise InputError(f"--out {path}: frames of {side:,} pixels are too large for {kind}; lower --scale")
    save_file(encode_mp4(frames, fps) if kind == "MP4" else encode_animation(frames, kind, fps), path)


def encode_animation(frames: Sequence[Image.Image], kind: str, fps: float) -> bytes:
    """The content of a GIF or WebP that repeats for ever."""
    milliseconds = [round(1000 / fps)] * len(frames)
    milliseconds[-1] += HOLD_MS
    options = {"save_all": True, "append_images": frames[1:], "duration": milliseconds, "loop": 0}
    return encode(frames[0], kind, **options, **({"quality": QUALITY} if kind == "WEBP" else {}))


def encode_mp4(frames: Sequence[Image.Image], fps: float) -> bytes:
    """The content of an MP4, written by ffmpeg; raises `InputError` with its message if it fails."""
    held = [frames[-1]] * round(fps * HOLD_MS / 1000)
    with TemporaryDirectory() as name:
        for number, frame in enumerate([*frames, *held]):
            frame.save(Path(name, f"{number:06d}.png"))
        command = ["ffmpeg", "-loglevel", "error", "-framerate", str(fps), "-i", "%06d.png"]
        even = "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white"  # players need even sides and 4:2:0
        done = subprocess.run(
            [*command, "-vf", even, "-pix_fmt", "yuv420p", "film.mp4"],
            cwd=name, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
        )  # fmt: skip
        if done.returncode:
            raise InputError(f"ffmpeg failed: {(done.stderr.strip() or 'no message').splitlines()[-1]}")
        return read_bytes(Path(name, "film.mp4"))
