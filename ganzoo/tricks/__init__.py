"""Tricks: optional training techniques that are neither loss nor network, one file per trick."""

from ganzoo.registry import import_folder
from ganzoo.tricks.base import TRICKS, Phase, Trick

import_folder(__name__, __path__)

__all__ = ["TRICKS", "Phase", "Trick"]
