"""A config with every default and `auto` written out, each table checked against the signature of its part."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch

from ganzoo.config import Config, Networks, Table, Train, parameters_model, parse
from ganzoo.errors import InputError, missing_extra
from ganzoo.losses import LOSSES
from ganzoo.networks import BACKBONES, discriminator_schema, generator_schema
from ganzoo.optimisers import OPTIMISERS
from ganzoo.tricks import TRICKS


def complete(config: Config) -> Config:
    """`config` with every default and `auto` written out as a value; raises `InputError` for a table that is wrong."""
    _require_extras(config)
    loss = _complete(config.loss, _signature(LOSSES[_name(config.loss, "loss")]), "loss")
    tables = {
        "loss": loss,
        "networks": config.networks.model_dump() | _network_tables(config.networks, LOSSES[loss["name"]].heads),
        "tricks": {name: _trick_table(name, value) for name, value in _switched_on(config)},
        "train": config.train.model_dump() | _train_values(config.train),
    }
    return parse(Config, config.model_dump(mode="json") | tables)


def _signature(part: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(part, eval_str=True).parameters.values())


def _complete(table: Table, parameters: Iterable[inspect.Parameter], where: str) -> Table:
    """`table` checked against the keyword arguments of a part, with their defaults; `name` stays first."""
    own = {"name": table["name"]} if "name" in table else {}
    keywords = {key: value for key, value in table.items() if key != "name"}
    schema = parameters_model(where, parameters)
    return own | parse(schema, keywords, where).model_dump(mode="json")


def _name(table: Table, where: str) -> str:
    if not isinstance(table.get("name"), str):
        raise InputError(f"{where}.name: expected the name of a {where.rpartition('.')[2]}")
    return table["name"]


def _switched_on(config: Config) -> Iterator[tuple[str, Table]]:
    for name, value in config.tricks.items():
        if value is not False:
            yield name, {} if value is True else value


def _trick_table(name: str, table: Table) -> Table:
    return _complete(table, _signature(TRICKS[name]), f"tricks.{name}")


def _optimiser_table(table: Table, where: str) -> Table:
    return _complete(table, _signature(OPTIMISERS[_name(table, where)]), where)


def _network_tables(networks: Networks, heads: tuple[str, ...]) -> Table:
    g, d = generator_schema(networks.name), discriminator_schema(networks.name, heads)
    return {
        "init": networks.init or BACKBONES[networks.name].init,
        "generator": _complete(networks.generator, g.values(), "networks.generator"),
        "discriminator": _complete(networks.discriminator, d.values(), "networks.discriminator"),
    }


def _train_values(train: Train) -> Table:
    return {
        "device": _device(train.device),
        "threads": train.threads or torch.get_num_threads(),
        "generator": _optimiser_table(train.generator, "train.generator"),
        "discriminator": _optimiser_table(train.discriminator, "train.discriminator"),
    }


def _require_extras(config: Config) -> None:
    if config.train.tensorboard:
        try:
            importlib.import_module("torch.utils.tensorboard")
        except ImportError:
            raise missing_extra("tensorboard", "tensorboard", "train.tensorboard") from None


def _device(name: str) -> str:
    """`auto` as the best device there is; raises `InputError` for one that is not there."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device {name!r} is not available here: {str(error).splitlines()[0]}") from None
    return name
