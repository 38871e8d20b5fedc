"""Every switch of training that is no loss and no network. One file, one trick."""

from ganzoo.registry import import_folder
from ganzoo.tricks.base import TRICKS, Phase, Trick

import_folder(__name__, __path__)

__all__ = ["TRICKS", "Phase", "Trick"]
