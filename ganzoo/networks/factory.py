"""Generator and discriminator from config tables, whose options are the keyword-only parameters of the built classes."""

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
"""Option name -> parameter with type and default."""


def generator_schema(backbone: str, encodes: bool = False) -> Schema:
    """The options of `[networks.generator]`: those of `Generator`, then of the backbone's decoder.

    If G `encodes`, also the encoder's; an option that encoder and decoder share, such as the width, sets both.
    """
    return _schema(generator_parts(backbone, encodes))


def discriminator_schema(backbone: str, heads: Iterable[str] = ("score",)) -> Schema:
    """The options of `[networks.discriminator]`: those of `Discriminator`, the encoder and the heads.

    With a reconstruction head also the decoder's; an option that encoder and decoder share, such as the width, sets both.
    """
    return _schema(discriminator_parts(backbone, heads))


def _schema(parts: Iterable[Callable[..., Any]]) -> Schema:
    schema: Schema = {}
    for part in parts:
        schema = schema | {name: p for name, p in _keywords(part).items() if name not in schema}
    return schema


def generator_parts(backbone: str, encodes: bool = False) -> list[Callable[..., Any]]:
    """The modules whose keywords are the options of `[networks.generator]`; raises `InputError` without a decoder."""
    return [Generator, _decoder(backbone), *([BACKBONES[backbone].encoder] if encodes else [])]


def discriminator_parts(backbone: str, heads: Iterable[str]) -> list[Callable[..., Any]]:
    """The modules whose keywords are the options of `[networks.discriminator]`; the first that has a keyword counts."""
    heads = tuple(heads)
    own: list[Callable[..., Any]] = [Discriminator, BACKBONES[backbone].encoder, *(HEADS[head] for head in heads)]
    return [*own, _decoder(backbone)] if "reconstruction" in heads else own


def option_keys(backbone: object) -> set[str]:
    """The dotted config keys of a backbone; empty for an unknown name."""
    if not isinstance(backbone, str) or backbone not in BACKBONES:
        return set()
    schemas = {"generator": generator_schema(backbone), "discriminator": discriminator_schema(backbone)}
    return {f"networks.{player}.{key}" for player, schema in schemas.items() for key in schema}


def make_generator(
    backbone: str, table: Mapping[str, Any], *, shape: Shape, latent: int, classes: int = 0, encodes: bool = False
) -> Generator:
    """G built from `table`; call `initialize` to set its weights. Does not change torch's global random generator.

    `latent` is the length of z plus the code; a G that `encodes` also has the backbone's encoder. Raises `InputError` for
    options that do not work.
    """
    options = _resolve(generator_schema(backbone, encodes), table, "generator")
    decoder = _configured(_decoder(backbone), options)
    encoder = _configured(BACKBONES[backbone].encoder, options) if encodes else None
    with torch.random.fork_rng(devices=[]):
        return _configured(Generator, options)(decoder, shape, latent, classes, encoder)


def make_discriminator(
    backbone: str,
    table: Mapping[str, Any],
    *,
    shape: Shape,
    heads: Iterable[str] = ("score",),
    classes: int = 0,
    code_outputs: int = 0,
) -> Discriminator:
    """D built from `table`, with `heads`; otherwise like `make_generator`."""
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
