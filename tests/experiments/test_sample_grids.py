"""Which grids a page shows, and what becomes of large ones."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image
from synthetic_results import made_cell, made_results, made_setting

from ganzoo.experiments.report.sample_grids import choose_cell, reduce_png, sample_grids
from ganzoo.experiments.results_schema import CellEntry, Results


def results(*cells: CellEntry, better: str = "lower") -> Results:
    metrics = [{"protocol": "m", "metric": "m", "better": better}]
    return made_results(settings=[made_setting("a")], metrics=metrics, cells=cells)


def cell(seed: int, score: float | None, status: str = "done", grid: str | None = "x.png") -> CellEntry:
    return made_cell(seed=seed, status=status, scores={} if score is None else {"m": score}, grid=grid)


def noise(side: int, channels: int = 3) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, channels), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels if channels == 3 else pixels[:, :, 0]).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("better", "scores", "seed"),
    [("lower", [9, 1, 5], 2), ("lower", [9, 1, 5, 7], 2), ("higher", [9, 1, 5, 7], 3), ("near 1", [0.9, 3, 1.5], 2)],
)
def test_the_seed_of_median_score_stands_for_its_setting(better, scores, seed):
    """Of an even number, the better of the two in the middle."""
    found, why = choose_cell(results(*(cell(i, s) for i, s in enumerate(scores)), better=better), "a")
    assert found.seed == seed and f"median of {len(scores)}" in why


@pytest.mark.parametrize(("better", "seed"), [("lower", 2), ("higher", 1)])
def test_a_score_that_is_not_finite_is_the_worst_of_its_setting(better, seed):
    cells = [made_cell(seed=i, scores={"m": score}, grid="x.png") for i, score in enumerate([None, 1, 5])]
    found, why = choose_cell(results(*cells, better=better), "a")
    assert found.seed == seed and "median of 3" in why


def test_without_scores_the_first_that_finished_and_a_failed_one_only_where_there_is_no_other():
    assert choose_cell(results(cell(0, None, "failed"), cell(2, None), cell(1, None)), "a")[0].seed == 1
    found, why = choose_cell(results(cell(0, None, "failed", None), cell(1, 3.0, "failed")), "a")
    assert (found.seed, why) == (1, "failed"), "the score of a run that failed does not count"
    assert choose_cell(results(cell(0, None, "unfinished", None)), "a")[0] is None


def test_a_small_grid_is_shown_as_it_is_and_a_large_one_says_that_it_was_reduced(tmp_path):
    for side, reduced in ((40, False), (900, True)):
        (tmp_path / "x.png").write_bytes(noise(side))
        (found,) = sample_grids(results(cell(0, 1.0)), tmp_path)
        shown = base64.b64decode(found.source.removeprefix("data:image/png;base64,"))
        assert found.reduced is reduced and (shown == noise(side)) is not reduced
        assert Image.open(io.BytesIO(shown)).size == found.size


@pytest.mark.parametrize("channels", [1, 3])
def test_a_reduced_grid_is_small_and_still_the_same_picture(channels):
    ramp = np.broadcast_to(np.linspace(0, 255, 300).astype(np.uint8)[None, :, None], (300, 300, channels))
    speckled = np.clip(ramp + np.random.default_rng(0).normal(0, 20, ramp.shape), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(speckled if channels == 3 else speckled[:, :, 0]).save(buffer, "PNG")
    small = reduce_png(buffer.getvalue(), 20_000)
    assert len(small) <= 20_000 < len(buffer.getvalue())
    columns = np.asarray(Image.open(io.BytesIO(small)).convert("L").resize((300, 300))).mean(0)
    assert np.abs(columns - ramp[0, :, 0]).max() < 12


@pytest.mark.parametrize("content", [None, b"", b"no picture", noise(40)[:200]], ids=["absent", "empty", "text", "cut"])
def test_a_grid_that_cannot_be_read_is_said_to_be_missing(content, tmp_path):
    if content is not None:
        (tmp_path / "x.png").write_bytes(content)
    (found,) = sample_grids(results(cell(0, 1.0)), tmp_path)
    assert found.source is None and found.seed == 0
