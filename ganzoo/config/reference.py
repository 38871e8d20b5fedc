"""The reference of the config: every key with its type, default, meaning and source.

Keys of the schema are described by the docstrings of its fields, keys of a part by the comments in its signature.
"""

import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

from pydantic import BaseModel

from ganzoo.config.migrate import RENAMED
from ganzoo.config.parsing import parameters_model
from ganzoo.config.schema import Config
from ganzoo.config.tables import join_path
from ganzoo.config.techniques import techniques
from ganzoo.errors import InputError, unknown_name
from ganzoo.losses import LOSSES
from ganzoo.networks import BACKBONES, HEADS, UPSAMPLERS, discriminator_parts, generator_parts
from ganzoo.networks.laplacian import Refiner
from ganzoo.networks.layers import ACTIVATIONS, NORMS
from ganzoo.networks.resample import DOWNSAMPLERS
from ganzoo.optimizers import OPTIMIZERS
from ganzoo.registry import citation, keyword_comments
from ganzoo.tricks import TRICKS

Parts = list[Callable[..., Any]]
"""Classes or functions whose keywords are keys of one table; the first that has a keyword counts."""
NAMES: dict[str, Iterable[str]] = {
    "norm": NORMS,
    "activation": ACTIVATIONS,
    "upsample": UPSAMPLERS,
    "downsample": DOWNSAMPLERS,
}
"""Last word of a key -> the names that it takes."""
LIMITS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


@dataclass(frozen=True)
class Key:
    """One key of the config."""

    path: str
    """Dotted, as `--set` takes it."""
    parts: tuple[str, ...]
    """Losses, backbones or optimizers that have the key with this default; empty = every config."""
    type: str
    default: Any
    """As JSON has it."""
    meaning: str
    source: str = ""
    """Source of the setting; empty for one without a paper."""

    @property
    def shown_default(self) -> str:
        """The default as TOML writes it; TOML has no word for none."""
        return "none" if self.default is None else json.dumps(self.default)


def config_keys() -> list[Key]:
    """Every key, in the order of the schema."""
    return list(section_keys(Config))


def keys_below(prefix: str) -> list[Key]:
    """The key `prefix` and all below it, or else the keys that end in it; raises `InputError` if there is no such key."""
    keys = config_keys()
    found = [key for key in keys if f"{key.path}.".startswith(f"{prefix}.")]
    found = found or [key for key in keys if key.path.endswith(f".{prefix}")]
    if not found and prefix in RENAMED:
        raise InputError(f"the config key {prefix} is now called {RENAMED[prefix]}")
    if not found:
        raise unknown_name(
            "config key", prefix, {*(key.path for key in keys), *map(table_of, keys)}, Config.model_fields
        )
    return found


def table_of(key: Key) -> str:
    """The table that a key is in: `train` for `train.steps`."""
    return key.path.rpartition(".")[0]


def section_keys(model: type[BaseModel], where: str = "") -> Iterator[Key]:
    """The keys of a table of the schema and of the tables within it."""
    described = model.model_json_schema()["properties"]
    for name, field in model.model_fields.items():
        path = join_path(where, name)
        if path in TABLES:
            yield from TABLES[path](path)
            continue
        tables = [each for each in (field.annotation, *get_args(field.annotation)) if is_model(each)]
        if field.annotation not in tables:
            names = " | ".join(BACKBONES) if path == "networks.name" else type_text(described[name])
            source = advice(path) or advice(where)
            yield Key(path, (), names, described[name].get("default"), field.description or "", source)
        if path != "dataset":  # which only a run writes
            yield from (key for table in tables for key in section_keys(table, path))


def is_model(annotation: object) -> bool:
    """Is it a table of the schema?"""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def loss_keys(path: str) -> Iterator[Key]:
    """`loss.name`, and the settings of every loss."""
    yield Key(f"{path}.name", (), " | ".join(LOSSES), "nsgan", "Name of the loss.")
    yield from merged(key for name, loss in LOSSES.items() for key in part_keys(path, name, [loss], citation(loss)))


def optimizer_keys(path: str) -> Iterator[Key]:
    """The name of a player's optimizer, and the settings of each."""
    yield Key(f"{path}.name", (), " | ".join(OPTIMIZERS), "adam", "Name of the optimizer.")
    yield from merged(key for name, make in OPTIMIZERS.items() for key in part_keys(path, name, [make]))


