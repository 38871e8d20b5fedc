"""ganzoo: a multi-loss GAN zoo. `ganzoo.train("wgan-gp")`, `ganzoo.load("runs/x").sample(16)`, `ganzoo.LOSSES`."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_WHERE = {
    "train": "ganzoo.api",
    "resume": "ganzoo.api",
    "load": "ganzoo.sampling",
    "Sampler": "ganzoo.sampling",
    "evaluate": "ganzoo.evaluator",
    "compare": "ganzoo.experiments.compare",
    "Trainer": "ganzoo.training.trainer",
    "Dataset": "ganzoo.data",
    "LOSSES": "ganzoo.losses",
    "TRICKS": "ganzoo.tricks",
    "BACKBONES": "ganzoo.networks",
    "InputError": "ganzoo.errors",
    "TrainingFailed": "ganzoo.errors",
}

__all__ = list(_WHERE)


def __getattr__(name: str) -> Any:
    """Parts are imported when they are first asked for, so that `ganzoo --help` does not wait for torch."""
    if name not in _WHERE:
        raise AttributeError(f"module 'ganzoo' has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
