"""The sample grids of a comparison, small enough to stand in one page."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

from PIL import Image

from ganzoo.atomic_io import read_bytes
from ganzoo.errors import InputError
from ganzoo.experiments.report.table import cells_of_setting
from ganzoo.experiments.statistics import badness, cell_score

MAX_TOTAL_BYTES = 1_500_000  # of all pictures of a page together, before base64 makes them a third larger
MAX_COLORS = 128
SCALES = (1.0, 0.75, 0.5, 0.35, 0.25, 0.15)


def sample_grids(results: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """One picture a setting: `name`, `seed`, `why` that seed, `source` (a data URI, or None) and whether it is `reduced`."""
    chosen = [(setting["name"], *choose_cell(results, setting["name"])) for setting in results["settings"]]
    limit = MAX_TOTAL_BYTES // max(1, len(chosen))
    return [grid_entry(name, cell, why, folder, limit) for name, cell, why in chosen if cell]


def choose_cell(results: dict[str, Any], name: str) -> tuple[dict[str, Any] | None, str]:
    """The cell whose grid stands for its setting, and why: the seed of median score by the first metric, or the first."""
    cells = [cell for cell in cells_of_setting(results, name) if cell.get("grid")]
    for metric in results["metrics"][:1]:
        scored = [(score, c) for c in cells if c["status"] == "done" and (score := cell_score(c, metric)) is not None]
        if scored:
            ranked = sorted(scored, key=lambda pair: badness(pair[0], metric["better"]))
            return ranked[(len(ranked) - 1) // 2][1], f"the median of {len(ranked)} by {metric['protocol']}"
    for status, why in (("done", "the first that finished"), ("unfinished", "unfinished"), ("failed", "failed")):
        for cell in cells:
            if cell["status"] == status:
                return cell, why
    return None, ""


def grid_entry(name: str, cell: dict[str, Any], why: str, folder: Path, limit: int) -> dict[str, Any]:
    """The grid of one cell in at most `limit` bytes of PNG."""
    found = {"name": name, "seed": cell["seed"], "why": why, "source": None, "reduced": False}
    try:
        content = read_bytes(folder / cell["grid"])
        small = content if len(content) <= limit else reduce_png(content, limit)
        with Image.open(io.BytesIO(small)) as image:
            image.load()
            size = image.size
    except (InputError, OSError, SyntaxError):  # Pillow's word for a damaged PNG is SyntaxError
        return found
    source = f"data:image/png;base64,{base64.b64encode(small).decode()}"
    return {**found, "source": source, "size": size, "reduced": small is not content}


def reduce_png(content: bytes, limit: int) -> bytes:
    """A PNG with few colours and, where that is not enough, fewer pixels."""
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
