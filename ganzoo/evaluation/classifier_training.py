"""Training of a small classifier, with the plans of the two bundled ones, to the moving average of the final weights.

`tools.train_classifier` made the bundled classifiers with it; the metric `cas` trains one on samples.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import pi
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ganzoo import rng
from ganzoo.data import BatchLoader, Dataset
from ganzoo.data.sources.torchvision_sets import Cifar10, Mnist, TorchvisionSource
from ganzoo.evaluation.extractors.small_classifiers import Classifier, Name
from ganzoo.tricks.diffaugment import translate


@dataclass(frozen=True)
class Plan:
    """Everything that determines the weights, except the images and the code."""

    data: type[TorchvisionSource]
    """Data set whose license and class names the classifier has."""
    widths: tuple[int, ...]
    """Channels of each block; the last is the length of a feature vector."""
    epochs: int
    vary: Callable[[Tensor], Tensor]
    """Augmentation of a batch of training images, different for each image."""
    flip: bool
    """True if images are mirrored at random."""
    batch: int = 256
    seed: int = 0
    # The remaining values are airbench96's (Jordan 2024), for the mean loss over a batch of 1,024.
    rate: float = 1.17
    momentum: float = 0.85
    decay: float = 1.33e-3
    bias_rate: float = 64.0
    """Learning rate of biases relative to that of weights."""
    average: float = 0.99
    """Decay per step of the moving average of the weights."""


def warp(images: Tensor) -> Tensor:
    """Rotate each image by up to 12 degrees, scale and shear it by up to 12 %, shift it by up to 2 pixels, and bend it."""
    n, side = len(images), images.shape[3]
    angle = _between("turn", n) * 12 * pi / 180
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).view(n, 2, 2)
    stretch = torch.eye(2) + 0.12 * _between("stretch", n, 2, 2)
    # The grid's unit is half a side.
    shift = _between("shift", n, 2, 1) * 4 / side
    grid = F.affine_grid(torch.cat([stretch @ turn, shift], 2), list(images.shape), align_corners=False)
    bend = F.interpolate(_between("bend", n, 2, 5, 5), side, mode="bicubic") * 3 / side
    return F.grid_sample(images + 1, grid + bend.permute(0, 2, 3, 1), align_corners=False) - 1


def _between(name: str, *shape: int) -> Tensor:
    """Uniform numbers in [-1, 1)."""
    return 2 * rng.uniform(f"classifier.{name}", *shape) - 1


PLANS: dict[Name, Plan] = {
    "digits": Plan(Mnist, (32, 64, 128), epochs=12, vary=warp, flip=False),
    "cifar": Plan(Cifar10, (64, 192, 192), epochs=10, vary=translate, flip=True),
}


class ClassifierTraining:
    """A classifier in training by its plan, and the moving average of its weights, which is the result.

    Every image of `dataset` must have a label, and there must be at least `plan.batch` of them.
    """

    def __init__(self, plan: Plan, dataset: Dataset) -> None:
        self.plan, self.steps_per_epoch = plan, len(dataset) // plan.batch
        self.classifier = beginner(plan, dataset)
        average = get_ema_multi_avg_fn(plan.average)
        self.average = AveragedModel(self.classifier, multi_avg_fn=average, use_buffers=True).eval()
        self.batches = BatchLoader(dataset, plan.seed, plan.flip)
        self.optimizer = make_optimizer(plan, self.classifier)
        self.step, self.seconds = 0, 0.0

    @property
    def epoch(self) -> int:
        """The number of finished epochs."""
        return self.step // self.steps_per_epoch

    def train_epoch(self) -> float:
        """Train for one pass over the data; returns the mean loss."""
        began = time.perf_counter()
        losses = [self.train_step() for _ in range(self.steps_per_epoch)]
        self.seconds += time.perf_counter() - began
        return torch.stack(losses).mean().item()

    def train_step(self) -> Tensor:
        """Train on one batch; returns its loss."""
        samples = self.batches.next(self.plan.batch)
        with rng.RngScope(self.plan.seed, "classifier", self.step):
            images = self.plan.vary(samples.images)
        # Twice as fast on a CPU with bfloat16; the weights stay float32.
        with torch.autocast("cpu", torch.bfloat16):
            logits = self.classifier(images)
        assert samples.labels is not None, "a training set has labels"
        loss = F.cross_entropy(logits.float(), samples.labels)
        self.optimizer_step(loss)
        self.average.update_parameters(self.classifier)
        return loss.detach()

    def optimizer_step(self, loss: Tensor) -> None:
        """One optimizer step at the scheduled learning rate."""
        factor = slope(self.step / (self.plan.epochs * self.steps_per_epoch))
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.step += 1


def beginner(plan: Plan, dataset: Dataset) -> Classifier:
    """The untrained classifier of a plan; deterministic for the same plan and data."""
    channels, size, _ = dataset.shape
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        classifier = Classifier(size=size, channels=channels, widths=plan.widths, class_names=dataset.class_names)
    for module in classifier.blocks.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.dirac_(module.weight.data[: module.in_channels])  # the identity on the first channels
        elif isinstance(module, nn.BatchNorm2d):
            module.weight.requires_grad_(False)
    whiten(classifier.whitening, dataset.samples(np.arange(0, len(dataset), 10)).images)
    return classifier.to(memory_format=torch.channels_last)


def make_optimizer(plan: Plan, classifier: Classifier) -> torch.optim.SGD:
    """SGD with Nesterov momentum; biases of norms have a higher learning rate than weights, with the same shrinkage."""
    learned = [p for p in classifier.parameters() if p.requires_grad]
    rate, faster = plan.rate * plan.batch / 1024, plan.bias_rate
    groups: list[dict[str, Any]] = [
        {"params": [p for p in learned if p.ndim > 1], "peak": rate, "weight_decay": plan.decay},
        {"params": [p for p in learned if p.ndim == 1], "peak": rate * faster, "weight_decay": plan.decay / faster},
    ]
    return torch.optim.SGD(groups, lr=rate, momentum=plan.momentum, nesterov=True)


def slope(progress: float, top: float = 0.23) -> float:
    """Learning-rate factor at `progress` (0 to 1): linear from 0.2 up to 1 at `top`, then linear down to 0."""
    return 0.2 + 0.8 * progress / top if progress < top else (1 - progress) / (1 - top)


def whiten(layer: nn.Conv2d, images: Tensor) -> None:
    """Set `layer` to return the whitened principal components of the patches of `images`, and their negatives.

    "How to Train Your ResNet 8", Page, 2019; a fixed first layer in Jordan 2024, with 5e-4 for pixels of variance 1.
    """
    patches = F.unfold(images, 2).transpose(1, 2).flatten(0, 1).double()
    variances, components = torch.linalg.eigh(patches.T.cov())
    filters = (components / (variances + 1e-4).sqrt()).T
    filters = torch.cat([filters, -filters])
    layer.weight.data.copy_(filters.view_as(layer.weight))
    layer.bias.data.copy_(-filters @ patches.mean(0))  # type: ignore[union-attr]


def count_right(logits: Tensor, labels: Tensor) -> int:
    """The number of rows of `logits` whose maximum is at the label."""
    return int((logits.argmax(1) == labels).sum())
