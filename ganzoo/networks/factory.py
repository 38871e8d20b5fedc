"""Config tables -> players. The options of a table are the keyword-only parameters of what it builds."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

import torch

from ganzoo.errors import InputError, unknown_name
from ganzoo.networks.backbone import BACKBONES, Shape
from ganzoo.networks.discriminator import Discriminator
from ganzoo.networks.generator import Generator
from ganzoo.networks.heads import HEADS, HeadSpec

T = TypeVar("T")

Schema = dict[str, inspect.Parameter]
"""Option -> its name, type and default."""


def generator_schema(backbone: str) -> Schema:
    """The options of `[networks.generator]`: those of `Generator`, then of the backbone's decoder."""
    return _keywords(Generator) | _keywords(_decoder(backbone))


def discriminator_schema(backbone: str, heads: Iterable[str] = ("score",)) -> Schema:
    """The options of `[networks.discriminator]`: those of `Discriminator`, the encoder and the heads.

    An autoencoder takes its decoder's options too; what the encoder also has, such as the width, is one option.
    """
    schema: Schema = {}
    for part in discriminator_parts(backbone, heads):
        schema = schema | {name: p for name, p in _keywords(part).items() if name not in schema}
    return schema


def generator_parts(backbone: str) -> list[Callable[..., Any]]:
    """The modules whose keywords are the options of `[networks.generator]`; raises `InputError` without a decoder."""
    return [Generator, _decoder(backbone)]


def discriminator_parts(backbone: str, heads: Iterable[str]) -> list[Callable[..., Any]]:
    """The modules whose keywords are the options of `[networks.discriminator]`; the first that has a keyword counts."""
    heads = tuple(heads)
    own: list[Callable[..., Any]] = [Discriminator, BACKBONES[backbone].encoder, *(HEADS[head] for head in heads)]
    return [*own, _decoder(backbone)] if "reconstruction" in heads else own


def option_keys(backbone: object) -> set[str]:
    """The dotted config keys that a backbone takes; empty for a name that is not known."""
    if not isinstance(backbone, str) or backbone not in BACKBONES:
        return set()
    schemas = {"generator": generator_schema(backbone), "discriminator": discriminator_schema(backbone)}
    return {f"networks.{player}.{key}" for player, schema in schemas.items() for key in schema}


def make_generator(
    backbone: str, table: Mapping[str, Any], *, shape: Shape, latent: int, classes: int = 0
) -> Generator:
    """G as `table` says, its weights still to be set by `initialise`; leaves torch's global generator as it was.

    `latent` is the length of z with any code joined to it. Raises `InputError` for what cannot be built.
    """
    options = _resolve(generator_schema(backbone), table, "generator")
    decoder = _configured(_decoder(backbone), options)
    with torch.random.fork_rng(devices=[]):
        return _configured(Generator, options)(decoder, shape, latent, classes)


def make_discriminator(
    backbone: str,
    table: Mapping[str, Any],
    *,
    shape: Shape,
    heads: Iterable[str] = ("score",),
    classes: int = 0,
    code_outputs: int = 0,
) -> Discriminator:
    """D as `table` says, with `heads`; otherwise as `make_generator`."""
    heads = tuple(heads)
    options = _resolve(discriminator_schema(backbone, heads), table, "discriminator")
    encoder, decoder = BACKBONES[backbone].encoder, BACKBONES[backbone].decoder
    ends = HeadSpec(shape, classes, code_outputs, decoder and _configured(decoder, options))
    makers = {name: partial(_configured(HEADS[name], options), ends=ends) for name in heads}
    with torch.random.fork_rng(devices=[]):
        return _configured(Discriminator, options)(_configured(encoder, options), shape, makers, classes)


def _decoder(backbone: str) -> Callable[..., Any]:
    decoder = BACKBONES[backbone].decoder
    if decoder is None:
        raise InputError(f"the backbone {backbone!r} has no decoder: it can neither generate nor reconstruct")
    return decoder


def _keywords(part: Callable[..., Any]) -> Schema:
    parameters = inspect.signature(part, eval_str=True).parameters
    return {name: p for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY}


def _resolve(schema: Schema, table: Mapping[str, Any], player: str) -> dict[str, Any]:
    for name in table:
        if name not in schema:
            raise unknown_name(f"option of the {player}", name, schema)
    return {name: table.get(name, parameter.default) for name, parameter in schema.items()}


def _configured(part: Callable[..., T], options: Mapping[str, Any]) -> Callable[..., T]:
    return partial(part, **{name: options[name] for name in _keywords(part) if name in options})
