"""Training of a bundled classifier, from initial weights to the moving average of the final ones, with checkpoints."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ganzoo import rng
from ganzoo.atomic_io import FORMAT, sha256_hex, write_bytes, write_folder, write_json
from ganzoo.data import BatchLoader, Dataset
from ganzoo.errors import InputError
from ganzoo.evaluation.extractors.small_classifiers import Classifier
from ganzoo.json_io import Count, FileSchema, Finite, read_record
from ganzoo.tensor_io import read_tensors, tensor_specs
from tools.classifier_axes import whiten
from tools.classifier_plans import Plan


class CourseState(FileSchema):
    """Content of `state.json` of a course."""

    step: Count
    seconds: Finite
    sha256: str
    course: dict[str, Any]


class Course:
    """A classifier in training by its plan, and the moving average of its weights, which is the result."""

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

    def parts(self) -> dict[str, Tensor]:
        """All tensors that the next epoch depends on, by name; not copies."""
        found = {f"classifier.{name}": value for name, value in self.classifier.state_dict().items()}
        found |= {f"average.{name}": value for name, value in self.average.state_dict().items()}
        learned = [(name, p) for name, p in self.classifier.named_parameters() if p.requires_grad]
        return found | {f"momentum.{name}": self.momentum(p) for name, p in learned}

    def momentum(self, parameter: Tensor) -> Tensor:
        """The momentum of `parameter`; zeros before the first step."""
        state: dict[str, Tensor] = self.optimizer.state[parameter]
        return state.setdefault("momentum_buffer", torch.zeros_like(parameter))

    def save(self, folder: Path) -> None:
        """Write the training state atomically."""
        content = save({name: value.contiguous() for name, value in self.parts().items()})
        facts = {"format": FORMAT, "step": self.step, "seconds": self.seconds, "sha256": sha256_hex(content)}

        def fill(new: Path) -> None:
            write_bytes(new / "state.safetensors", content)
            write_json(new / "state.json", facts | {"course": self.identity()})

        write_folder(folder, fill)

    def restore(self, folder: Path) -> None:
        """Restore a saved training state; raises `InputError` if it is damaged or belongs to another plan or data."""
        facts, parts = read_record(folder / "state.json", CourseState), self.parts()
        if facts.course != self.identity():
            raise InputError(f"{folder} belongs to another plan or data; delete it to start over")
        saved = read_tensors(folder / "state.safetensors", facts.sha256, tensor_specs(parts))
        for name, value in parts.items():
            value.copy_(saved[name])
        self.step, self.seconds = facts.step, facts.seconds
        self.batches.position = self.step * self.plan.batch

    def identity(self) -> dict[str, Any]:
        """Plan and data, which must not change when training is resumed, as JSON types."""
        plan = asdict(self.plan) | {"data": self.plan.data.name, "vary": self.plan.vary.__name__}
        return plan | {"widths": list(self.plan.widths), "data_digest": self.batches.dataset.digest}


def beginner(plan: Plan, dataset: Dataset) -> Classifier:
    """The untrained classifier of a plan; deterministic for the same plan and data."""
    channels, size, _ = dataset.shape
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        classifier = Classifier(size=size, channels=channels, widths=plan.widths, class_names=plan.data.class_names)
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
