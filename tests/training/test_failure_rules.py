"""Each rule sees what it is for, on made-up records, and nothing else; recorded runs are in test_recorded.py."""

from __future__ import annotations

import math
import re
import shlex
from itertools import pairwise

import pytest

from ganzoo.cli.list import technique_defaults as defaults
from ganzoo.config.overrides import overrides
from ganzoo.config.recipes import make_config, variants
from ganzoo.config.resolve import resolve_defaults
from ganzoo.errors import InputError
from ganzoo.losses import LOSSES, NSGAN
from ganzoo.training.failure_rules import (
    PATIENCE,
    RULES,
    diagnose,
    new_findings,
    rules_without_enough_records,
)
from ganzoo.training.failure_signs import kendall_tau
from ganzoo.training.run_history import RECENT, WINDOW, History, loss_history

HEALTHY = {
    "d/real": 0.6,
    "d/fake": 0.6,
    "g/adv": 0.8,
    "norm/d": 3.0,
    "norm/g": 1.0,
    "norm/g.first": 0.2,
    "score/apart": 0.7,
    "variety/pixels": 0.9,
    "variety/features": 0.8,
    "unrest/lately": 0.6,
    "unrest/back": 0.7,
}


def log(n: int, **readings):
    """`n` records; a reading is a number, or a function of the record's number."""
    changed = {name.replace("__", "/").replace("_first", ".first"): value for name, value in readings.items()}
    tables = [{k: v(i) if callable(v) else v for k, v in (HEALTHY | changed).items()} for i in range(n)]
    return [{"step": 20 * i, "terms": terms} for i, terms in enumerate(tables)]


