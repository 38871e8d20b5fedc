"""Evaluation during training: scores of the moving average of G, and D's classification error on the test split."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ganzoo.config.schema import ResolvedConfig, Train
from ganzoo.data import MEMORY, Dataset, find_source, load
from ganzoo.errors import InputError
from ganzoo.evaluation import OnlineEvaluator, online
from ganzoo.evaluation.extractor import default_extractor, find_extractor
from ganzoo.evaluation.real_data import class_order
from ganzoo.latent import draw_images, draw_inputs
from ganzoo.rng import RngScope
from ganzoo.training.ema import in_eval_mode
from ganzoo.training.trainer import Trainer


def load_test_split(config: ResolvedConfig) -> Dataset | None:
    """The complete, labeled test split of the config's data.

    None if the source has no test split, if the data came from Python, or if an old run's config names other data.
    """
    data, facts = config.data, config.dataset
    if data.spec == MEMORY or "test" not in find_source(data.spec).splits:
        return None
    test = load(
        data.spec,
        size=data.size,
        channels=data.channels,
        crop=data.crop,
        classes=data.classes,
        on_corrupt=data.on_corrupt,
        split="test",
        quiet=True,
    )
    return test if (test.name, tuple(test.class_names)) == (facts.name, facts.class_names) else None


def held_out_reals(config: ResolvedConfig) -> Dataset | None:
    """The test split, for a comparison of D's scores; None if it is missing or unreadable, or if the data are points."""
    try:
        return None if config.dataset.is_points else load_test_split(config)
    except InputError:  # a run needs its training images only
        return None


EVAL_BATCH = 256


@torch.no_grad()
def classification_error(discriminator: nn.Module, data: Dataset, batch: int = EVAL_BATCH) -> float:
    """Fraction of the labeled samples of `data`, in [0, 1], whose largest class logit is not that of their class.

    If D has minibatch features, `batch` must be its training batch size. D sees the unmodified samples, in eval mode. No
    mode, weight, buffer, gradient or random stream changes. Raises `InputError` if `data` have no labels.
    """
    labelled = np.empty(0) if data.labels is None else np.flatnonzero(data.labels >= 0)
    if not len(labelled):
        raise InputError(f"the test error needs labels, and {data.name} has none")
    device, wrong = next(discriminator.parameters()).device, 0
    with in_eval_mode(discriminator), RngScope("test-error"):
        for start in range(0, len(labelled), batch):
            samples = data.samples(labelled[start : start + batch], device)
            predicted = discriminator(samples).class_logits.argmax(1)
            wrong += int((predicted != samples.labels).sum())
    return wrong / len(labelled)


def check_evaluation(train: Train, data: Dataset) -> None:
    """Raise `InputError` if `train.eval_every` requests a score that `data` do not support; reads no image."""
    if train.eval_every and data.is_points:
        raise InputError("train.eval_every scores images, and the data are points; remove it")
    if train.eval_every:
        online.check_online_metric(data, find_extractor(default_extractor(data)), train.eval_samples, train.eval_metric)


class TrainingEvaluation:
    """The moving average's score every `train.eval_every` steps; at each save the test error, if the loss classifies."""

    def __init__(self, trainer: Trainer) -> None:
        """Raises `InputError` if a requested measurement is impossible."""
        train, data = trainer.config.train, trainer.batches.dataset
        self.trainer, self.curve = trainer, None
        check_evaluation(train, data)
        if train.eval_every:
            self.curve = OnlineEvaluator(
                data, find_extractor(default_extractor(data)), train.eval_samples, train.eval_metric, train.device
            )
        conditional = trainer.game.latent.classes > 0
        self.labels = class_order(data.class_counts, train.eval_samples) if conditional else None
        self.test = load_test_split(trainer.config) if trainer.loss.classifies else None
        if "score" in trainer.loss.heads:
            trainer.probe.hold_out(held_out_reals(trainer.config), trainer.loss.score_sign)
        mixes = trainer.config.networks.discriminator.get("minibatch_features", "none") != "none"
        self.batch = trainer.rows if mixes else EVAL_BATCH

    def due(self, step: int) -> bool:
        """True if a score or the test error is due after this step."""
        return self._score_due(step) or self._error_due(step)

    def run(self, step: int) -> dict[str, float]:
        """The values due at this step, by name. Advances no random stream and changes no network."""
        found: dict[str, float] = {}
        if self.curve is not None and self._score_due(step):
            found |= self.curve.measure(self._draw)
        if self.test is not None and self._error_due(step):
            found["test_error"] = classification_error(self.trainer.D, self.test, self.batch)
        return found

    def _draw(self, seeds: Sequence[int]) -> Tensor:
        """Images of G's moving average for `seeds`, with the class frequencies of the data, as for every score."""
        labels = None if self.labels is None else self.labels[list(seeds)]
        return draw_images(self.trainer.average, draw_inputs(self.trainer.game.latent, seeds, labels), seeds)

    def _score_due(self, step: int) -> bool:
        return self.curve is not None and step % self.trainer.config.train.eval_every == 0

    def _error_due(self, step: int) -> bool:
        return self.test is not None and step % self.trainer.config.train.save_every == 0
