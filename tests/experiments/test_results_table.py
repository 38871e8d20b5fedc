"""The numbers of the headline."""

from __future__ import annotations

import math

import pytest
from synthetic_results import COST, made_cell, made_results, made_row, made_setting

from ganzoo.experiments.cell_schema import Metric
from ganzoo.experiments.report.table import ScoreColumn, ScoreSummary, decimals, results_table
from ganzoo.experiments.results_schema import CellEntry, Results, SummaryRow

FID = "fid-digits@10k/test"


def entry(
    setting: str, low: float | None, median: float | None, high: float | None, rank: int, overlaps: str = "", n: int = 4
) -> SummaryRow:
    numbers = {"low": low, "median": median, "high": high, "rank": rank, "n": n}
    return made_row(setting=setting, protocol=FID, overlaps=overlaps.split(), **numbers)


def results(
    *summary: SummaryRow, cells: tuple[CellEntry, ...] = (), floor: float | None = 1.0, better: str = "lower"
) -> Results:
    names = [row.setting for row in summary] + [cell.setting for cell in cells]
    return made_results(
        metrics=[{"protocol": FID, "metric": "fid", "better": better}],
        floors={} if floor is None else {FID: floor},
        settings=[made_setting(name) for name in dict.fromkeys(names)],
        cells=cells,
        summary=summary,
    )


def cell(setting: str, seed: int, status: str = "done", **cost: float) -> CellEntry:
    return made_cell(setting, seed, status=status, cost=COST | {"memory_mib": None} | cost if cost else None)


def scores(found: Results) -> dict[str, ScoreSummary]:
    return {row.name: row.scores[0] for row in results_table(found).rows}


def test_rows_come_best_first_and_those_without_a_score_last():
    found = results(entry("b", 4, 5, 6, 2), entry("a", 1, 2, 3, 1), cells=(cell("lost", 0, "failed"),))
    assert [row.name for row in results_table(found).rows] == ["a", "b", "lost"]
    assert scores(found)["lost"] == ScoreSummary()


def test_rows_of_one_rank_come_in_the_order_of_the_next_score():
    found = results(entry("a", 8, 8, 8, 1, "b"), entry("b", 8, 8, 8, 1, "a"))
    next_metric = Metric(protocol="next", metric="next", better="higher")
    rows = zip(found.summary, (2, 1), strict=True)
    more = [row.model_copy(update={"protocol": "next", "rank": rank}) for row, rank in rows]
    both = found.model_copy(update={"metrics": [*found.metrics, next_metric], "summary": [*found.summary, *more]})
    assert [row.name for row in results_table(both).rows] == ["b", "a"]


def test_overlap_leaves_ranks_open():
    found = scores(
        results(
            entry("a", 1, 2, 3, 1, "b"),
            entry("b", 2, 3, 5, 2, "a c"),
            entry("c", 4, 5, 6, 3, "b"),
            entry("d", 7, 8, 9, 4),
        )
    )
    assert {name: score.places for name, score in found.items()} == {"a": (1, 2), "b": (1, 3), "c": (2, 3), "d": (4, 4)}


def test_bold_is_only_the_first_and_only_where_it_overlaps_nothing():
    worst = entry("c", 7, 8, 9, 3)
    for first, second in (("", ""), ("b", "a")):
        found = scores(results(entry("a", 1, 2, 3, 1, first), entry("b", 4, 5, 6, 2, second), worst))
        assert [name for name, score in found.items() if score.clear] == ([] if first else ["a"])


def test_an_ablation_says_what_lies_apart_from_its_baseline():
    summary = (
        entry("good", 1, 2, 3, 1),
        entry("near", 3, 4, 6, 2, "baseline"),
        entry("baseline", 5, 6, 7, 3, "near"),
        entry("bad", 8, 9, 9, 4),
    )
    found = scores(results(*summary).model_copy(update={"kind": "ablate"}))
    assert {name: score.against for name, score in found.items()} == {
        "good": "better",
        "near": None,
        "baseline": None,
        "bad": "worse",
    }
    assert not any(score.against for score in scores(results(*summary)).values())
    lost = scores(results(summary[0], summary[3]).model_copy(update={"kind": "ablate"}))
    assert not any(score.against for score in lost.values()), "every seed of the baseline failed"


