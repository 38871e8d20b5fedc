from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ganzoo.data import Dataset
from ganzoo.evaluation import METRICS
from ganzoo.evaluation.features import FeatureReader, round_features
from ganzoo.evaluation.references import load_references
from ganzoo.evaluation.scoring import score_samples
from tiny_extractor import data, drawer, pictures, tiny


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path))
    return tmp_path


def test_real_images_are_read_once_in_a_lifetime(home):
    first, second = FeatureReader(tiny()), FeatureReader(tiny())
    one, two = first.data(data(50)), second.data(data(50))
    assert (first.extractor.network.read, second.extractor.network.read) == (50, 0)
    for name in ("features", "logits", "bands", "labels"):
        assert torch.equal(getattr(one, name), getattr(two, name))
    (entry,) = (home / "cache" / "features").iterdir()
    assert entry.name.startswith("memory-train-tiny-") and entry.suffix == ".safetensors"


@pytest.mark.parametrize("change", ["data", "part", "weights", "size", "border"])
def test_another_set_extractor_or_preprocessing_is_another_entry(change):
    dataset, extractor = data(50), tiny()
    entry = FeatureReader(extractor).entry(dataset)
    other = {
        "data": (data(50, seed=1), extractor),
        "part": (dataset.subset(49), extractor),
        "weights": (dataset, tiny(sha256="1" * 64)),
        "size": (dataset, tiny(size=16)),
        "border": (dataset, tiny(border=2)),
    }[change]
    assert FeatureReader(other[1]).entry(other[0]) != entry
    assert FeatureReader(tiny()).entry(data(50)) == entry


def test_a_damaged_entry_is_read_anew(home):
    one = FeatureReader(tiny()).data(data(50))
    (entry,) = (home / "cache" / "features").iterdir()
    entry.write_bytes(entry.read_bytes()[:100])
    again = FeatureReader(tiny())
    assert torch.equal(again.data(data(50)).features, one.features)
    assert again.extractor.network.read == 50


def test_a_sample_is_read_once_whatever_is_asked_of_it():
    reader = FeatureReader(tiny(), batch=16)
    found = load_references(reader, data(60), data(40, 1, "test"), 50)
    before = reader.extractor.network.read
    score_samples(
        reader.samples(drawer(pictures(50, 3)), 50), found, "test", ["fid", "kid", "precision", "coverage"], tiny()
    )
    assert reader.extractor.network.read == before + 50


FAST = [name for name, metric in METRICS.items() if not metric.slow]


def all_scores(batch: int, order: torch.Tensor) -> dict[str, float]:
    reader = FeatureReader(tiny(), batch=batch)
    found = load_references(reader, data(120), data(80, 1, "test"), 120, training=True)
    samples = reader.samples(drawer(pictures(120, 3)[order]), 120, ["a", "b", "c"] * 40)
    samples = replace(samples, labels=samples.labels[order])
    rows = score_samples(samples, found, "test", FAST, reader.extractor)
    return {row.name: row.value for row in rows}


def test_neither_batch_nor_order_changes_a_score(monkeypatch):
    whole = all_scores(120, torch.arange(120))
    distances = [name for name, metric in METRICS.items() if metric.both]
    assert len(whole) == len(FAST) + len(distances), "each against test, and the distances against train"
    assert {"fid", "kid"} <= {*distances} and len(METRICS) >= 9
    for entry in (torch.arange(120), torch.randperm(120, generator=torch.Generator().manual_seed(0))):
        for batch in (1, 7):
            monkeypatch.setattr(
                "ganzoo.evaluation.features.cached_features", lambda *_: None
            )  # the real ones in this batch too
            assert all_scores(batch, entry) == pytest.approx(whole, rel=1e-4, abs=1e-7)


def test_all_is_the_same_a_second_time():
    assert all_scores(32, torch.arange(120)) == all_scores(32, torch.arange(120))


def test_samples_are_rounded_as_a_file_would_hold_them():
    images = torch.tensor([-1.0, -0.999, 0.0, 1.3]).view(4, 1, 1, 1)
    assert round_features(images).flatten().tolist() == pytest.approx([-1, -1, 128 / 127.5 - 1, 1], abs=1e-6)
    reader, images = FeatureReader(tiny()), pictures(30)
    off = drawer(images)
    shifted = reader.samples(lambda seeds: off(seeds) + 0.003, 30)
    assert torch.equal(shifted.features, reader.data(Dataset.from_tensor(images)).features)


def test_labels_are_matched_by_name():
    reader = FeatureReader(tiny())
    other = Dataset.from_tensor(pictures(4), [0, 1, 2, -1], ["c", "x", "a"])
    assert reader.data(other).labels.tolist() == [2, -1, 0, -1]
    assert reader.samples(drawer(pictures(4)), 4, ["b", "c", "b", "x"]).labels.tolist() == [1, 2, 1, -1]
    assert reader.samples(drawer(pictures(4)), 4).labels.tolist() == [-1] * 4
