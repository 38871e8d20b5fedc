"""The whole path of ours, and torch-fidelity's own, run with our extractor registered in it, give the same scores."""

from __future__ import annotations

import pytest
import torch
import torch_fidelity
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY

from ganzoo.data import Dataset
from ganzoo.evaluation.features import FeatureReader
from ganzoo.evaluation.metrics import METRICS
from ganzoo.evaluation.references import load_references
from ganzoo.evaluation.scoring import score_samples
from tiny_extractor import data, drawer, pictures, tiny


class Registered(FeatureExtractorBase):
    """Our extractor in torch-fidelity's form: uint8 pictures to a tuple of features."""

    def __init__(self, name: str, features_list: list[str], **_: object) -> None:
        super().__init__(name, features_list)
        self.extractor = tiny()

    @staticmethod
    def get_provided_features_list():
        return ("features", "logits")

    @staticmethod
    def get_default_feature_layer_for_metric(metric):
        return "logits" if metric == "isc" else "features"

    def forward(self, pixels):
        read = self.extractor(pixels.float() / 127.5 - 1)
        return tuple(getattr(read, name) for name in self.features_list)


def ordered(images: torch.Tensor) -> torch.Tensor:
    """In the order in which ours draw their subsets, since torch-fidelity draws by position."""
    return images[tiny()(images.float() / 127.5 - 1).features.double().sum(1).argsort(stable=True)]


class Pixels(torch.utils.data.Dataset):
    def __init__(self, images: torch.Tensor) -> None:
        self.images = images

    def __getitem__(self, i):
        return self.images[i]

    def __len__(self):
        return len(self.images)


def test_scores_are_those_of_calculate_metrics(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path))
    monkeypatch.setitem(FEATURE_EXTRACTORS_REGISTRY, "ganzoo-tiny", Registered)
    fake, real = ordered(pictures(300, 1, brightness=0.2)), ordered(pictures(240, 2))
    theirs = torch_fidelity.calculate_metrics(
        input1=Pixels(fake),
        input2=Pixels(real),
        feature_extractor="ganzoo-tiny",
        cuda=False,
        isc=True,
        fid=True,
        kid=True,
        kid_subset_size=120,
        prc=True,
        cache=False,
        save_cpu_ram=True,
        verbose=False,
    )
    reader = FeatureReader(tiny())
    found = load_references(reader, data(20), Dataset.from_tensor(real), 300)
    names = ["fid", "kid", "is", "precision", "recall"]
    ours = {s.metric: s for s in score_samples(reader.samples(drawer(fake), 300), found, "test", names, tiny())[:5]}
    assert ours["fid"].value == pytest.approx(theirs["frechet_inception_distance"], rel=1e-4)
    assert ours["kid"].value == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-5)
    assert ours["kid"].spread == pytest.approx(theirs["kernel_inception_distance_std"], rel=1e-5)
    assert ours["is"].value == pytest.approx(theirs["inception_score_mean"], rel=1e-6)
    assert ours["is"].spread == pytest.approx(theirs["inception_score_std"], rel=1e-5)
    assert ours["precision"].value == pytest.approx(theirs["precision"]) and 0 < theirs["precision"] < 1
    assert ours["recall"].value == pytest.approx(theirs["recall"]) and 0 < theirs["recall"] < 1
    assert ours["kid"].details["subset_size"] == 120 and set(names) < set(METRICS)
