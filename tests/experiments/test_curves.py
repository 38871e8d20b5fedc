"""Medians and bands over seeds."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_results import made_cell

from ganzoo.experiments.cell_schema import CurvePoint
from ganzoo.experiments.report import curves
from ganzoo.experiments.results_schema import CellEntry


def point(terms: dict[str, float | None], step: int = 1, score: float | None = None) -> CurvePoint:
    return CurvePoint(step=step, seconds=1.0, images=step, terms=terms, score=score)


def cell(values: dict[int, float | None], status: str = "done") -> CellEntry:
    curve = [point({"d/real": v, "d/fake": 1.0, "norm/d": 9.0}, step, v) for step, v in values.items()]
    return made_cell(status=status, curve=curve)


def test_a_band_is_lowest_median_and_highest_at_the_steps_all_have():
    line = curves.make_line(
        [cell({1: 1, 2: 5, 3: 9}), cell({1: 2, 2: 4, 9: 0}), cell({1: 6, 2: 3, 3: 1})], curves.score_at
    )
    steps, low, middle, high = line.band
    assert steps.tolist() == [1, 2] and low.tolist() == [1, 3] and middle.tolist() == [2, 4] and high.tolist() == [6, 5]
    assert line.failed == []


def test_a_seed_that_failed_is_no_part_of_the_band():
    line = curves.make_line([cell({1: 1, 2: 2}), cell({1: 100, 2: None}, "failed")], curves.score_at)
    assert line.band[3].tolist() == [1, 2]
    assert [[list(values) for values in curve] for curve in line.failed] == [[[1], [100]]], "until it was not finite"


def test_a_players_loss_is_the_sum_of_its_terms_and_nothing_where_it_has_none():
    record = point({"d/real": 0.5, "d/fake": 0.25, "norm/d": 9.0, "g/adv": None})
    assert curves.d_loss_at(record) == 0.75
    assert np.isnan(curves.g_loss_at(record)) and np.isnan(curves.g_loss_at(point({})))


def test_long_curves_keep_their_ends():
    steps, *_ = curves.make_line([cell({s: s for s in range(1, 1001)})], curves.score_at).band
    assert len(steps) == curves.POINTS and steps[0] == 1 and steps[-1] == 1000


def test_a_setting_with_nothing_to_draw_has_no_panel():
    cells = {"a": [cell({1: 1.0})], "b": [cell({})], "c": [cell({1: None})], "d": []}
    assert [panel.name for panel in curves.panels(cells, curves.score_at)] == ["a"]


def test_one_diverging_stretch_does_not_flatten_the_axis():
    calm = {s: 1 + s % 2 for s in range(200)}
    cells = {"a": [cell(calm | {7: 1e9})], "b": [cell({1: -1e9}, "failed")]}
    low, high = curves.axis_limits(curves.panels(cells, curves.score_at))
    assert (low, high) == pytest.approx((1 - 0.06, 2 + 0.06))
    only_failed = curves.panels({"b": [cell({1: 3.0, 2: 5.0}, "failed")]}, curves.score_at)
    low, high = only_failed[0].limits()
    assert low < 3.1 and high > 4.9, "where nothing finished, what failed is what is drawn"
    assert curves.axis_limits([]) is None
