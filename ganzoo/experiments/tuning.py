"""Hyperparameter tuning (`--tune N`): the same number of random draws for every setting, the best by validation."""

import math
import random
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

from ganzoo.config.recipes import config_layers, make_config
from ganzoo.config.resolve import resolve_defaults
from ganzoo.config.schema import DEFAULTS, Config, with_train
from ganzoo.config.tables import Table, flatten, merge
from ganzoo.errors import InputError
from ganzoo.experiments.cell_schema import CellRecord
from ganzoo.experiments.results_schema import Trial, TunedSetting
from ganzoo.experiments.spec import Setting
from ganzoo.experiments.statistics import badness, cell_score

TUNING_SEED = 10_000
"""The seed of every tuning run, which no comparison uses."""
TUNING_SPLIT = "train"
"""The reference split of tuning runs, so that the test split does not influence the choice."""
RATES = [5e-5, 2e-3, "log"]
BETAS = {"choices": [[0.0, 0.9], [0.5, 0.9], [0.5, 0.999]]}
DEFAULT_RANGES: Table = {
    "train.discriminator.lr": RATES,
    "train.generator.lr": RATES,
    "train.discriminator.betas": BETAS,
    "train.generator.betas": BETAS,
}
"""Dotted key -> default range for bundled variants, unless the `[tune]` table of a recipe overrides it."""


def tuning_ranges(variant: str) -> Table:
    """Dotted key -> search range of a variant or TOML file: the default ranges updated with its `[tune]` tables.

    A range that is false there is removed. A file that extends no variant uses only its `[tune]` table.
    """
    layers = config_layers(variant)
    own = reduce(merge, layers).get("tune", {})
    ranges = own if layers[0] is DEFAULTS else merge(DEFAULT_RANGES, own)
    return {key: span for key, span in ranges.items() if span is not False}


def hyperparameter_draws(setting: Setting, n: int, shared: Table) -> list[Table]:
    """`n` draws from the `tuning_ranges` of the setting's variant, as dotted overrides; raises `InputError`.

    Draw i of a key is the same quantile of its range in every setting, so that all settings have the same luck. Keys in
    `excluded_ranges` are not drawn; if no other key is left, there are no draws.
    """
    table = tuning_ranges(setting.variant)
    if not table:
        raise InputError(f"--tune: the config of {setting.variant} has no [tune] table with the ranges to draw from")
    left = table.keys() - excluded_ranges(setting, shared)
    return [{key: draw_value(key, table[key], i) for key in table if key in left} for i in range(n if left else 0)]


def excluded_ranges(setting: Setting, shared: Table) -> dict[str, str]:
    """The ranges of the setting's variant that are not drawn for it, each with the reason.

    A draw must not undo an override of the setting or a value in the tables `shared`. A key that only the variant has (such
    as betas, if a switch changes the optimizer) is skipped; a key that the variant lacks too raises an error later.
    """
    had, has = resolved_keys(make_config(setting.variant)), resolved_keys(setting.config)
    found = {}
    for key in tuning_ranges(setting.variant):
        if overlaps(key, setting.overrides):
            found[key] = "set by the setting"
        elif overlaps(key, flatten(shared)):
            found[key] = "set by --set"
        elif overlaps(key, had) and not overlaps(key, has):
            found[key] = "not in this setting"
    return found


def resolved_keys(config: Config) -> Iterable[str]:
    """The dotted keys of a config with all its defaults."""
    here = with_train(config, device="cpu")  # the device of a cluster may not exist here
    return flatten(resolve_defaults(here).model_dump(mode="json"))


def overlaps(key: str, others: Iterable[str]) -> bool:
    """True if the dotted `key` is one of `others`, or one of them is inside the other."""
    return any(f"{key}.".startswith(f"{other}.") or f"{other}.".startswith(f"{key}.") for other in others)


def draw_value(key: str, span: Any, number: int) -> Any:
    """Draw a value from `span`: [low, high, "log"] or {choices = [...]}; raises `InputError` for another form."""
    share = random.Random(f"{number} {key}").random()  # a text as seed gives the same number on every machine
    match span:
        case [int() | float() as low, int() | float() as high, "log"] if 1e-99 < low < high < 1e99:
            return float(f"{math.exp(math.log(low) + share * math.log(high / low)):.3g}")
        case {"choices": [_, *_] as choices}:
            return choices[int(share * len(choices))]
    raise InputError(
        f'tune.{key}: expected [low, high, "log"] with 0 < low < high, or {{ choices = [...] }}, not {span}'
    )


def best_trial(trials: Sequence[CellRecord | None]) -> int | None:
    """Index of the best trial by the first metric, then by the next ones; None if every trial failed."""
    scored = {number: value for number, trial in enumerate(trials) if (value := validation_scores(trial)) is not None}
    return min(scored, key=lambda number: scored[number], default=None)


def validation_scores(trial: CellRecord | None) -> list[float] | None:
    """The scores of a tuning run, transformed so that lower is better; None without scores."""
    if not trial or not trial.metrics:
        return None
    scores = ((cell_score(trial, metric), metric.better) for metric in trial.metrics)
    return [badness(score, better) for score, better in scores if score is not None]


def apply_tuning(setting: Setting, shared: Table, trials: Sequence[CellRecord | None]) -> tuple[Setting, TunedSetting]:
    """`setting` with the best draw applied, or unchanged if every trial failed; and the record of the tuning."""
    drawn, chosen = hyperparameter_draws(setting, len(trials), shared), best_trial(trials)
    tuned = TunedSetting(
        chosen=chosen,
        not_drawn=excluded_ranges(setting, shared),
        trials=[trial_record(overrides, trial) for overrides, trial in zip(drawn, trials, strict=True)],
    )
    return setting if chosen is None else setting.changed(drawn[chosen]), tuned


def trial_record(overrides: Table, trial: CellRecord | None) -> Trial:
    """A draw with the result of its tuning run."""
    if trial is None:
        return Trial(overrides=overrides, status="unfinished", scores={})
    return Trial(overrides=overrides, status=trial.status, scores=trial.scores)
