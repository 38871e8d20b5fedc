"""The atlas: curves on a common scale, bands, distances; the file in the package."""

from __future__ import annotations

import numpy as np
import pytest
from made_up import STEPS, broken, collapsed, curves, exploded, failed, log, small_atlas

from ganzoo.atlas import store
from ganzoo.atlas.compare import OUTSIDE_SHARE, compare
from ganzoo.atlas.curves import LIMIT, POINTS, SIGNALS, run_curves
from ganzoo.atlas.store import Atlas, Run, build, read_atlas, write_atlas
from ganzoo.cli.over_band import lines
from ganzoo.errors import InputError

ATLAS = small_atlas()


def against(atlas: Atlas, found, loss="nsgan", data="digits"):
    return compare(atlas, found, loss, data, STEPS)


def test_curves_do_not_depend_on_the_scale_of_a_loss_or_the_width_of_a_network():
    one, other = curves(), curves(scale=700.0)
    assert one.keys() == {"d", "g", "norm/d", "norm/g", "score/apart", "variety/pixels"}
    for name, values in one.items():
        assert values.shape == (POINTS,) and np.allclose(values, other[name])


def test_a_curve_is_the_mean_of_its_cells_and_hardly_depends_on_how_often_is_logged():
    records = [{"step": step, "terms": {"norm/d": 10.0**step}} for step in range(1, 81)]
    assert np.allclose(run_curves(records, 80)["norm/d"], [0.5, 2.5] + [LIMIT] * (POINTS - 2))
    often, seldom = curves(every=5), curves(every=40)
    assert max(np.nanmax(np.abs(often[name] - seldom[name])) for name in often) < 0.1


def test_what_is_not_logged_yet_is_unknown_and_nothing_follows_what_is_not_finite():
    part = run_curves(log()[:26], STEPS)["norm/d"]
    assert np.isfinite(part[:20]).all() and np.isnan(part[20:]).all()
    lost = [record for record in log(change=broken) if record["step"] <= 600]
    ended = run_curves(lost, STEPS)["norm/d"]
    assert (ended[24:] == LIMIT).all() and (ended[:20] < 1).all()


def test_a_gradient_of_zero_is_the_lowest_value():
    records = [{"step": step, "terms": {"norm/g": 2.0 if step == 1 else 0.0}} for step in range(1, 41)]
    assert run_curves(records, 40)["norm/g"].tolist() == [0.0] + [-LIMIT] * 39


def test_the_file_is_read_as_it_was_written(tmp_path):
    one, two = tmp_path / "a.json.xz", tmp_path / "b.json.xz"
    write_atlas(ATLAS, one)
    assert read_atlas(one) == ATLAS
    write_atlas(read_atlas(one), two)
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("content", [b"", b"no xz", b"{}"])
def test_a_damaged_file_is_one_line(content, tmp_path):
    path = tmp_path / "a.json.xz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.json\.xz is not valid JSON"):
        read_atlas(path)


def test_the_atlas_of_the_package_is_small_and_complete():
    assert store.FILE.stat().st_size < 1_000_000
    atlas = read_atlas()
    assert {"nsgan", "wgan-gp", "began", "hinge"} <= {each.loss for each in atlas.healthy}
    assert len({each.name for each in atlas.sick}) >= 12
    for each in atlas.healthy:
        assert {"norm/d", "norm/g", "variety/pixels"} <= each.bands.keys() <= SIGNALS.keys()


def test_a_healthy_run_is_inside_its_band():
    found = against(ATLAS, curves(seed=9))
    assert found.known and found.band == "3 healthy runs of nsgan on digits, 1,000 steps"
    assert all(each.inside and each.share == 0 for each in found.signals.values())
    assert found.from_band == 0 and not found.is_like_failure
    assert "nearer to the band (0) than to any failure (nearest: " in lines(found)[-1]


@pytest.mark.parametrize("change", [exploded, collapsed, broken])
def test_a_failure_is_named_in_another_loss_and_scale(change):
    found = against(ATLAS, curves(seed=8, scale=900.0, change=change), loss="wgan")
    assert found.is_like_failure and found.nearest[0][0].name == change.__name__
    (said,) = [line for line in lines(found) if line.startswith("most like")]
    assert f"Its cause: it is {change.__name__}. Try: no {change.__name__}" in said


def reversed_curves(terms: dict, at: float) -> None:
    """Every norm and share away from the band on the side that no failure of the small atlas has."""
    terms.update({"norm/d": 1e-4, "norm/g": 1e-4, "score/apart": 0.2, "variety/pixels": 3.0} if at > 0.1 else {})


def test_a_run_unlike_the_band_and_unlike_every_failure_is_called_so():
    found = against(ATLAS, curves(change=reversed_curves))
    assert not found.is_like_failure
    assert "outside the band in 4 of 6 signals, but like no failure of the atlas (nearest: " in lines(found)[-1]


def test_a_signal_outside_says_since_when_and_on_which_side():
    found = against(ATLAS, curves(change=exploded))
    signal = found.signals["norm/d"]
    assert 0.45 < signal.share < 0.55 and 490 < signal.since < 520 and signal.above and not signal.inside
    assert signal.marks == "·" * 20 + "▲" * 20
    assert all(each.inside for name, each in found.signals.items() if name != "norm/d")
    below = against(ATLAS, curves(change=collapsed)).signals["variety/pixels"]
    assert not below.above and below.marks.endswith("▼" * 10)


def test_a_run_that_came_back_is_outside_without_a_last_stretch():
    def early(terms, at):
        terms["norm/d"] *= 1000 if 0.1 < at < 0.6 else 1

    signal = against(ATLAS, curves(change=early)).signals["norm/d"]
    assert signal.share > OUTSIDE_SHARE and signal.since is None and signal.marks.endswith("·")


def test_a_failure_that_does_not_show_yet_is_not_named():
    early = run_curves(log(seed=4, change=exploded)[:20], STEPS)
    found = against(ATLAS, early)
    assert found.nearest == [] and not found.is_like_failure


def test_without_the_loss_the_band_is_that_of_all_and_without_the_data_that_of_others():
    found = against(ATLAS, curves(), loss="mine")
    assert not found.known and found.band == "all 6 healthy runs (none of loss 'mine')"
    assert not found.is_like_failure and found.signals["norm/d"].inside
    elsewhere = against(ATLAS, curves(), data="photos")
    assert elsewhere.known and elsewhere.band == "3 healthy runs of nsgan on digits (none on photos), 1,000 steps"


def test_a_signal_that_the_loss_lacks_has_the_band_of_all():
    bare = [Run("bare", "digits", STEPS, {"norm/d": curves()["norm/d"]})]
    rest = [Run("nsgan", "digits", STEPS, curves(seed=seed)) for seed in range(3)]
    atlas = build(bare + rest, [failed("collapsed", collapsed)])
    found = against(atlas, curves(change=collapsed), loss="bare")
    assert found.nearest[0][0].name == "collapsed" and found.is_like_failure


def test_a_log_without_signals_is_not_compared():
    assert against(ATLAS, {}) is None
    assert lines(None) == ["no comparison with healthy runs: the log has none of the atlas's signals yet"]
    empty = build([], [])
    assert against(empty, curves()) is None
