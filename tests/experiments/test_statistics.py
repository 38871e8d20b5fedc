"""Median, interval and rank, against the exact distribution of a resampled median and cases done by hand."""

import json
import math
import random
from math import comb

import numpy as np
import pytest
from synthetic_results import made_cell

from ganzoo.experiments.cell_schema import Metric
from ganzoo.experiments.statistics import Standing, coverage, intervals_overlap, median_interval, summarize
from ganzoo.json_io import as_table

FID = Metric(protocol="fid@10/test", metric="fid", better="lower")


def exact_quantile(values, share):
    """A quantile of the bootstrap distribution of the median of an odd number of values, without resampling.

    The median of n draws with replacement is at most the k-th smallest value iff more than half of the draws are.
    """
    n, ordered = len(values), sorted(values)

    def at_most(k):
        return sum(comb(n, j) * (k / n) ** j * (1 - k / n) ** (n - j) for j in range(n // 2 + 1, n + 1))

    return next(ordered[k - 1] for k in range(1, n + 1) if at_most(k) >= share)


@pytest.mark.parametrize("n", [3, 5, 7, 9, 15, 21])
def test_the_interval_is_that_of_the_exact_distribution(n):
    values = [float(i * i) for i in range(n)]
    random.Random(n).shuffle(values)
    low, high = median_interval(values)
    error = 3 * math.sqrt(0.025 * 0.975 / 10_000)  # three standard errors of a share of 10,000 resamples
    assert exact_quantile(values, 0.025 - error) <= low <= exact_quantile(values, 0.025 + error)
    assert exact_quantile(values, 0.975 - error) <= high <= exact_quantile(values, 0.975 + error)


def test_of_seven_and_nine_values_the_interval_leaves_out_the_ends():
    assert median_interval([1, 2, 3, 4, 5, 6, 7]) == (2, 6)
    assert median_interval([1, 2, 3, 4, 5, 6, 7, 8, 9]) == (2, 8)


def test_the_order_of_the_seeds_does_not_matter():
    values = [3.0, 1.0, 4.0, 1.5, 9.0, 2.6, 5.3, 5.8]
    assert median_interval(values) == median_interval(sorted(values)) == median_interval(values[::-1])


def test_up_to_five_values_the_interval_spans_them():
    assert median_interval([2.0, 9.0, 4.0]) == (2.0, 9.0)
    assert median_interval([7.0]) == (7.0, 7.0)


@pytest.mark.parametrize(
    ("n", "left_out"), [(1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 1), (7, 1), (9, 1), (10, 2), (11, 2)]
)
def test_how_often_the_true_median_lies_within_is_binomial(n, left_out):
    """It does unless at most `left_out` scores lie on one side of it; each side has the same chance for each score."""
    assert coverage(n) == pytest.approx(1 - 2 * sum(comb(n, j) for j in range(left_out + 1)) / 2**n)


def test_the_share_of_intervals_that_hold_the_true_median_is_the_coverage():
    for n in (3, 7):
        drawn = np.random.RandomState(n).rand(800, n)
        held = [low <= 0.5 <= high for low, high in map(median_interval, drawn)]
        error = 3 * math.sqrt(coverage(n) * (1 - coverage(n)) / len(drawn))
        assert np.mean(held) == pytest.approx(coverage(n), abs=error)


def cell(setting, value, status="done"):
    return made_cell(setting, status=status, scores={} if value is None else {FID.protocol: value})


def cells(**values):
    return [cell(name, value) for name, each in values.items() for value in each]


def judged_by(better):
    return FID.model_copy(update={"better": better})


def by_name(rows):
    return {row.setting: row for row in rows}


def test_rank_and_overlap_by_hand():
    rows = summarize(cells(a=[1, 2, 3], b=[2.5, 4, 5], c=[6, 7, 8], d=[4, 4, 4]), [FID])
    assert [(row.setting, row.median, row.rank) for row in rows] == [
        ("a", 2, 1),
        ("b", 4, 2),
        ("d", 4, 2),
        ("c", 7, 4),
    ]
    assert {name: row.overlaps for name, row in by_name(rows).items()} == {
        "a": ["b"],
        "b": ["a", "d"],
        "d": ["b"],
        "c": [],
    }


def test_what_is_better_turns_the_order():
    values = cells(a=[0.2, 0.2], b=[0.9, 0.9], c=[1.3, 1.3], d=[-0.3, -0.3])
    for better, order in {"lower": "dabc", "higher": "cbad", "near 1": "bcad", "near 0": "adbc"}.items():
        assert "".join(row.setting for row in summarize(values, [judged_by(better)])) == order


def test_where_1_is_best_each_seed_counts_by_its_distance_to_it():
    values = cells(
        base=[0.55, 0.6, 0.65, 0.7], above=[1.25, 1.3, 1.42, 1.5], wild=[0.2, 0.2, 1.8, 1.8], good=[1.1, 1.1]
    )
    rows = by_name(summarize(values, [judged_by("near 1")]))
    assert [rows[name].rank for name in ("good", "above", "base", "wild")] == [1, 2, 3, 4]
    assert rows["above"].overlaps == ["base"], "0.25 to 0.5 and 0.3 to 0.45 beside 1"
    assert (rows["wild"].median, rows["wild"].low, rows["wild"].high) == (1.0, 0.2, 1.8), "shown as they are"
    assert rows["wild"].overlaps == []


def test_failed_cells_are_counted_and_have_no_score():
    rows = by_name(summarize([*cells(a=[1, 3]), cell("a", None, "failed"), cell("b", None, "failed")], [FID]))
    assert (rows["a"].median, rows["a"].n, rows["a"].failed, rows["a"].rank) == (2, 2, 1, 1)
    assert (rows["b"].median, rows["b"].low, rows["b"].n, rows["b"].failed, rows["b"].rank) == (
        None,
        None,
        0,
        1,
        None,
    )
    assert rows["a"].overlaps == rows["b"].overlaps == []


def not_finite(name, *values):
    return [made_cell(name, scores={FID.protocol: value}) for value in values]


@pytest.mark.parametrize(
    ("better", "good"), [("lower", [0.2, 0.21, 0.22]), ("higher", [0.01, 0.02, 0.03]), ("near 1", [8, 9, 9.5])]
)
def test_a_score_that_is_not_finite_is_the_worst(better, good):
    found = summarize([*not_finite("bad", 0.9, 0.95, None, None, None), *cells(good=good)], [judged_by(better)])
    assert [(row.setting, row.rank, row.n) for row in found] == [("good", 1, 3), ("bad", 2, 5)]
    ends = [None, 0.95] if better == "higher" else [0.9, None]
    assert [found[1].median, found[1].low, found[1].high] == [None, *ends]


def test_two_that_are_not_finite_share_the_last_rank():
    rows = summarize([*not_finite("a", None, None), *not_finite("b", None, None), *cells(c=[1, 2])], [FID])
    assert [(row.setting, row.rank, row.overlaps) for row in rows] == [
        ("c", 1, []),
        ("a", 2, ["b"]),
        ("b", 2, ["a"]),
    ]
    json.dumps([as_table(row) for row in rows], allow_nan=False)


def test_few_scores_that_are_not_finite_widen_the_interval_alone():
    (row,) = summarize(not_finite("a", 1.0, 2.0, None), [FID])
    assert (row.low, row.median, row.high, row.rank) == (1.0, 2.0, None, 1)


def test_one_seed_is_told_apart_from_nothing():
    rows = by_name(summarize(cells(a=[1], b=[5, 6]), [FID]))
    assert rows["a"].overlaps == ["b"] and rows["b"].overlaps == ["a"]


def test_intervals_that_touch_overlap():
    def row(low, high):
        return Standing("a", [low, low, high], 0, (low, low, high))

    assert (
        intervals_overlap(row(1, 2), row(2, 3))
        and intervals_overlap(row(2, 3), row(1, 2))
        and intervals_overlap(row(0, 9), row(1, 2))
    )
    assert not intervals_overlap(row(1, 2), row(2.1, 3)) and not intervals_overlap(row(2.1, 3), row(1, 2))


def test_each_metric_has_its_own_rows():
    kid = Metric(protocol="kid@10/test", metric="kid", better="lower")
    both = [made_cell("a", scores={FID.protocol: 1.0, kid.protocol: 2.0})]
    assert [(row.protocol, row.median) for row in summarize(both, [FID, kid])] == [
        ("fid@10/test", 1.0),
        ("kid@10/test", 2.0),
    ]
