"""Every objective of the zoo: one file, one paper. `from ganzoo.losses import WGANGP` gives an ordinary module."""

from ganzoo.batch import CodeSpec
from ganzoo.losses.base import LOSSES, Loss
from ganzoo.registry import import_folder

import_folder(__name__, __path__)

_by_class = {loss.__name__: loss for loss in LOSSES.values()}

__all__ = ["LOSSES", "CodeSpec", "Loss", *_by_class]


def __getattr__(name: str) -> type[Loss]:
    """A loss by the name of its class, so that a new file in this folder needs no line here."""
    try:
        return _by_class[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return __all__
