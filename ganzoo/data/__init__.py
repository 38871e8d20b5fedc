"""Training data: images are decoded once into a uint8 memory map, from which a training step indexes its batches.

A new data source is one file in `sources/`.
"""

from ganzoo.data import sources
from ganzoo.data.cache import ganzoo_home
from ganzoo.data.dataset import MEMORY, Dataset
from ganzoo.data.loader import BatchLoader
from ganzoo.data.source import SOURCES, Source, Split, find_source, load, makes_points, select
from ganzoo.data.summary import Summary, summarize
from ganzoo.data.transform import Pictures
from ganzoo.registry import import_folder

import_folder(sources.__name__, list(sources.__path__))

__all__ = [
    "MEMORY",
    "SOURCES",
    "BatchLoader",
    "Dataset",
    "Pictures",
    "Source",
    "Split",
    "Summary",
    "find_source",
    "ganzoo_home",
    "load",
    "makes_points",
    "select",
    "summarize",
]
