"""Draws of hyper-parameters: within their ranges, as many and as lucky for each variant."""

import math
import tomllib

import pytest
from stand_ins import how, request
from synthetic_results import CELL, COST

from ganzoo.config.recipes import make_config, variants
from ganzoo.config.tables import flatten, unflatten
from ganzoo.config.techniques import technique_settings
from ganzoo.errors import InputError
from ganzoo.experiments.cell_schema import CellRecord, Metric
from ganzoo.experiments.plan import Plan
from ganzoo.experiments.spec import settings_of_switches, settings_of_variants
from ganzoo.experiments.tuning import (
    DEFAULT_RANGES,
    apply_tuning,
    best_trial,
    draw_value,
    excluded_ranges,
    hyperparameter_draws,
    overlaps,
    tuning_ranges,
)

RECIPES = [name for name in variants() if "/" not in name]


def test_every_recipe_has_ranges_for_both_rates_and_training_ignores_them():
    assert len(RECIPES) >= 15 and "ssgan" in RECIPES
    for name in RECIPES:
        assert {"train.generator.lr", "train.discriminator.lr"} <= tuning_ranges(name).keys()
        assert "tune" not in make_config(name).model_dump()


def test_a_recipe_names_only_the_ranges_that_differ_from_the_default():
    differing = {}
    for name, path in variants().items():
        own = tomllib.loads(path.read_text(encoding="utf-8")).get("tune", {})
        assert not [key for key, span in own.items() if DEFAULT_RANGES.get(key) == span], name
        differing |= {name: own} if own else {}
    assert set(differing) == {"ssgan", "wgan"}
    assert tuning_ranges("papers/cifar10/hinge") == DEFAULT_RANGES
    rates = {key: span for key, span in DEFAULT_RANGES.items() if key.endswith(".lr")}
    assert tuning_ranges("mnist/wgan") == rates | {"loss.clip": [3e-3, 1e-1, "log"]}


def test_a_range_that_is_false_is_not_drawn(tmp_path):
    (tmp_path / "mine.toml").write_text('extends = "nsgan"\n[tune]\n"train.generator.betas" = false\n')
    left = {key: span for key, span in DEFAULT_RANGES.items() if key != "train.generator.betas"}
    assert tuning_ranges(str(tmp_path / "mine.toml")) == left


def test_the_draws_are_those_of_earlier_versions():
    """So that a variant which is added to a tuned comparison has the luck of the others."""
    betas = {"train.discriminator.betas": [0.0, 0.9], "train.generator.betas": [0.5, 0.9]}
    expected = {
        "nsgan": {"train.discriminator.lr": 0.00107, "train.generator.lr": 0.000678} | betas,
        "ssgan": {"train.discriminator.lr": 0.0023, "train.generator.lr": 0.0013} | betas,
        "wgan": {"train.discriminator.lr": 0.00107, "train.generator.lr": 0.000678, "loss.clip": 0.00416},
    }
    for setting in settings_of_variants(expected, {}):
        assert hyperparameter_draws(setting, 2, {})[0] == expected[setting.name]


@pytest.mark.parametrize("variant", RECIPES)
def test_every_draw_is_within_its_range_and_makes_a_config(variant):
    [setting] = settings_of_variants([variant], {})
    for drawn in hyperparameter_draws(setting, 20, {}):
        assert drawn.keys() == tuning_ranges(variant).keys()
        for key, span in tuning_ranges(variant).items():
            assert drawn[key] in span["choices"] if isinstance(span, dict) else span[0] <= drawn[key] <= span[1]
        assert setting.changed(drawn).config.train.generator["lr"] == drawn["train.generator.lr"]


def test_a_range_is_covered_evenly_by_its_logarithm():
    values = sorted(math.log10(draw_value("k", [1e-4, 1e-2, "log"], i)) for i in range(400))
    shares = [(value + 4) / 2 for value in values]
    assert max(abs(share - (i + 0.5) / 400) for i, share in enumerate(shares)) < 0.1, "Kolmogorov-Smirnov at 400: 0.068"


def test_choices_are_taken_evenly():
    taken = [draw_value("k", {"choices": ["a", "b", "c"]}, i) for i in range(300)]
    assert all(70 < taken.count(each) < 130 for each in "abc")


def test_the_same_draw_is_the_same_quantile_for_every_variant():
    assert draw_value("k", [1, 100, "log"], 3) == pytest.approx(10 * draw_value("k", [0.1, 10, "log"], 3), rel=1e-2)
    assert draw_value("k", [1, 100, "log"], 3) != draw_value("j", [1, 100, "log"], 3)


@pytest.mark.parametrize(
    "span", [[1, 2], [2, 1, "log"], [0, 1, "log"], [1, 2, "linear"], {"choices": []}, {"choice": [1]}, 3]
)
def test_another_form_of_range_is_refused(span):
    with pytest.raises(InputError, match=r"tune\.train\.batch_size: expected"):
        draw_value("train.batch_size", span, 0)


