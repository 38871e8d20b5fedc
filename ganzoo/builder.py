"""Builds networks, loss, tricks, latent and optimizers from a config, and resolves a config for its data.

Settings that do not work together are refused before, in `ganzoo.config.compatibility`.
"""

import warnings
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path

import torch
from torch import nn, optim

from ganzoo.config.compatibility import empty, incompatibilities
from ganzoo.config.parsing import parse
from ganzoo.config.resolve import resolve_defaults
from ganzoo.config.schema import AnyConfig, Config, DatasetInfo, PyramidLevel, ResolvedConfig, with_class_names
from ganzoo.config.tables import Table
from ganzoo.data import Dataset
from ganzoo.data.source import is_path
from ganzoo.errors import InputError
from ganzoo.latent import Latent
from ganzoo.losses import LOSSES, Loss
from ganzoo.losses.pyramid import PyramidLoss
from ganzoo.mistakes import plugin_errors
from ganzoo.networks import BACKBONES, REFERENCE_BATCH, Generator, initialize, make_discriminator, make_generator
from ganzoo.networks.backbone import Shape
from ganzoo.networks.discriminator import Discriminator
from ganzoo.networks.laplacian import PyramidDiscriminator, PyramidGenerator, Refiner
from ganzoo.optimizers import OPTIMIZERS
from ganzoo.pyramid import Pyramid
from ganzoo.registry import keywords
from ganzoo.rng import RngScope
from ganzoo.tricks import TRICKS, Trick


@dataclass
class GanModules:
    """Generator, discriminator, loss, tricks and latent of a run."""

    generator: nn.Module
    discriminator: nn.Module
    loss: Loss
    tricks: list[Trick]
    latent: Latent

    @property
    def g_reads_real(self) -> bool:
        """True if G's steps also run D on real images."""
        return g_reads_real(self.loss, self.tricks)


def g_reads_real(loss: Loss, tricks: list[Trick]) -> bool:
    """True if G's objective uses D's output on real images."""
    return loss.g_uses_real or loss.encodes or any(trick.g_uses_real for trick in tricks)


@plugin_errors()
def resolve_config(config: Config, dataset: Dataset) -> ResolvedConfig:
    """The resolved config for `dataset`, checked as a whole; raises `InputError` for incompatible settings."""
    config = with_absolute_data_path(resolve_defaults(config))
    data = config.data.model_dump(mode="json") | _data_shape(dataset)
    facts = _dataset_info(dataset).model_dump(mode="json")
    resolved = with_class_names(
        parse(ResolvedConfig, config.model_dump(mode="json") | {"data": data, "dataset": facts})
    )
    if reason := next(
        incompatibilities(resolved, make_tricks(resolved), dataset.unlabelled, dataset.empty_classes), None
    ):
        raise InputError(reason)
    if dataset.empty_classes and config.data.max_images is None:
        warnings.warn(empty(resolved, dataset.empty_classes), stacklevel=2)
    return resolved


def with_absolute_data_path(config: AnyConfig) -> AnyConfig:
    """`config` with the absolute path of its data, because a resume may start in another folder."""
    kind, _, argument = config.data.spec.partition(":")
    if not is_path(config.data.spec) or not argument or not Path(argument).exists():
        return config
    spec = f"{kind}:{Path(argument).resolve()}"
    return config.model_copy(update={"data": config.data.model_copy(update={"spec": spec})})


def make_loss(config: ResolvedConfig) -> Loss:
    """The loss of a resolved config."""
    tables = [level.loss for level in config.networks.pyramid] + [config.loss]
    losses = [LOSSES[table["name"]](**keywords(table)) for table in tables]
    return PyramidLoss(losses, pyramid_of(config)) if len(losses) > 1 else losses[0]


def pyramid_of(config: ResolvedConfig) -> Pyramid:
    """The levels of a resolved config; one without a pyramid has a single level, the image."""
    return Pyramid(config.dataset.shape, 1 + len(config.networks.pyramid))


def make_latent(config: ResolvedConfig, loss: Loss) -> Latent:
    """The latent distribution of a resolved config."""
    conditional = config.networks.generator.get("condition", "none") != "none"
    classes = len(config.dataset.class_names) if conditional else 0
    dim = config.latent.dim + sum(pyramid_of(config).planes)
    return Latent(dim, config.latent.distribution, loss.code, classes)


def build_generator(config: ResolvedConfig, latent: Latent) -> nn.Module:
    """The generator of a resolved config, with initial weights and the reference latents of virtual batch norms."""
    network = build_uninitialized_generator(config, latent)
    with RngScope(config.seed, "reference"):
        inputs = latent.draw(REFERENCE_BATCH)
    network.refer_to(inputs.vector, inputs.labels)
    return _initialized(network, config, "generator")


