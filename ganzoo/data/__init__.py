"""From a spec to endless batches: decoded once into a uint8 memory map, which a training step only indexes.

A new kind of data is one file in `sources/`.
"""

from ganzoo.data import sources
from ganzoo.data.batches import Batches
from ganzoo.data.cache import home
from ganzoo.data.dataset import MEMORY, Dataset
from ganzoo.data.source import SOURCES, Pictures, Source, Split
from ganzoo.data.spec import find, is_points, load, select
from ganzoo.registry import import_folder

import_folder(sources.__name__, list(sources.__path__))

__all__ = [
    "MEMORY",
    "SOURCES",
    "Batches",
    "Dataset",
    "Pictures",
    "Source",
    "Split",
    "find",
    "home",
    "is_points",
    "load",
    "select",
]
