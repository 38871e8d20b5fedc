"""The losses, one file per paper. `from ganzoo.losses import WGANGP` imports an ordinary `nn.Module`."""

from ganzoo.batch import CodeSpec
from ganzoo.losses.base import LOSSES, Loss
from ganzoo.registry import import_folder

import_folder(__name__, __path__)

_by_class = {loss.__name__: loss for loss in LOSSES.values()}

__all__ = ["LOSSES", "CodeSpec", "Loss", *_by_class]


def __getattr__(name: str) -> type[Loss]:
    """A loss by class name, so that a new file in this folder needs no entry here."""
    try:
        return _by_class[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return __all__
