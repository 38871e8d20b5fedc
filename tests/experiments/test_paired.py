"""Paired differences: by hand, in every direction, with seeds that failed and scores that are not finite."""

from __future__ import annotations

import math

import pytest
from synthetic_results import made_cell, made_results, made_setting

from ganzoo.experiments.cell_schema import Metric
from ganzoo.experiments.report.seeds import PairedDifference, control_name, excess, paired_differences

LOWER, HIGHER, NEAR_1 = (Metric(protocol="p", metric="p", better=better) for better in ("lower", "higher", "near 1"))


def results(kind: str = "compare", **scores: list[float | None]):
    """A score of each seed by setting; a seed without one failed."""
    cells = [
        made_cell(name, seed, scores={"p": score}) if score != "failed" else made_cell(name, seed, status="failed")
        for name, values in scores.items()
        for seed, score in enumerate(values)
    ]
    return made_results(kind=kind, settings=[made_setting(name) for name in scores], cells=cells)


def test_the_median_of_the_differences_is_not_the_difference_of_the_medians():
    found = results(a=[1.0, 5.0, 9.0], b=[3.0, 4.0, 10.0])
    (b,) = paired_differences(found, LOWER, "a")
    assert b == PairedDifference("b", (0, 1, 2), better=1, median=1.0, low=-1.0, high=2.0)
    (up,) = paired_differences(found, HIGHER, "a")
    assert up == PairedDifference("b", (0, 1, 2), better=2, median=1.0, low=-1.0, high=2.0), "the sign is the score's"


def test_near_1_is_compared_by_the_distance_to_1():
    (b,) = paired_differences(results(a=[0.5, 1.5], b=[1.25, 0.25]), NEAR_1, "a")
    assert (b.better, b.low, b.median, b.high) == (1, -0.25, 0.0, 0.25)


def test_only_seeds_count_in_which_both_have_the_score():
    found = results(a=[1.0, "failed", 3.0, 4.0], b=[2.0, 2.0, "failed", 3.0], c=["failed"])
    b, c = paired_differences(found, LOWER, "a")
    assert (b.seeds, b.better, b.median) == ((0, 3), 1, 0.0)
    assert c == PairedDifference("c", (), 0)


def test_the_worst_score_on_both_sides_is_a_tie_and_on_one_side_decides():
    found = results(a=[None, None, 2.0], b=[None, 1.0, None])
    for metric, sign in ((LOWER, 1), (HIGHER, -1)):
        (b,) = paired_differences(found, metric, "a")
        assert (b.better, b.median, b.low, b.high) == (1, 0.0, -math.inf, math.inf), sign
    assert excess(math.inf, math.inf) == 0.0 and excess(1.0, math.inf) == -math.inf


@pytest.mark.parametrize(
    ("kind", "names", "control"),
    [
        ("compare", ["a", "baseline"], "a"),
        ("ablate", ["a", "baseline"], "baseline"),
        ("ablate", ["a", "b"], "a"),
        ("compare", ["a"], None),
        ("compare", [], None),
    ],
)
def test_the_control_is_the_baseline_or_the_first(kind, names, control):
    assert control_name(results(kind, **{name: [1.0] for name in names})) == control