def test_who_can_have_none_of_the_metrics_is_not_tuned_blindly(tmp_path):
    """Without labels there is no class to be right about, so no draw would be better than another."""
    plan = Plan(request(tmp_path, ("nsgan", "cgan"), metrics=("class_accuracy",), tune=2), how)
    assert [len(cells) for cells in plan.trials] == [0, 2]


def test_a_config_without_ranges_cannot_be_tuned(tmp_path):
    (tmp_path / "mine.toml").write_text('[loss]\nname = "nsgan"\n')
    with pytest.raises(InputError, match=r"has no \[tune\] table"):
        hyperparameter_draws(settings_of_variants([str(tmp_path / "mine.toml")], {})[0], 3, {})


def ablation(variant, switch, shared=None):
    """The setting of one switch."""
    return settings_of_switches(variant, [switch], shared or {}, technique_settings(), pytest.fail)[1]


def test_what_a_switch_sets_is_not_drawn_and_the_rest_is_drawn_as_for_the_baseline():
    [base], ttur = settings_of_variants(["nsgan"], {}), ablation("nsgan", "ttur")
    assert not excluded_ranges(base, {})
    rates = ("train.generator.lr", "train.discriminator.lr")
    assert excluded_ranges(ttur, {}) == dict.fromkeys(rates, "set by the setting")
    left = [
        {key: value for key, value in drawn.items() if key not in rates} for drawn in hyperparameter_draws(base, 3, {})
    ]
    assert hyperparameter_draws(ttur, 3, {}) == left and all(left)


def test_what_is_set_for_all_is_not_drawn_as_a_key_or_within_a_table():
    shared = unflatten({"train.generator.lr": 0.000123})
    [setting] = settings_of_variants(["nsgan"], shared)
    assert excluded_ranges(setting, shared) == {"train.generator.lr": "set by --set"}
    off = {"tricks": {"r1": False}}
    assert overlaps("tricks.r1.gamma", flatten(off)) and not overlaps("tricks.r10.gamma", flatten(off))


def test_a_key_that_the_setting_has_not_is_not_drawn():
    """SGD has no betas."""
    sgd = ablation("nsgan", "sgd-d")
    assert excluded_ranges(sgd, {}) == {"train.discriminator.betas": "not in this setting"}
    assert sgd.changed(hyperparameter_draws(sgd, 2, {})[1]).config.train.discriminator["name"] == "sgd"


def test_a_range_of_a_key_that_there_is_not_is_a_mistake_and_not_passed_over(tmp_path):
    (tmp_path / "mine.toml").write_text('extends = "wgan"\n[tune]\n"loss.clib" = [0.1, 0.2, "log"]\n')
    [setting] = settings_of_variants([str(tmp_path / "mine.toml")], {})
    assert not excluded_ranges(setting, {}) and "loss.clib" in hyperparameter_draws(setting, 2, {})[0]


def test_where_everything_is_set_there_are_no_draws():
    players = ("generator", "discriminator")
    shared = unflatten({f"train.{player}": {"lr": 1e-3, "betas": [0.5, 0.9]} for player in players})
    [setting] = settings_of_variants(["nsgan"], shared)
    assert hyperparameter_draws(setting, 2, shared) == [] and apply_tuning(setting, shared, [])[1].chosen is None


def test_a_file_that_extends_a_variant_inherits_its_ranges(tmp_path):
    (tmp_path / "mine.toml").write_text('extends = "wgan"\n[tune]\n"loss.clip" = [0.1, 0.2, "log"]\n')
    assert tuning_ranges(str(tmp_path / "mine.toml")) == tuning_ranges("wgan") | {"loss.clip": [0.1, 0.2, "log"]}


def scored(better, **scores):
    """The record of a tuning run with these scores."""
    metrics = [Metric(protocol=name, metric=name, better=better[name]) for name in scores]
    fields = {"status": "done", "cost": COST | {"memory_mib": None}, "floors": {}, "measure": {}}
    return CellRecord.model_validate(CELL | fields | {"scores": scores, "metrics": metrics})


def trial(value, better="lower"):
    return scored({"x": better, "y": "lower"}, x=value, y=0)


def points(modes, high_quality, reverse_kl):
    better = {"modes": "higher", "high_quality": "higher", "reverse_kl": "lower"}
    return scored(better, modes=modes, high_quality=high_quality, reverse_kl=reverse_kl)


def test_where_the_first_score_is_the_same_the_next_ones_decide():
    assert best_trial([points(8, 0.10, 0.0), points(8, 0.95, 0.1), points(7, 1.0, 0.0)]) == 1
    assert best_trial([points(8, 0.95, 0.2), points(8, 0.95, 0.1)]) == 1
    assert best_trial([points(0, 0.0, None), points(0, 0.0, 3.0)]) == 1


FAILED = scored({})


def test_the_best_is_chosen_by_the_first_metric_among_those_that_did_not_fail():
    assert best_trial([trial(3.0), FAILED, trial(1.0), None, trial(2.0)]) == 2
    assert best_trial([trial(3.0, "higher"), trial(1.0, "higher")]) == 0
    assert (
        best_trial([trial(None), trial(9.0)]) == 1
        and best_trial([trial(None, "higher"), trial(0.1, "higher"), FAILED]) == 1
    )
    assert best_trial([FAILED, None]) is None
