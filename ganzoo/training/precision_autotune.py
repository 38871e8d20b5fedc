"""`train.precision = "auto"`: the precision in which a step takes less time, measured when a run is created."""

from __future__ import annotations

import time
from collections.abc import Callable

from ganzoo.config.schema import ResolvedConfig, with_train
from ganzoo.data import Dataset
from ganzoo.rng import RngScope
from ganzoo.training.cuda_graphs import WARMUP_STEPS
from ganzoo.training.loop import make_trainer
from ganzoo.training.trainer import Trainer

TIMING_ROUNDS = 3
MAX_TIME_RATIO = 0.9
"""Of float32's time bf16 may take so much at most: a gain under a tenth is noise on most machines."""


def resolve_precision(config: ResolvedConfig, dataset: Dataset) -> ResolvedConfig:
    """The resolved `config` with a measured precision in the place of "auto"; one that names its precision stays."""
    if config.train.precision != "auto":
        return config
    configs = {name: with_train(config, precision=name) for name in ("float32", "bf16")}
    trainers = {name: make_trainer(each, dataset) for name, each in configs.items()}
    # The first round makes what later ones find made; with graphs each player is captured after its warm-up.
    unmeasured = 1 + WARMUP_STEPS * config.train.cuda_graphs
    rounds = [
        {name: step_seconds(trainer) for name, trainer in trainers.items()} for _ in range(unmeasured + TIMING_ROUNDS)
    ]
    full, low = (min(taken[name] for taken in rounds[unmeasured:]) for name in configs)
    return configs["bf16" if low < MAX_TIME_RATIO * full else "float32"]


def step_seconds(trainer: Trainer) -> float:
    """What a G step and the D steps that belong to it take; a warm-up is left out."""
    with RngScope(trainer.seed, "precision"):
        return float(trainer.ratio) * seconds(trainer.d_step, trainer) + seconds(trainer.g_step, trainer)


def seconds(step: Callable[[], object], trainer: Trainer) -> float:
    """What one step of a player takes until the device has done it."""
    began = time.perf_counter()
    step()
    trainer.is_finite()  # waits
    return time.perf_counter() - began
