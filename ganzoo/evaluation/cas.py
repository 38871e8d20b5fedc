"""Classification accuracy score: a classifier trained on samples alone, tested on real images.

Ravuri & Vinyals 2019, "Classification Accuracy Score for Conditional Generative Models", arXiv:1905.10887.
"""

from dataclasses import replace
from math import ceil

import numpy as np
import torch
from torch import Tensor

from ganzoo.data import Dataset
from ganzoo.evaluation.classifier_training import PLANS, ClassifierTraining, count_right
from ganzoo.evaluation.features import Features
from ganzoo.evaluation.metrics import METRICS, Metric, MetricValue

LEAST = 256  # images, one batch of the training
BATCH = 500
STEPS = 390
"""Minimum number of steps: ten epochs of 10,000 images. With fewer, a classifier of 1,000 real digits is right for 14 %."""
TIME = (
    "trains a classifier on the samples, and once another on real images for the floor (each on a free CPU thread: about "
    "2 minutes for up to 10,000 digits, 5 for up to 10,000 color images of 32 pixels)"
)


def cas(samples: Features, real: Features) -> dict[str, MetricValue]:
    """Accuracy on real images of a classifier trained on the samples alone (Ravuri & Vinyals 2019, arXiv:1905.10887).

    The bundled classifiers were trained in the same way, on real images. A class that the samples lack counts as wrong.
    """
    assert samples.images is not None and real.images is not None  # Metric.needs
    order = samples.features.double().sum(1).argsort(stable=True).numpy()  # batches are drawn by position
    training = train(with_labels(samples.images.take(order)))
    test = with_labels(real.images)
    number = {name: i for i, name in enumerate(samples.images.class_names)}
    wanted = torch.tensor([number.get(name, -1) for name in test.class_names])
    right = count_correct(training, test, wanted)
    return {"cas": MetricValue(right / len(test), details={"epochs": training.epoch})}


def train(images: Dataset) -> ClassifierTraining:
    """A classifier trained on labeled `images`, by the plan for their number of channels, with more epochs if they are few."""
    plan = PLANS["digits" if images.shape[0] == 1 else "cifar"]
    batch = min(plan.batch, len(images))
    epochs = max(plan.epochs, ceil(STEPS / (len(images) // batch)))
    training = ClassifierTraining(replace(plan, batch=batch, epochs=epochs), images)
    while training.epoch < epochs:
        training.train_epoch()
    return training


def with_labels(images: Dataset) -> Dataset:
    """Those of `images` that have a label."""
    return images if images.labels is None else images.take(np.flatnonzero(images.labels >= 0))


@torch.no_grad()
def count_correct(training: ClassifierTraining, test: Dataset, wanted: Tensor) -> int:
    """The number of test images whose class, numbered as by `wanted`, the averaged classifier names."""
    right = 0
    for start in range(0, len(test), BATCH):
        batch = test.samples(np.arange(start, min(start + BATCH, len(test))))
        assert batch.labels is not None
        right += count_right(training.average.module(batch.images), wanted[batch.labels])
    return right


METRICS.add("cas", Metric(cas, "higher", LEAST, 1, needs="images", extra=False, slow=TIME))
