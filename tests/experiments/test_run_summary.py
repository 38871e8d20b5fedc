"""What a run tells of itself: its curve in few points, its finding, its peak of memory."""

import sys
from pathlib import Path

import pytest

from ganzoo.experiments.run_summary import MAX_POINTS, failure_text, log_curve, peak_memory, thin_records
from ganzoo.json_io import as_table
from ganzoo.training.run_dir import FindingRecord, LogRecord


def record(step, scores=None):
    terms = {"d/real": 1.0, "d/fake": 2.0, "g/fake": float(step), "norm/d": 9.0}
    counted = {"step": step, "d_steps": step, "g_steps": step, "images": 4 * step}
    return LogRecord(**counted, terms=terms, seconds=0.5, images_per_second=8.0, scores=scores or {})


def steps_of(count):
    return [point.step for point in log_curve([record(step) for step in range(1, count + 1)])]


@pytest.mark.parametrize("count", [0, 1, 59, 60, 61, 119, 120, 121, 5000])
def test_a_curve_has_few_points_and_both_ends(count):
    steps = steps_of(count)
    assert len(steps) <= MAX_POINTS and steps == sorted(set(steps))
    assert steps[:1] + steps[-1:] == ([1, count] if count else [])


def test_runs_of_any_length_share_steps():
    short, long = set(steps_of(1000)), set(steps_of(3000))
    assert len(short & long) >= 15


def test_a_point_has_the_sum_of_each_players_terms():
    assert [as_table(point) for point in log_curve([record(3)])] == [
        {"step": 3, "seconds": 0.5, "images": 12, "terms": {"d/loss": 3.0, "g/loss": 3.0}, "score": None}
    ]


def test_a_term_that_is_not_finite_leaves_a_gap():
    lost = record(3).model_copy(update={"terms": {"d/real": None, "g/fake": 1.0}})
    assert log_curve([lost])[0].terms == {"d/loss": None, "g/loss": 1.0}


def test_scores_taken_in_training_are_kept():
    kid = "kid-digits@1k/train"
    records = [record(step, {kid: step / 10} if step % 250 == 0 else None) for step in range(1, 2001)]
    points = {point.step: point.score for point in log_curve(records)}
    assert {step: score for step, score in points.items() if score is not None} == {
        s: s / 10 for s in range(250, 2001, 250)
    }
    assert len(points) <= MAX_POINTS


def test_the_error_of_a_classifier_is_no_point_of_the_curve_of_scores():
    records = [record(1, {"fid-digits@1k/train": 9.0, "test_error": 0.2}), record(2, {"test_error": 0.3})]
    assert [point.score for point in log_curve(records)] == [9.0, None]
    assert [point.score for point in log_curve(records[1:])] == [None]


def test_thinning_takes_every_so_many():
    records = [record(step) for step in range(10)]
    assert [each.step for each in thin_records(records, 6)] == [0, 2, 4, 6, 8, 9]


def test_a_failed_run_is_named_by_the_monitor_or_by_what_the_training_said():
    more = {"step": 1, "rule": "x", "figures": {}, "rollbacks": 0}
    found = [FindingRecord(text=text, fatal=text != "slow", **more) for text in ("D has won", "NaN", "slow")]
    assert failure_text(found, "it became NaN") == "NaN"
    assert failure_text([], "it became NaN") == failure_text(found[2:], "it became NaN") == "it became NaN"
    assert failure_text(found, None) is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells it in a file")
def test_the_peak_of_memory_is_in_mebibytes():
    lines = Path("/proc/self/status").read_text().splitlines()
    [kibibytes] = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
    assert peak_memory("cpu") == pytest.approx(kibibytes / 1024, rel=0.02)
