"""Sample grids of a comparison, reduced to fit into one page."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ganzoo.atomic_io import read_bytes
from ganzoo.errors import InputError
from ganzoo.experiments.results_schema import CellEntry, Results
from ganzoo.experiments.statistics import badness, cell_score

MAX_TOTAL_BYTES = 1_500_000  # of all images of a page together, before base64 increases them by a third
MAX_COLORS = 128
SCALES = (1.0, 0.75, 0.5, 0.35, 0.25, 0.15)


@dataclass(frozen=True)
class SampleGrid:
    """The sample grid of one setting."""

    name: str
    seed: int
    why: str
    """The reason for the choice of this seed."""
    source: str | None = None
    """A data URI; None if the file cannot be read."""
    size: tuple[int, int] = (0, 0)
    """Width and height in pixels."""
    reduced: bool = False
    """True if it has fewer colors or pixels than the file."""


def sample_grids(results: Results, folder: Path) -> list[SampleGrid]:
    """One grid per setting; the paths in `results` are relative to `folder`."""
    chosen = [choose_cell(results, setting.name) for setting in results.settings]
    limit = MAX_TOTAL_BYTES // max(1, len(chosen))
    return [read_grid(cell, why, folder, limit) for cell, why in chosen if cell]


def choose_cell(results: Results, name: str) -> tuple[CellEntry | None, str]:
    """The cell whose grid represents its setting, and the reason: the median seed by the first metric, or the first seed."""
    cells = [cell for cell in results.cells_of(name) if cell.grid]
    for metric in results.metrics[:1]:
        scored = [(score, c) for c in cells if c.status == "done" and (score := cell_score(c, metric)) is not None]
        if scored:
            ranked = sorted(scored, key=lambda pair: badness(pair[0], metric.better))
            return ranked[(len(ranked) - 1) // 2][1], f"the median of {len(ranked)} by {metric.protocol}"
    for status, why in (("done", "the first that finished"), ("unfinished", "unfinished"), ("failed", "failed")):
        for cell in cells:
            if cell.status == status:
                return cell, why
    return None, ""


def read_grid(cell: CellEntry, why: str, folder: Path, limit: int) -> SampleGrid:
    """The grid of one cell in at most `limit` bytes of PNG."""
    try:
        content = read_bytes(folder / str(cell.grid))
        small = content if len(content) <= limit else reduce_png(content, limit)
        with Image.open(io.BytesIO(small)) as image:
            image.load()
            size = image.size
    except (InputError, OSError, SyntaxError):  # Pillow raises SyntaxError for a damaged PNG
        return SampleGrid(cell.setting, cell.seed, why)
    source = f"data:image/png;base64,{base64.b64encode(small).decode()}"
    return SampleGrid(cell.setting, cell.seed, why, source, size, small is not content)


def reduce_png(content: bytes, limit: int) -> bytes:
    """A PNG with fewer colors and, if that is not enough, fewer pixels."""
    with Image.open(io.BytesIO(content)) as image:
        pixels = image.convert("RGB")
    for scale in SCALES:
        size = (max(1, round(pixels.width * scale)), max(1, round(pixels.height * scale)))
        buffer = io.BytesIO()
        pixels.resize(size, Image.Resampling.BOX).quantize(MAX_COLORS, Image.Quantize.FASTOCTREE).save(
            buffer, "PNG", optimize=True
        )
        if buffer.tell() <= limit:
            break
    return buffer.getvalue()
