"""Trains a bundled classifier: `python -m tools.train_classifier digits --data mnist --out FOLDER`.

An interrupted training resumes after its last complete epoch with the same command, and ends with the same weights.
"""

from __future__ import annotations

import platform
from argparse import ArgumentParser
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from ganzoo import __version__, data, terminal
from ganzoo.atomic_io import FORMAT, recover_folder, sha256_hex, write_bytes, write_json
from ganzoo.data import Dataset
from ganzoo.errors import InputError
from ganzoo.evaluation.classifier_training import PLANS, ClassifierTraining, Plan, count_right
from ganzoo.evaluation.extractors.small_classifiers import Classifier, Name, load_classifier
from tools.classifier_axes import equalise
from tools.classifier_training import ResumableTraining


def train(plan: Plan, dataset: Dataset, folder: Path) -> ResumableTraining:
    """Train to the end; resumes from `folder`/state if it exists, and saves there after each epoch."""
    training, state = ResumableTraining(plan, dataset), folder / "state"
    recover_folder(state)
    if state.exists():
        training.restore(state)
    while training.epoch < plan.epochs:
        loss = training.train_epoch()
        training.save(state)
        terminal.out(f"epoch {training.epoch}/{plan.epochs}  loss {loss:.4f}  {training.seconds:.0f} s")
    return training


def ship(name: Name, training: ClassifierTraining, test: Dataset, folder: Path) -> dict[str, Any]:
    """Write the averaged weights in their equalized basis, matrices in float16, and the card, which is returned."""
    final = cast(Classifier, deepcopy(training.average.module))
    equalise(final, some(training.batches.dataset, 10_000))
    weights = {key: value.half() if value.ndim > 1 else value for key, value in final.state_dict().items()}
    content = save({key: value.contiguous() for key, value in weights.items()})
    write_bytes(folder / f"{name}.safetensors", content)
    card = make_card(training, sha256_hex(content))
    write_json(folder / f"{name}.json", card)
    card |= measure(load_classifier(name, folder), final, test)
    write_json(folder / f"{name}.json", card)
    return card


def some(dataset: Dataset, count: int) -> Iterator[Tensor]:
    """About `count` images, evenly spaced over the set, in batches."""
    rows = np.arange(0, len(dataset), max(1, len(dataset) // count))
    for first in range(0, len(rows), 500):
        yield dataset.samples(rows[first : first + 500]).images


def make_card(training: ClassifierTraining, sha256: str) -> dict[str, Any]:
    """The card of the weights, without their accuracy."""
    plan, net, dataset = training.plan, training.classifier, training.batches.dataset
    padding = ", 28 pixels padded to 32 with black" if plan.data.pad else ""
    return {
        "format": FORMAT,
        "size": net.size,
        "channels": net.channels,
        "widths": net.widths,
        "class_names": net.class_names,
        "preprocessing": f"(N, {net.channels}, {net.size}, {net.size}) in [-1, 1]{padding}",
        "data": plan.data.name,
        "data_licence": plan.data.licence,
        "data_digest": dataset.digest,
        "training_images": len(dataset),
        "epochs": training.epoch,
        "seed": plan.seed,
        "seconds": round(training.seconds, 1),
        "hardware": f"cpu, {torch.get_num_threads()} threads, {platform.machine()}, trained in bfloat16 autocast",
        "versions": {"ganzoo": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "sha256": sha256,
    }


@torch.no_grad()
def measure(shipped: Classifier, exact: Classifier, test: Dataset) -> dict[str, Any]:
    """Accuracy of the stored classifier on `test`, and the changes caused by storing it in float16."""
    right, exactly, change = 0, 0, 0.0
    for first in range(0, len(test), 500):
        samples = test.samples(np.arange(first, min(first + 500, len(test))))
        assert samples.labels is not None, "a test set has labels"
        right += count_right(shipped(samples.images), samples.labels)
        exactly += count_right(exact(samples.images), samples.labels)
        before, after = exact.features(samples.images), shipped.features(samples.images)
        change = max(change, float((after - before).abs().max() / before.std()))
    return {
        "test_images": len(test),
        "test_accuracy": right / len(test),
        "test_accuracy_before_float16": exactly / len(test),
        "largest_change_by_float16": f"{change:.1e} of the features' standard deviation",
    }


def opened(spec: str, test_spec: str | None, plan: Plan) -> tuple[Dataset, Dataset]:
    """Training and test set with the plan's class names; raises `InputError` unless both have its size and classes."""
    sets = data.load(spec), data.load(spec, split="test") if test_spec is None else data.load(test_spec)
    wanted = (plan.data.channels, plan.data.size, plan.data.size), len(plan.data.class_names)
    for each in sets:
        if (each.shape, each.classes) != wanted:
            shape, classes = wanted
            raise InputError(f"{each.name} is {each.shape} with {each.classes} classes, not {shape} with {classes}")
    train, test = (replace(each, class_names=list(plan.data.class_names)) for each in sets)
    return train, test


def main(arguments: list[str] | None = None) -> None:
    """Train, measure and write one classifier."""
    parser = ArgumentParser("tools.train_classifier", description=main.__doc__)
    parser.add_argument("name", choices=PLANS)
    parser.add_argument("--data", required=True, help="training data: mnist for digits, cifar10 for cifar")
    parser.add_argument("--test", help="test data (default: the test split of --data)")
    parser.add_argument("--out", type=Path, required=True, help="folder for weights, card and training state")
    given = parser.parse_args(arguments)
    try:
        dataset, test = opened(given.data, given.test, PLANS[given.name])
        given.out.mkdir(parents=True, exist_ok=True)
        card = ship(given.name, train(PLANS[given.name], dataset, given.out), test, given.out)
    except InputError as error:
        parser.error(str(error))
    right = f"{card['test_accuracy']:.2%} of {card['test_images']:,} test images"
    terminal.out(f"{given.out / given.name}.safetensors: {right}")


if __name__ == "__main__":
    main()