def named(records) -> dict[str, int]:
    return {finding.rule: finding.step // 20 for finding in diagnose(records, RULES)}


SIGNS = {
    "not-finite": ({"g__adv": lambda i: None if i == 7 else 0.8}, 7),
    "loss-explodes": ({"g__adv": lambda i: 0.8 if i < 7 else 4.7e9}, 7),
    "d-has-won": ({"d__real": lambda i: 0.6 if i < 10 else 0.004, "d__fake": lambda i: 0.6 if i < 10 else 0.003}, None),
    "gradient-explodes": ({"norm__d": lambda i: 3.0 if i < 9 else 400.0}, 8 + RECENT),
    "gradient-vanishes": ({"norm__g_first": lambda i: 1e-8 if i else 0.2}, RECENT),
    "d-is-fooled": ({"d__real": lambda i: 0.1 * i, "g__adv": lambda i: 9 - 0.2 * i, "score__apart": 0.2}, PATIENCE - 1),
    "d-loss-spreads": ({"d__real": lambda i: (-1) ** i * (0.1 if i < 30 else 9.0)}, None),
    "d-memorises": ({"score__held_out": lambda i: 0.55 if i < 9 else 0.9}, 8 + 3),
    "samples-alike": ({"variety__pixels": 0.05}, PATIENCE - 1),
    "oscillates": ({"unrest__lately": lambda i: 0.9, "unrest__back": lambda i: 0.6 if i < 12 else 0.1}, None),
}


@pytest.mark.parametrize("rule", list(RULES))
def test_a_rule_sees_its_sign_and_no_other_rule_does(rule):
    readings, first = SIGNS[rule]
    if rule == "d-has-won":
        readings, first = readings | {"score__apart": 1.0}, 9 + RECENT
    found = named(log(60, **readings))
    assert found.keys() == {rule}
    assert first is None or found[rule] == first


def test_a_healthy_log_is_left_alone():
    assert named(log(100)) == {}


@pytest.mark.parametrize(
    "readings",
    [
        {
            "norm__d": lambda i: 400.0 if 20 <= i < 24 or i == 40 else 50.0
        },  # bursts that pass: four records are not five
        {"d__real": 0.001, "d__fake": 0.001, "score__apart": 0.99},  # a small loss of soft targets
        {"variety__pixels": lambda i: 0.02 if i < PATIENCE - 2 else 0.4},  # early, shapeless images
        {"d__real": lambda i: 0.1 * i, "g__adv": lambda i: 9 - 0.2 * i},  # G catches up with a D that is still ahead
        {"unrest__lately": 0.1, "unrest__back": 0.01},  # hardly moves
        {"d__real": lambda i: -3.0 * i},  # a critic's drift
    ],
    ids=["bursts", "small-loss", "early", "catching-up", "still", "drift"],
)
def test_what_is_no_failure_is_left_alone(readings):
    assert named(log(100, **readings)) == {}


def test_a_rule_speaks_once_and_only_where_it_is_watched():
    records = log(60, norm__d=lambda i: 400.0 if i else 3.0)
    assert [finding.rule for finding in diagnose(records, RULES)] == ["gradient-explodes"]
    assert diagnose(records, ["samples-alike"]) == []


def test_a_finding_says_step_figures_meaning_and_remedy():
    (finding,) = diagnose(log(60, norm__d=lambda i: 400.0 if i else 3.0), RULES)
    said = "a gradient norm is far above its first value or exceeds a million (norm/d 400, norm/d at first 3); "
    assert finding.text.startswith(f"step {finding.step}: {said}")
    assert "tricks.r1=true" in finding.text and finding.figures == {"norm/d": 400.0, "norm/d at first": 3.0}


AT_ONCE = {
    "loss-explodes": [{"g__adv": 4.7e9}, {"d__fake": -2e6}, {"d__r1": 1e7}, {"g__feature_matching": 1.5e6}],
    "gradient-explodes": [{"norm__d": 2e6}, {"norm__g_first": 3e8}],
    "gradient-vanishes": [{"norm__g": 0.0}, {"norm__d": 0.0}],
    "not-finite": [{"norm__g": None}, {"variety__pixels": None}, {"d__fake": None}],
}


@pytest.mark.parametrize("before", [0, 1, 3, 30])
@pytest.mark.parametrize(
    ("rule", "readings"), [(rule, readings) for rule in AT_ONCE for readings in AT_ONCE[rule]], ids=str
)
def test_what_needs_no_history_is_found_in_one_record(rule, readings, before):
    healthy = dict.fromkeys(readings, 0.5)
    last = {name: lambda i, name=name: (readings if i == before else healthy)[name] for name in readings}
    assert named(log(before + 1, **last)) == {rule: before}


def test_hinges_that_are_all_closed_leave_d_no_gradient_and_are_no_finding():
    assert named(log(1, d__real=0.0, d__fake=0.0, norm__d=0.0)) == {}


@pytest.mark.parametrize("scale", [1e-4, 1e-2, 1.0, 4361 / 3])
def test_gradients_are_judged_by_their_own_beginning(scale):
    """Of a loss whose gradients are as large or as small as they like."""

    def norms(factor):
        return log(60, norm__d=lambda i: scale * factor(i), norm__g=scale, norm__g_first=scale / 5)

    assert named(norms(lambda i: 3.0)) == {}
    assert named(norms(lambda i: 3.0 / (1 + i))) == {}, "they fall"
    assert named(norms(lambda i: 3.0 * 1.05**i)) == {}, "they rise to twenty times their first"
    assert named(norms(lambda i: 3.0 if i < 50 else 180.0)) == {"gradient-explodes": 50 + RECENT - 1}
    assert named(norms(lambda i: 3.0 if i < 50 else 1e-5)) == {"gradient-vanishes": 50 + RECENT - 1}


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_a_loss_that_varies_is_judged_by_its_own_beginning(scale):
    readings = {"d__real": lambda i: scale * (1 + (-1) ** i * (0.05 if i < 30 else 4.0)), "d__fake": 0.0}
    assert named(log(60, **readings)).keys() == {"d-loss-spreads"}


def test_a_run_reads_the_same_wherever_it_was_resumed():
    records = log(90, norm__d=lambda i: 3.0 if i < 70 else 400.0, norm__g=lambda i: 1.0 if i < 60 else 1e-7)
    whole = diagnose(records, RULES)
    assert [finding.rule for finding in whole] == ["gradient-vanishes", "gradient-explodes"]
    for resumed in (1, WINDOW + 1, 61, 72):
        history, found = History(records[:resumed]), diagnose(records[:resumed], RULES)
        for record in records[resumed:]:
            history.add(record)
            found += new_findings(history, {finding.rule for finding in found}, RULES)
        assert found == whole


def test_rules_that_have_too_few_records_are_named_with_what_they_need():
    assert rules_without_enough_records(4, NSGAN.watch) == {
        "d-has-won": RECENT,
        "d-is-fooled": PATIENCE,
        "gradient-explodes": RECENT,
        "gradient-vanishes": RECENT,
        "d-loss-spreads": WINDOW,
        "d-memorises": RECENT,
        "samples-alike": PATIENCE,
        "oscillates": PATIENCE,
    }
    assert rules_without_enough_records(4, ["not-finite"]) == {} == rules_without_enough_records(WINDOW, RULES)


def test_every_remedy_names_keys_that_exist():
    known = defaults()
    for rule in RULES.values():
        keys = re.findall(r"\b(?:train|tricks|networks|loss|latent|data)\.[a-z_.0-9]+[a-z0-9]", rule.remedy)
        assert keys, rule.name
        for key in keys:
            assert key in known or any(k.startswith(f"{key}.") for k in known), f"{rule.name}: {key}"


SETTINGS = [
    (rule.name, shlex.split(text)[0])
    for rule in RULES.values()
    for text in re.findall(r"\b[a-z_.]+\.[a-z_0-9]+=[^\s,;)]+", rule.remedy)
]
"""What a reader copies after `--set`, as a shell passes it on."""


@pytest.mark.parametrize(("rule", "text"), SETTINGS, ids=str)
def test_every_setting_in_a_remedy_can_be_set_as_it_stands(rule, text):
    """For some variant whose loss watches the rule; elsewhere it may be refused, as a penalty with batch norm is."""
    refused = []
    for variant in (name for name in variants() if rule in LOSSES[make_config(name).loss["name"]].watch):
        try:
            resolve_defaults(make_config(variant, overrides([text])))
            return
        except InputError as error:
            refused.append(str(error))
    raise AssertionError(refused)


def test_there_are_settings_in_remedies():
    assert len(SETTINGS) >= 8


def test_every_loss_watches_rules_that_exist_and_what_needs_no_interpretation():
    for each in LOSSES.values():
        assert set(each.watch) <= RULES.keys() and {"not-finite", "samples-alike"} <= set(each.watch)
    critics = ("wgan", "wgan-gp", "coulomb", "ebgan", "began")
    assert not any("d-has-won" in LOSSES[name].watch for name in critics)
    assert all("d-has-won" in LOSSES[name].watch for name in ("nsgan", "minimax", "lsgan", "hinge", "rpgan", "acgan"))


def test_the_window_is_all_a_rule_ever_sees():
    """So that a resumed run, which keeps only the window, finds what an unbroken one does."""
    records = log(130, d__real=lambda i: (-1) ** i * (0.1 if i < 90 else 9.0))
    (finding,) = diagnose(records, RULES)
    end = finding.step // 20 + 1
    assert RULES[finding.rule].finding(History(records[end - WINDOW : end])) == finding
    assert RULES[finding.rule].finding(History(records[end - WINDOW - 1 : end - 1])) is None


def test_trend_is_kendalls_tau():
    values = [3.0, 1.0, 4.0, 1.5, 5.0, 9.0, 2.0, 6.0]
    pairs = [(a, b) for i, a in enumerate(values) for b in values[i + 1 :]]
    assert math.isclose(kendall_tau(values), sum(1 if b > a else -1 for a, b in pairs) / len(pairs))
    assert kendall_tau([1.0, 2.0, 3.0]) == 1 and kendall_tau([3.0, 2.0]) == -1 and kendall_tau([1.0, 1.0]) == 0
    assert all(a < b for a, b in pairwise([kendall_tau([0, -1, -2]), kendall_tau([0, 1, -1]), kendall_tau([0, 1, 2])]))


def test_a_loss_with_terms_of_its_own_has_all_of_them_and_nan_stays_nan():
    terms = {"d/real": 1.0, "d/fake": 2.0, "d/gp": 9.0, "g/feature_matching": 3.0}
    assert loss_history([{"terms": terms}], "d") == [3.0] and loss_history([{"terms": terms}], "g") == [3.0]
    assert math.isnan(loss_history([{"terms": terms | {"d/real": None}}], "d")[0]) and math.isnan(
        loss_history([{"terms": {}}], "g")[0]
    )
    unnamed = log(60, d__real=None, d__fake=None, score__apart=1.0)
    assert "d-has-won" not in named(unnamed)


def test_figures_that_are_not_finite_are_null_in_the_record():
    (finding,) = diagnose(log(60, g__adv=lambda i: None if i == 59 else 1.0), ["not-finite"])
    assert finding.as_record()["figures"] == {"g/adv =": None} and "g/adv = nan" in finding.text


def test_a_lowest_loss_of_minus_zero_is_shown_as_zero():
    (finding, *_) = diagnose(log(30, d__real=0.0, d__fake=0.0, score__apart=1.0), RULES, (-0.0, 1.386))
    assert finding.rule == "d-has-won" and "lowest possible 0, pairs ranked correctly 1" in finding.text


@pytest.mark.parametrize(
    ("readings", "found"),
    [
        ({"score__r_t": lambda i: 0.92 + 0.0005 * i}, WINDOW - 1),
        ({"score__r_t": lambda i: 0.92 + 0.04 * (-1) ** i + 0.0005 * i}, WINDOW - 1),
        ({"score__r_t": 0.95}, None),
        ({"score__r_t": lambda i: 0.99 - 0.0005 * i}, None),
        ({"score__r_t": lambda i: 0.84 + 0.0001 * i}, None),
        ({"score__r_t": lambda i: 0.8 + 0.002 * i}, 80),
        ({"score__r_t": lambda i: None if i == 5 else 0.92 + 0.0005 * i}, 5 + WINDOW),
        ({"score__r_t": lambda i: 0.92 + 0.0005 * i, "score__held_out": 0.57}, None),
        ({"score__held_out": lambda i: 0.99 if i % 5 < 2 else 0.55}, None),
        ({"score__held_out": lambda i: None if i == 4 else 0.9}, 9),
    ],
    ids=[
        "rises",
        "scatters",
        "steady",
        "falls",
        "as healthy runs",
        "late",
        "gap",
        "held-out say no",
        "bursts",
        "a value is missing",
    ],
)
def test_r_t_counts_only_without_held_out_reals_and_over_a_whole_window(readings, found):
    rules = [rule for rule in RULES if rule != "not-finite"]
    (finding,) = diagnose(log(100, **readings), rules) or [None]
    assert (finding and (finding.rule, finding.step // 20)) == (found and ("d-memorises", found))
    assert finding is None or "tricks.augment=true" in finding.text
