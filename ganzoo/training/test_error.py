"""How often a D that is wanted as a classifier is wrong on data that no player was trained on."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from ganzoo.config import Config
from ganzoo.data import MEMORY, Dataset, find, load
from ganzoo.errors import InputError
from ganzoo.streams import Stream
from ganzoo.training.eval_mode import in_eval_mode


def held_out(config: Config) -> Dataset | None:
    """The test split that belongs to the data of a resolved config, whole and with all its labels.

    None where the source has none, or where the data came from Python; the configs of old runs name other data then.
    """
    data, facts = config.data, config.dataset
    if facts is None or data.spec == MEMORY or "test" not in find(data.spec).splits:
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


BATCH = 256


@torch.no_grad()
def classification_error(discriminator: nn.Module, data: Dataset, batch: int = BATCH) -> float:
    """The share of the labelled samples of `data`, in [0, 1], whose largest class logit is another class's.

    Where D has minibatch features, `batch` is to be that of its training.
    D judges clean samples, in eval mode. Nothing is changed by it: no mode, weight, buffer, gradient or random number that
    anyone else draws. Raises `InputError` where `data` hold no label.
    """
    labelled = np.empty(0) if data.labels is None else np.flatnonzero(data.labels >= 0)
    if not len(labelled):
        raise InputError(f"the test error needs labels, and {data.name} has none")
    device, wrong = next(discriminator.parameters()).device, 0
    with in_eval_mode(discriminator), Stream("test-error"):
        for start in range(0, len(labelled), batch):
            samples = data.samples(labelled[start : start + batch], device)
            said = discriminator(samples).class_logits.argmax(1)
            wrong += int((said != samples.labels).sum())
    return wrong / len(labelled)
