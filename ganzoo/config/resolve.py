"""Resolve defaults and `auto`, and validate each table against its component's signature."""

import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch

from ganzoo.atomic_io import read_json
from ganzoo.config.migrate import FORMAT, migrate
from ganzoo.config.parsing import parameters_model, parse, parse_ratio
from ganzoo.config.schema import AnyConfig, Config, Networks, PyramidLevel, ResolvedConfig, with_class_names
from ganzoo.config.tables import Table
from ganzoo.errors import InputError, missing_extra
from ganzoo.losses import LOSSES, Loss
from ganzoo.networks import BACKBONES, discriminator_schema, generator_schema, option_keys
from ganzoo.networks.laplacian import Refiner
from ganzoo.optimizers import OPTIMIZERS
from ganzoo.tricks import TRICKS


def resolve_defaults(config: AnyConfig) -> AnyConfig:
    """`config` with all defaults and `auto` values resolved; raises `InputError` for an invalid table."""
    _require_extras(config)
    parse_ratio(config.train.ratio)
    tables = _sampling_tables(config) | _training_tables(config)
    tables["train"] |= {
        "device": resolve_device(config.train.device),
        "threads": config.train.threads or torch.get_num_threads(),
    }
    return parse(type(config), config.model_dump(mode="json") | tables)


def load_config(path: Path, trains: bool) -> ResolvedConfig:
    """The resolved config in the file `path` of a run or release; raises `InputError` with the file for an invalid table.

    Validates tricks and optimizers only if it `trains`; sampling from a release does not need them.
    """
    table = in_this_format(read_json(path, FORMAT))
    try:
        config = parse(Config, table)
        _check_resolved(config)
        _sampling_tables(config)
        if trains:
            _training_tables(config)
    except InputError as error:
        hint = " (a part of a plugin needs --plugin FILE)" if " is called " in str(error) else ""
        raise InputError(f"{path}: {error}{hint}") from None
    return with_class_names(ResolvedConfig.model_validate(dict(config)))


def in_this_format(table: Table) -> Table:
    """A config `table` of any format, converted to this one."""
    return migrate(table, backbone_keys(table))


def backbone_keys(table: Table) -> set[str]:
    """The dotted config keys of the backbone that `table` names; empty without one."""
    networks = table.get("networks")
    return option_keys(networks.get("name")) if isinstance(networks, dict) else set()


def _check_resolved(config: Config) -> None:
    there = {
        "dataset": config.dataset,
        "networks.init": config.networks.init,
        "train.threads": config.train.threads or None,
        "train.device": None if config.train.device == "auto" else config.train.device,
    }
    if lacking := [key for key, value in there.items() if value is None]:
        raise InputError(f"{', '.join(lacking)}: missing in the config of a run or release")


def _sampling_tables(config: Config) -> Table:
    loss = _resolve_table(config.loss, _signature(LOSSES[_name(config.loss, "loss")]), "loss")
    networks = _network_tables(config.networks, LOSSES[loss["name"]])
    levels = [_level_tables(i, level, networks, loss) for i, level in enumerate(config.networks.pyramid)]
    return {"loss": loss, "networks": config.networks.model_dump() | networks | {"pyramid": levels}}


def _level_tables(number: int, level: PyramidLevel, networks: Table, loss: Table) -> Table:
    """A level of a pyramid, resolved; both its players take labels if the coarsest generator does."""
    where = f"networks.pyramid[{number}]"
    backbone = _name({"name": "dcgan"} | level.discriminator, f"{where}.discriminator")
    label = {"condition": "none" if networks["generator"]["condition"] == "none" else "plane"}
    name, options = {"name": backbone}, discriminator_schema(backbone, ("score",)).values()
    judge = _resolve_table(label | level.discriminator | name, options, f"{where}.discriminator")
    own = level.loss and _resolve_table(
        level.loss, _signature(LOSSES[_name(level.loss, f"{where}.loss")]), f"{where}.loss"
    )
    return level.model_dump(mode="json") | {
        "generator": _resolve_table(label | level.generator, _signature(Refiner), f"{where}.generator"),
        "discriminator": name | judge,
        "loss": own or loss,
    }


def _training_tables(config: Config) -> Table:
    tricks = {name: _trick_table(name, value) for name, value in _enabled_tricks(config)}
    players = ("generator", "discriminator")
    optimizers = {player: _optimizer_table(getattr(config.train, player), f"train.{player}") for player in players}
    return {"tricks": tricks, "train": config.train.model_dump() | optimizers}


def _signature(part: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(part, eval_str=True).parameters.values())


def _resolve_table(table: Table, parameters: Iterable[inspect.Parameter], where: str) -> Table:
    """`table`, validated against the keyword arguments of a part and completed with their defaults; `name` stays first."""
    own = {"name": table["name"]} if "name" in table else {}
    keywords = {key: value for key, value in table.items() if key != "name"}
    schema = parameters_model(where, parameters)
    return own | parse(schema, keywords, where).model_dump(mode="json")


def _name(table: Table, where: str) -> str:
    name = table.get("name")
    if not isinstance(name, str):
        raise InputError(f"{where}.name: expected the name of a {where.rpartition('.')[2]}")
    return name


def _enabled_tricks(config: Config) -> Iterator[tuple[str, Table]]:
    for name, value in config.tricks.items():
        if value is not False:
            yield name, {} if value is True else value


def _trick_table(name: str, table: Table) -> Table:
    return _resolve_table(table, _signature(TRICKS[name]), f"tricks.{name}")


def _optimizer_table(table: Table, where: str) -> Table:
    return _resolve_table(table, _signature(OPTIMIZERS[_name(table, where)]), where)


def _network_tables(networks: Networks, loss: type[Loss]) -> Table:
    g, d = generator_schema(networks.name, loss.encodes), discriminator_schema(networks.name, loss.heads)
    return {
        "init": networks.init or BACKBONES[networks.name].init,
        "generator": _resolve_table(networks.generator, g.values(), "networks.generator"),
        "discriminator": _resolve_table(networks.discriminator, d.values(), "networks.discriminator"),
    }


def _require_extras(config: Config) -> None:
    if config.train.tensorboard:
        try:
            importlib.import_module("torch.utils.tensorboard")
        except ImportError:
            raise missing_extra("tensorboard", "tensorboard", "train.tensorboard") from None


def resolve_device(name: str) -> str:
    """The best available device for `auto`, else `name`; raises `InputError` if it is not available."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name.partition(":")[0] not in ("cpu", "cuda", "mps"):
        raise InputError(f"device {name!r} is not available here: expected auto, cpu, cuda, cuda:N or mps")
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device {name!r} is not available here: {str(error).splitlines()[0]}") from None
    return name
