"""SVG that follows the page."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from extras import need
from synthetic_results import made_cell, renamed, synthetic, typed

from ganzoo.experiments.report import curves
from ganzoo.experiments.report.figures import (
    MAX_LABELS,
    STYLE,
    draw_panel,
    labeled_points,
    quality_against_cost,
    spread_labels,
)
from ganzoo.experiments.report.table import results_table

need("matplotlib")


@pytest.fixture
def results(tmp_path):
    return synthetic(tmp_path, ["nsgan", "lsgan", "wgan"], side=20)


def draw(results) -> str:
    found = typed(results)
    return quality_against_cost(found, results_table(found), 0, "cost0")


def test_a_figure_has_no_colour_of_its_own(results):
    svg = draw(results)
    colours = re.findall(r"(?:fill|stroke): ([^;\"]+)", svg)
    assert set(colours) <= {"none", "currentColor", "var(--quiet)", "var(--first)", "var(--second)"} and colours
    assert "font:" not in svg and "http" not in svg


def test_names_in_a_figure_are_text_and_not_markup_or_mathematics(results):
    name = '<b>&"$x^2$'
    svg = draw(renamed(results, "nsgan", name))
    texts = ["".join(e.itertext()) for e in ElementTree.fromstring(svg.replace("xlink:", "")).iter() if e.tag == "text"]
    assert name in texts


def test_the_wide_range_gets_plain_numbers_on_a_logarithmic_axis(results):
    for cell in results["cells"]:
        cell["cost"]["seconds"] *= 100 if cell["setting"] == "wgan" else 1
    svg = draw(results)
    assert "mathdefault" not in svg and {"50", "5000"} <= set(re.findall(r">([^<]+)</text>", svg))


def test_there_is_no_figure_without_a_score_or_a_cost(results):
    assert draw(results | {"summary": []}) is None
    assert draw(results | {"cells": []}) is None


def test_ids_belong_to_one_figure(results):
    cells = typed(results).cells[:2]
    found = curves.panels({"a": cells, "b": cells}, curves.d_loss_at)
    first, second = (draw_panel(c, f"loss{i}", c.name, 2000, c.limits()) for i, c in enumerate(found))
    ids = [set(re.findall(r' id="([^"]+)"', svg)) for svg in (first, second)]
    assert ids[0] and not ids[0] & ids[1]
    assert set(re.findall(r"(?:url\(|href=\")#([^\")]+)", first)) <= ids[0], "and what it refers to is there"


def test_a_curve_of_a_single_point_is_a_dot(results):
    def drawn(points: int) -> str:
        cells = [made_cell(**cell | {"curve": cell["curve"][:points]}) for cell in results["cells"][:2]]
        (curve,) = curves.panels({"a": cells}, curves.d_loss_at)
        return draw_panel(curve, "loss0", "a", 2000, curve.limits())

    dots = [svg.count("fill: var(--first); stroke: var(--first)") for svg in (drawn(1), drawn(2))]
    assert dots[0] >= 1 and dots[1] == 0


def test_the_users_own_settings_of_matplotlib_stay_and_do_not_matter(results):
    import matplotlib

    before = draw(results)
    with matplotlib.rc_context({"text.color": "red", "figure.facecolor": "blue", "svg.fonttype": "path"}):
        assert "red" not in draw(results) and "<text" in draw(results) and len(draw(results)) == len(before)
        assert matplotlib.rcParams["text.color"] == "red"
    assert STYLE["svg.fonttype"] == "none"


@pytest.mark.parametrize("heights", [[0.5, 0.5, 0.5], [0.0, 0.01, 1.0, 0.99], [0.3], [], [i / 40 for i in range(40)]])
def test_names_are_moved_apart_in_order(heights):
    placed = spread_labels(heights)
    gap = min(0.07, 1 / max(1, len(heights) - 1))
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    assert all(placed[b] - placed[a] >= gap - 1e-9 for a, b in pairwise(order))
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in placed)


def test_names_with_room_stay_at_their_points():
    assert spread_labels([0.2, 0.8, 0.5]) == [0.2, 0.8, 0.5]


def test_among_many_only_those_have_names_that_none_beats_and_the_baseline():
    crowd = [(f"s{i}", 10.0 + i, 5.0 + i) for i in range(MAX_LABELS - 3)]
    points = [("quick", 1.0, 9.0), ("good", 30.0, 1.0), ("baseline", 20.0, 30.0), *crowd]
    assert labeled_points(points, "lower") == points
    points.append(("last", 40.0, 40.0))
    assert [name for name, *_ in labeled_points(points, "lower")] == ["quick", "good", "baseline", "s0"]
    assert [name for name, *_ in labeled_points(points, "higher")] == [
        "quick",
        "baseline",
        *(f"s{i}" for i in range(5, 10)),
        "last",
    ]
