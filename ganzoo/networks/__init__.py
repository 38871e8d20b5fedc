"""Both players of every game: backbones (one file each) and the generator and discriminator that stand on them."""

from ganzoo.kernels.dispatch import place_network
from ganzoo.networks.backbone import BACKBONES, Backbone, Shape
from ganzoo.networks.discriminator import Discriminator
from ganzoo.networks.factory import (
    discriminator_parts,
    discriminator_schema,
    generator_parts,
    generator_schema,
    make_discriminator,
    make_generator,
    option_keys,
)
from ganzoo.networks.generator import Generator
from ganzoo.networks.heads import HEADS
from ganzoo.networks.initialization import initialize
from ganzoo.networks.resample import UPSAMPLERS, checkerboard
from ganzoo.networks.virtual_batch_norm import REFERENCE_BATCH
from ganzoo.registry import import_folder

import_folder(__name__, __path__)

__all__ = [
    "BACKBONES",
    "HEADS",
    "REFERENCE_BATCH",
    "UPSAMPLERS",
    "Backbone",
    "Discriminator",
    "Generator",
    "Shape",
    "checkerboard",
    "discriminator_parts",
    "discriminator_schema",
    "generator_parts",
    "generator_schema",
    "initialize",
    "make_discriminator",
    "make_generator",
    "option_keys",
    "place_network",
]