def trick_keys(path: str) -> Iterator[Key]:
    """For every trick, its switch and its settings."""
    for name, trick in TRICKS.items():
        switch = join_path(path, name)
        yield Key(switch, (), "true | false | table", False, "True switches it on with its defaults.", citation(trick))
        yield from part_keys(switch, "", [trick], citation(trick))


def generator_keys(path: str) -> Iterator[Key]:
    """The options of G on every backbone that has a decoder, with those of an encoder."""
    names = [name for name, backbone in BACKBONES.items() if backbone.decoder]
    return merged(key for name in names for key in part_keys(path, name, generator_parts(name, encodes=True)))


def discriminator_keys(path: str) -> Iterator[Key]:
    """The options of D on every backbone, with those of every head."""
    heads = {name: [h for h in HEADS if b.decoder or h != "reconstruction"] for name, b in BACKBONES.items()}
    return merged(key for name in heads for key in part_keys(path, name, discriminator_parts(name, heads[name])))


def level_generator_keys(path: str) -> Iterator[Key]:
    """The options of G at a finer level of a pyramid."""
    return part_keys(path, "", [Refiner])


TABLES: Mapping[str, Callable[[str], Iterator[Key]]] = {
    "loss": loss_keys,
    "networks.generator": generator_keys,
    "networks.discriminator": discriminator_keys,
    "networks.pyramid.generator": level_generator_keys,
    "tricks": trick_keys,
    "train.discriminator": optimizer_keys,
    "train.generator": optimizer_keys,
}
"""The tables whose keys are the keywords of parts."""


def part_keys(path: str, name: str, parts: Parts, source: str = "") -> Iterator[Key]:
    """The keywords of `parts` as keys of the table at `path`."""
    parameters: dict[str, inspect.Parameter] = {}
    comments: dict[str, str] = {}
    for part in parts:
        own = inspect.signature(part, eval_str=True).parameters
        parameters |= {key: own[key] for key in own if key not in parameters}
        comments = keyword_comments(part) | comments
    schema = parameters_model(name or path, parameters.values()).model_json_schema()
    for key, described in schema.get("properties", {}).items():
        words = " | ".join(NAMES[key]) if key in NAMES else type_text(described)
        where = join_path(path, key)
        meaning = comments.get(key, "")
        meaning = f"{meaning[:1].upper()}{meaning[1:]}." if meaning else ""
        yield Key(where, (name,) if name else (), words, described.get("default"), meaning, advice(where) or source)


def merged(keys: Iterable[Key]) -> Iterator[Key]:
    """Equal keys of several parts as one; all rows of a key stand together."""
    found: dict[str, dict[str, Key]] = {}
    for key in keys:
        rows, alike = found.setdefault(key.path, {}), json.dumps(vars(key) | {"parts": ()})
        rows[alike] = replace(key, parts=(rows[alike].parts if alike in rows else ()) + key.parts)
    return (key for rows in found.values() for key in rows.values())


def advice(path: str) -> str:
    """The source of the stability technique that a key belongs to; empty if it belongs to none."""
    return next((each.source for each in techniques() if path in each.keys), "")


def type_text(described: Mapping[str, Any]) -> str:
    """A JSON schema in words: `integer > 0`, `normal | orthogonal | none`, `[number, number]`."""
    if choices := described.get("anyOf", described.get("oneOf")):
        return " | ".join(map(type_text, choices))
    if str(described.get("$ref")).endswith("/Schedule"):
        return "schedule"
    if "enum" in described or "const" in described:
        return " | ".join(map(str, described.get("enum", [described.get("const")])))
    if "prefixItems" in described:
        return f"[{', '.join(map(type_text, described['prefixItems']))}]"
    if "items" in described:
        return f"list of {type_text(described['items'])}"
    kind = {"object": "table", "boolean": "true | false", "null": "none"}.get(described.get("type", ""))
    limits = " and ".join(f"{sign} {described[name]:g}" for name, sign in LIMITS.items() if name in described)
    return f"{kind or described.get('type', 'table')} {limits}".strip()
