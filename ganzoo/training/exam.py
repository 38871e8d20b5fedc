"""What a run measures at the side while it trains: a score of the samples, and how often a D that names classes is wrong."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ganzoo.config import Train
from ganzoo.data import Dataset
from ganzoo.errors import InputError
from ganzoo.evaluation import Curve, curve
from ganzoo.evaluation.class_order import class_order
from ganzoo.evaluation.extractor import default, find
from ganzoo.latent import draw_images
from ganzoo.training.test_error import BATCH, classification_error, held_out
from ganzoo.training.trainer import Trainer


def refuse(train: Train, data: Dataset) -> None:
    """Raise `InputError` where `train.eval_every` asks for scores that `data` cannot have; no image is read."""
    if train.eval_every and data.shape[1:] == (1, 1):
        raise InputError("train.eval_every takes scores of pictures, and the data are points; leave it out")
    if train.eval_every:
        curve.refuse(data, find(default(data)), train.eval_n, train.eval_metric)


class Exam:
    """`train.eval_every` steps apart the averaged G's score; at each save the test error, where D is to name classes."""

    def __init__(self, trainer: Trainer) -> None:
        """Raises `InputError` where what is asked for cannot be measured."""
        train, data = trainer.config.train, trainer.batches.dataset
        self.trainer, self.curve = trainer, None
        refuse(train, data)
        if train.eval_every:
            self.curve = Curve(data, find(default(data)), train.eval_n, train.eval_metric, train.device)
        conditional = trainer.game.latent.classes > 0
        self.labels = class_order(data.class_counts, train.eval_n) if conditional else None
        self.test = held_out(trainer.config) if trainer.loss.classifies else None
        mixes = trainer.config.networks.discriminator.get("minibatch", "none") != "none"
        self.batch = trainer.rows if mixes else BATCH

    def due(self, step: int) -> bool:
        """Whether there is something to measure after this step."""
        return self._score_due(step) or self._error_due(step)

    def take(self, step: int) -> dict[str, float]:
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
        return draw_images(self.trainer.average, self.trainer.game.latent, seeds, labels)

    def _score_due(self, step: int) -> bool:
        return self.curve is not None and step % self.trainer.config.train.eval_every == 0

    def _error_due(self, step: int) -> bool:
        return self.test is not None and step % self.trainer.config.train.save_every == 0
