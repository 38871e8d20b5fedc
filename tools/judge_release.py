"""Scores and class shares of a release, for its card."""

from __future__ import annotations

from typing import Any

import torch

from ganzoo.evaluation import Evaluation
from ganzoo.evaluator import SAMPLES, evaluate, load_real_data, open_feature_reader, requested_classes, seed_sampler
from ganzoo.sampling import Sampler


def judge(sampler: Sampler, n: int = SAMPLES) -> dict[str, Any]:
    """Every available score of `ganzoo evaluate`, and the share of each class, for the card."""
    return figures(evaluate(sampler, n=n)) | {"class_shares": class_shares(sampler, n)}


def figures(found: Evaluation) -> dict[str, Any]:
    """The scores and the facts of their measurement, in the form of a card."""
    return {"scores": [score.as_json() for score in found.scores], "evaluation": found.facts}


def class_shares(sampler: Sampler, n: int) -> dict[str, float]:
    """The share of each class among `n` samples, as classified by the extractor; empty if it knows other classes."""
    data = load_real_data(sampler, None).train
    if data.shape[1:] == (1, 1):
        return {}
    reader = open_feature_reader(None, data)
    names = reader.extractor.class_names
    if not names or set(names) != set(data.class_names):
        return {}
    found = reader.samples(seed_sampler(sampler, requested_classes(sampler, data, n)), n).logits.argmax(1)
    shares = torch.bincount(found, minlength=len(names)) / n
    return dict(zip(names, shares.tolist(), strict=True))