def build_uninitialized_generator(config: ResolvedConfig, latent: Latent) -> Generator | PyramidGenerator:
    """The generator of a resolved config, without initial weights."""
    networks, pyramid, classes = config.networks, pyramid_of(config), len(config.dataset.class_names)
    *finer, coarsest = pyramid.shapes
    size = latent.size - sum(pyramid.planes)
    own = make_generator(
        networks.name,
        networks.generator,
        shape=coarsest,
        latent=size,
        classes=classes,
        encodes=LOSSES[config.loss["name"]].encodes,
    )
    if not finer:
        return own
    with torch.random.fork_rng(devices=[]):
        refiners = [Refiner(s, classes, **level.generator) for s, level in zip(finer, networks.pyramid, strict=True)]
    return PyramidGenerator(own, refiners, pyramid, [level.noise for level in networks.pyramid])


def build_uninitialized_discriminator(
    config: ResolvedConfig, loss: Loss, tricks: list[Trick]
) -> Discriminator | PyramidDiscriminator:
    """The discriminator of a resolved config, without initial weights."""
    networks, pyramid, classes = config.networks, pyramid_of(config), len(config.dataset.class_names)
    make = partial(make_discriminator, heads=loss.heads, classes=classes, code_outputs=loss.code_outputs)
    *finer, coarsest = pyramid.shapes
    seen = reduce(lambda shape, trick: trick.seen_shape(shape), tricks, coarsest)
    own = make(networks.name, networks.discriminator, shape=seen)
    if not finer:
        return own

    def level_discriminator(level: PyramidLevel, shape: Shape) -> Discriminator:
        wide = (shape[0] * (2 if level.low_pass else 1), *shape[1:])
        return make(level.discriminator["name"], keywords(level.discriminator), shape=wide)

    levels = [level_discriminator(level, s) for level, s in zip(networks.pyramid, finer, strict=True)]
    return PyramidDiscriminator([*levels, own], pyramid, [level.low_pass for level in networks.pyramid])


@plugin_errors()
def build_modules(config: ResolvedConfig) -> GanModules:
    """Build all modules of a resolved config, on the CPU."""
    loss = make_loss(config)
    latent, tricks = make_latent(config, loss), make_tricks(config)
    discriminator = build_uninitialized_discriminator(config, loss, tricks)
    return GanModules(
        generator=build_generator(config, latent),
        discriminator=_initialized(discriminator, config, "discriminator"),
        loss=loss,
        tricks=tricks,
        latent=latent,
    )


def make_tricks(config: ResolvedConfig) -> list[Trick]:
    """The active tricks, in the order in which they are applied."""
    tricks = [TRICKS[name](**keywords(table)) for name, table in config.tricks.items() if isinstance(table, dict)]
    return sorted(tricks, key=lambda trick: (trick.phase, trick.name))


def make_optimizer(table: Table, network: nn.Module) -> optim.Optimizer:
    """The optimizer of `[train.generator]` or `[train.discriminator]` for the weights of `network`."""
    return OPTIMIZERS[table["name"]](network.parameters(), **keywords(table))


def needs_plugin(config: Config) -> bool:
    """True if one of the config's parts, as loaded now, comes from a plugin."""
    backbone, levels = BACKBONES[config.networks.name], config.networks.pyramid
    parts = [LOSSES[config.loss["name"]], backbone.encoder, backbone.decoder, *map(TRICKS.get, config.tricks)]
    parts += [LOSSES[level.loss["name"]] for level in levels if level.loss]
    parts += [BACKBONES[level.discriminator.get("name", "dcgan")].encoder for level in levels]
    return any(part is not None and part.__module__.partition(".")[0] != "ganzoo" for part in parts)


def _initialized(network: nn.Module, config: ResolvedConfig, name: str) -> nn.Module:
    assert config.networks.init is not None, "a resolved config names its init"
    initialize(network, config.networks.init, config.seed, name)
    return network


def _data_shape(dataset: Dataset) -> Table:
    channels, size, _ = dataset.shape
    return {"size": size, "channels": channels} if size > 1 else {}


def _dataset_info(dataset: Dataset) -> DatasetInfo:
    return DatasetInfo(
        name=dataset.name,
        digest=dataset.digest,
        count=len(dataset),
        shape=dataset.shape,
        class_names=tuple(dataset.class_names),
        licence=dataset.licence,
    )
