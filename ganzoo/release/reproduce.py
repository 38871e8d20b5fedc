"""The command that makes a model again."""

from __future__ import annotations

import json
import shlex
from typing import Any

from ganzoo.config.recipes import make_config, unflatten, variants
from ganzoo.config.resolve import resolve_defaults
from ganzoo.config.schema import Config, Table, flatten, with_train
from ganzoo.data import MEMORY, find_source
from ganzoo.errors import InputError
from ganzoo.losses import LOSSES
from ganzoo.networks import BACKBONES
from ganzoo.tricks import TRICKS

OPTION_KEYS = {"data.spec": "--data", "train.steps": "--steps", "seed": "--seed"}
IGNORED_KEYS = ("format", "variant", "about", "dataset", "train.device", "train.threads")


def reproduce_command(config: Config) -> str | None:
    """`ganzoo train ...` with all in which a kept `config` departs from its variant; device and threads are left out.

    None where no such line gives this config: the data came from Python, the variant is a user's own file, or a recipe that
    has changed too much; and for one with a control character, which nobody should paste into a terminal.
    """
    if config.variant not in variants() or not _names_its_data(config):
        return None
    try:
        # Completed here, since an older one lacks the options that came later; with a device that any machine has.
        kept = _values(resolve_defaults(with_train(config, device="cpu"))) | _of_the_data(config)
        named = {key: value for key, value in kept.items() if key.endswith(".name")}
        base = _values(_made(config.variant, named))
        changed = named | {k: v for k, v in kept.items() if base.get(k) != v} | {k: kept[k] for k in OPTION_KEYS}
        if _values(_made(config.variant, changed)) != kept:
            return None
        own = _values(_made(config.variant, {}))
    except InputError:
        return None
    said = [word for key, option in OPTION_KEYS.items() for word in (option, str(kept[key]))]
    sets = [f"{key}={_toml(v)}" for key, v in changed.items() if key not in OPTION_KEYS and own.get(key) != v]
    words = ["ganzoo", "train", config.variant, *said, *(word for each in sets for word in ("--set", each))]
    return shlex.join(words) if all(map(str.isprintable, words)) else None


def needs_plugin(config: Config) -> bool:
    """Whether a part of it, as they are known now, is not ours."""
    backbone = BACKBONES[config.networks.name]
    parts = [LOSSES[config.loss["name"]], backbone.encoder, backbone.decoder, *map(TRICKS.get, config.tricks)]
    return any(part is not None and part.__module__.partition(".")[0] != "ganzoo" for part in parts)


def _names_its_data(config: Config) -> bool:
    assert config.dataset is not None, "a kept config is resolved"
    if config.data.spec == MEMORY:
        return False
    try:
        return config.dataset.name == find_source(config.data.spec).dataset_name
    except InputError:
        return True  # they were there when it was trained


def _made(variant: str, settings: Table) -> Config:
    return resolve_defaults(make_config(variant, unflatten(settings)))


def _values(config: Config) -> Table:
    values = flatten(config.model_dump(mode="json"))
    return {
        key: value for key, value in values.items() if not f"{key}.".startswith(tuple(f"{a}." for a in IGNORED_KEYS))
    }


def _of_the_data(config: Config) -> Table:
    """A size and channels that are the data's own need not be said."""
    try:
        source = find_source(config.data.spec)
    except InputError:
        return {}
    own = {"data.size": source.size, "data.channels": source.channels}
    kept = {"data.size": config.data.size, "data.channels": config.data.channels}
    return {key: None for key, value in own.items() if kept[key] == value}


def _toml(value: Any) -> str:
    bare = isinstance(value, str) and value[:1].isalpha() and value.replace("-", "").isalnum()
    return value if bare else json.dumps(value)
