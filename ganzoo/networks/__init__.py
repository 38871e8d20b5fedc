"""Both players of every game: backbones (one file each) and the generator and discriminator that stand on them."""

from ganzoo.networks.backbone import BACKBONES, Backbone, Shape
from ganzoo.networks.discriminator import Discriminator
from ganzoo.networks.factory import discriminator_schema, generator_schema, make_discriminator, make_generator
from ganzoo.networks.generator import Generator
from ganzoo.networks.heads import HEADS
from ganzoo.networks.init import initialise
from ganzoo.networks.operators import placed
from ganzoo.networks.upsample import UPSAMPLERS, checkerboard
from ganzoo.networks.virtual import REFERENCES
from ganzoo.registry import import_folder

import_folder(__name__, __path__)

__all__ = [
    "BACKBONES",
    "HEADS",
    "REFERENCES",
    "UPSAMPLERS",
    "Backbone",
    "Discriminator",
    "Generator",
    "Shape",
    "checkerboard",
    "discriminator_schema",
    "generator_schema",
    "initialise",
    "make_discriminator",
    "make_generator",
    "placed",
]
