"""Strategies of Hypothesis: tables of settings, right and wrong, and the names that people and machines give things."""

from __future__ import annotations

import datetime
import os
from typing import Any

from hypothesis import strategies as st

from ganzoo.config.recipes import variants
from ganzoo.config.schema import DEFAULTS
from ganzoo.config.tables import flatten
from ganzoo.config.techniques import technique_settings
from ganzoo.losses import LOSSES
from ganzoo.networks import BACKBONES
from ganzoo.optimizers import OPTIMIZERS
from ganzoo.tricks import TRICKS

KNOWN = {
    **flatten(DEFAULTS),
    **{key: value for settings in technique_settings().values() for key, value in settings.items()},
    "train.critic_warmup.d_steps": 3,
    "train.generator.lr": 1e-4,
    "train.generator.betas": [0.5, 0.9],
    "train.discriminator.lr": 1e-4,
    "loss.real_target": 0.9,
    "networks.generator.width": 8,
    "networks.discriminator.width": 8,
    "networks.generator.condition": "input",
    "tune.train.generator.lr": [1e-5, 1e-3],
}
"""Keys that mean something, with a value of the right kind."""
PARTS = [
    *LOSSES,
    *TRICKS,
    *BACKBONES,
    *OPTIMIZERS,
    *variants(),
    "gaussian",
    "sphere",
    "bf16",
    "5:1",
    "rollback",
    "auto",
]

numbers = st.one_of(
    st.integers(-3, 70),
    st.sampled_from([0, -1, 2**31 - 1, 2**31, 2**63, -(2**63), 10**30, 10**4000]),
    st.floats(),
    st.sampled_from([0.0, 1e-30, 1e300, 0.5]),
)
AWKWARD = """. .. - --out é ﬁ 名 🦊 %s {0} $HOME ' " \\ <b> CON 0 007 1e9 * [a] nan none""".split()
awkward = st.sampled_from(
    [*AWKWARD, "", " ", "a b", "a\nb", "\t", "\0", "\x1b]0;x\a", "\u202e", "\ud800", "9" * 400, "x" * 300]
)
"""Text of which something could go wrong."""
texts = st.one_of(st.text(max_size=12), awkward, st.sampled_from(PARTS))
dates = st.sampled_from([datetime.date(2026, 1, 1), datetime.time(12), datetime.datetime(2026, 1, 1)])
scalars = st.one_of(st.booleans(), st.none(), numbers, texts, dates)


def deeper(levels: int) -> Any:
    """So many lists in each other."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def tables(v: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(v, max_size=4) | st.dictionaries(texts, v, max_size=3)


values = st.recursive(scalars, tables, max_leaves=8) | st.integers(1, 300).map(deeper)
misspelt = st.tuples(st.sampled_from(sorted(KNOWN)), st.integers(0, 30)).map(lambda t: t[0][: t[1]] + t[0][t[1] + 1 :])
known = st.tuples(st.sampled_from(sorted(KNOWN))).map(lambda key: (key[0], KNOWN[key[0]]))
wrong = st.tuples(st.sampled_from(sorted(KNOWN)), values) | st.tuples(misspelt | texts | st.just("extends"), values)


settings = st.lists(known, max_size=4).map(dict) | st.lists(known | wrong, max_size=3).map(dict)
"""Dotted keys with values, of which most could stand in a config."""
recipes = st.one_of(st.none(), *[st.sampled_from(sorted(variants()))] * 5, texts)


def is_file_name(name: str) -> bool:
    return name not in ("", ".", "..") and not {*"/\0\ud800"} & {*name} and len(os.fsencode(name)) < 240


file_names = (awkward | st.just("a\udcff") | st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)).filter(
    is_file_name
)
"""Names that a file system takes; one is no UTF-8."""
