"""Training of a small classifier, from initial weights to the moving average of the final ones.

`tools.train_classifier` made the bundled classifiers with it; the metric `cas` trains one on samples.
"""

import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ganzoo import rng
from ganzoo.data import BatchLoader, Dataset
from ganzoo.evaluation.classifier_plans import Plan
from ganzoo.evaluation.extractors.small_classifiers import Classifier


class Course:
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
        self.descend(loss)
        self.average.update_parameters(self.classifier)
        return loss.detach()

    def descend(self, loss: Tensor) -> None:
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