def test_two_of_one_rank_leave_the_next_open_too():
    found = scores(results(entry("a", 2, 2, 2, 1, "b"), entry("b", 2, 2, 2, 1, "a"), entry("c", 3, 3, 3, 3)))
    assert [found[name].places for name in "abc"] == [(1, 2), (1, 2), (3, 3)]


@pytest.mark.parametrize(
    "summary",
    [
        [entry("a", 1, 1, 1, 1, n=1), entry("b", 2, 2, 2, 2, n=1)],
        [entry("a", 1, 1, 1, 1, n=5), entry("b", 2, 2, 2, 2, n=3)],
        [entry("a", 1, 1, 1, 1, n=3), entry("b", 2, 2, 2, 2, n=5)],
        [entry("a", 1, 1, 1, 1, n=5)],
    ],
    ids=["one seed each", "three seeds of the other", "three seeds of the first", "nothing to compare with"],
)
def test_nothing_is_bold_where_spread_or_comparison_is_missing(summary):
    assert not any(score.clear for score in scores(results(*summary)).values())


def test_failed_and_unfinished_cells_are_counted_and_do_not_cost():
    cells = (
        cell("a", 0, seconds=10, images=640),
        cell("a", 1, seconds=30, images=640),
        cell("a", 2, "failed", seconds=1, images=64),
        cell("a", 3, "unfinished"),
    )
    (row,) = results_table(results(cells=cells)).rows
    assert row.ended == "1 of 4, 1 unfinished"
    assert (row.costs["seconds"], row.costs["images"], row.costs["memory_mib"]) == (20, 640, None)


def test_what_is_not_finite_lies_at_the_worse_end_and_is_called_none():
    for better, worst, place in (("lower", math.inf, 100), ("higher", -math.inf, 0), ("near 1", math.inf, 100)):
        found = results(entry("a", 2, 3, None, 1), entry("b", None, None, None, 2), better=better)
        (column,), (a, b) = results_table(found).columns, results_table(found).rows
        assert column.ends == (1.0, 3) and column.text(a.scores[0].high) == "none"
        assert (a.scores[0].high, b.scores[0].median, column.place(worst)) == (worst, worst, place)
        assert column.text(None) == "–" and column.clamp(worst) == (3 if place else 1)


@pytest.mark.parametrize(
    ("smallest", "expected"), [(123.0, 1), (12.3, 1), (5.67, 2), (0.873, 3), (0.00234, 5), (1e-9, 5)]
)
def test_the_smallest_median_has_three_figures_within_bounds(smallest, expected):
    assert decimals([smallest, 400.0, 0.0], 3) == expected
    assert decimals([], 3) == decimals([0.0], 3) == 1


def test_the_floor_has_two_figures_at_least():
    """A floor of 0.023 is not 0.0 because the scores beside it are large."""
    columns = [
        results_table(results(entry("a", 90, 95, 99, 1), floor=floor)).columns[0] for floor in (0.0234, 1.6, None)
    ]
    assert [column.text(column.floor) for column in columns] == ["0.023", "1.6", "–"]
    assert [column.text(95) for column in columns] == ["95.000", "95.0", "95.0"]


def test_places_on_the_bar_are_in_proportion_and_logarithmic_where_the_range_is_wide():
    narrow = ScoreColumn(0, FID, "lower", 10.0, 2, (10.0, 30.0))
    assert [narrow.place(v) for v in (10, 15, 30)] == [0, 25, 100] and not narrow.logarithmic
    wide = ScoreColumn(0, FID, "lower", 1.0, 2, (1.0, 100.0))
    assert wide.logarithmic and [wide.place(v) for v in (1, 10, 100)] == [0, 50, 100]
    assert wide.place(20) == pytest.approx(100 * math.log(20) / math.log(100), abs=0.01)
    assert not ScoreColumn(0, "x", "higher", None, 2, (-1.0, 100.0)).logarithmic, "a KID may be negative"
    assert ScoreColumn(0, "x", "higher", None, 2, (3.0, 3.0)).place(3.0) == 50


def test_a_column_reaches_from_the_floor_to_the_worst_interval():
    summary = (entry("a", 4, 5, 6, 1), entry("b", 5, 7, 9, 2))
    assert results_table(results(*summary)).columns[0].ends == (1.0, 9)
    assert results_table(results(*summary, floor=None)).columns[0].ends == (4, 9)
    assert results_table(results()).columns[0].ends == (1.0, 1.0)
