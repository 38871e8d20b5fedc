"""How often a D that is wanted as a classifier is wrong on data that no player was trained on."""

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
    """The test split that belongs to the data of a resolved config, whole and with all its labels.

    None where the source has none, or where the data came from Python; the configs of old runs name other data then.
    """
    data, facts = config.data, config.dataset
    if facts is None or data.spec == MEMORY or "test" not in find_source(data.spec).splits:
        return None
    test = load(
        data.spec,
        size=data.size,
        channels=data.channels,
        classes=data.classes,
        on_corrupt=data.on_corrupt,
        split="test",
        quiet=True,
    )
    return test if (test.name, tuple(test.class_names)) == (facts.name, facts.class_names) else None


EVAL_BATCH = 256


@torch.no_grad()
def classification_error(discriminator: nn.Module, data: Dataset, batch: int = EVAL_BATCH) -> float:
    """The share of the labelled samples of `data`, in [0, 1], whose largest class logit is another class's.

    Where D has minibatch features, `batch` is to be that of its training.
    D judges clean samples, in eval mode. Nothing is changed by it: no mode, weight, buffer, gradient or random number that
    anyone else draws. Raises `InputError` where `data` hold no label.
    """
    labelled = np.empty(0) if data.labels is None else np.flatnonzero(data.labels >= 0)
    if not len(labelled):
        raise InputError(f"the test error needs labels, and {data.name} has none")
    device, wrong = next(discriminator.parameters()).device, 0
    with in_eval_mode(discriminator), RngScope("test-error"):
        for start in range(0, len(labelled), batch):
            samples = data.samples(labelled[start : start + batch], device)
            said = discriminator(samples).class_logits.argmax(1)
            wrong += int((said != samples.labels).sum())
    return wrong / len(labelled)


def check_evaluation(train: Train, data: Dataset) -> None:
    """Raise `InputError` where `train.eval_every` asks for scores that `data` cannot have; no image is read."""
    if train.eval_every and data.is_points:
        raise InputError("train.eval_every takes scores of pictures, and the data are points; leave it out")
    if train.eval_every:
        online.check_online_metric(data, find_extractor(default_extractor(data)), train.eval_samples, train.eval_metric)


class TrainingEvaluation:
    """`train.eval_every` steps apart the averaged G's score; at each save the test error, where D is to name classes."""

    def __init__(self, trainer: Trainer) -> None:
        """Raises `InputError` where what is asked for cannot be measured."""
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
        mixes = trainer.config.networks.discriminator.get("minibatch_features", "none") != "none"
        self.batch = trainer.rows if mixes else EVAL_BATCH

    def due(self, step: int) -> bool:
        """Whether there is something to measure after this step."""
        return self._score_due(step) or self._error_due(step)

    def run(self, step: int) -> dict[str, float]:
        """What is due, by name; no random stream moves and nothing of the players changes."""
        found: dict[str, float] = {}
        if self.curve is not None and self._score_due(step):
            found |= self.curve.measure(self._draw)
        if self.test is not None and self._error_due(step):
            found["test_error"] = classification_error(self.trainer.D, self.test, self.batch)
        return found

    def _draw(self, seeds: Sequence[int]) -> Tensor:
        """The averaged G's images of `seeds`, of classes as frequent as in the data, as every score takes them."""
        labels = None if self.labels is None else self.labels[list(seeds)]
        return draw_images(self.trainer.average, draw_inputs(self.trainer.game.latent, seeds, labels), seeds)

    def _score_due(self, step: int) -> bool:
        return self.curve is not None and step % self.trainer.config.train.eval_every == 0

    def _error_due(self, step: int) -> bool:
        return self.test is not None and step % self.trainer.config.train.save_every == 0
