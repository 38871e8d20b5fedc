"""CAS: real training images have the classifier's own accuracy, shuffled labels chance; only `--metrics` asks for it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from closed_case import copier

from ganzoo.data import Dataset, load
from ganzoo.errors import InputError
from ganzoo.evaluation import METRICS, cas
from ganzoo.evaluation.classifier_training import PLANS, ClassifierTraining
from ganzoo.evaluation.features import FeatureReader, Features
from ganzoo.evaluation.references import load_references
from ganzoo.evaluation.scoring import missing_reason, score_samples
from ganzoo.evaluator import evaluate
from ganzoo.experiments.scoring import check_metrics, label_metrics
from tiny_extractor import data, drawer, pictures, tiny


@pytest.fixture(autouse=True)
def small(tmp_path, monkeypatch):
    """Training of a second for `stripes`: few channels and epochs, small batches, high rate, no augmentation."""
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path))
    shorter = {"widths": (16, 16, 16), "epochs": 4, "batch": 32, "rate": 10.0, "average": 0.9, "vary": lambda x: x}
    monkeypatch.setitem(PLANS, "digits", replace(PLANS["digits"], **shorter))
    monkeypatch.setattr(cas, "STEPS", 1)


@pytest.fixture
def untrained(monkeypatch):
    """One epoch, for tests in which the accuracy does not matter."""
    monkeypatch.setitem(PLANS, "digits", replace(PLANS["digits"], epochs=1))


NAMES = [*"abcdefgh"]


def stripes(n: int, seed: int, split: str = "train") -> Dataset:
    """Noisy stripes of 16 pixels in eight directions, which are the classes."""
    g = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    angles = torch.arange(8) * math.pi / 8
    waves = torch.stack([torch.sin(angle.cos() * x + angle.sin() * y) for angle in angles])
    labels = torch.randint(0, 8, (n,), generator=g)
    images = 0.5 * waves[labels, None] + 0.2 * torch.randn(n, 1, 16, 16, generator=g)
    levels = ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return replace(Dataset.from_tensor(levels, labels, NAMES), split=split)


def described(images: Dataset) -> Features:
    """Features that sort the images by their position."""
    n = len(images)
    return Features(torch.arange(n)[:, None].float(), torch.zeros(n, 0), torch.ones(n, 3), torch.zeros(n), None, images)


def value(samples: Dataset, real: Dataset) -> float:
    return cas.cas(described(samples), described(real))["cas"].value


TRAIN, TEST = stripes(640, 0), stripes(300, 1, "test")


def test_real_training_images_have_the_accuracy_of_the_classifier_that_is_trained_on_them():
    training = ClassifierTraining(PLANS["digits"], TRAIN)
    for _ in range(4):
        training.train_epoch()
    batch = TEST.samples(np.arange(300))
    accuracy = (training.average.module(batch.images).argmax(1) == batch.labels).double().mean().item()
    assert value(TRAIN, TEST) == accuracy > 0.7


def test_the_moving_average_is_tested(monkeypatch):
    """One that moves far too slowly has learned next to nothing after the same steps."""
    monkeypatch.setitem(PLANS, "digits", replace(PLANS["digits"], average=0.9999))
    assert value(TRAIN, TEST) < 0.4


def test_shuffled_labels_have_chance():
    order = np.random.default_rng(0).permutation(len(TRAIN))
    assert value(replace(TRAIN, labels=TRAIN.labels[order]), TEST) == pytest.approx(1 / 8, abs=0.08)


def test_classes_without_samples_are_lost():
    """A G that draws only four of the eight classes is right for these four at most."""
    found, share = value(TRAIN.of_classes(["c", "h", "a", "e"]), TEST), np.isin(TEST.labels, [2, 7, 0, 4]).mean()
    assert share - 0.15 < found <= share


def test_classes_are_matched_by_name(untrained):
    renamed = replace(TEST, class_names=NAMES[::-1], labels=7 - TEST.labels)
    assert value(TRAIN, renamed) == value(TRAIN, TEST)


def test_images_without_a_label_are_left_out_of_both(untrained):
    some = np.where(np.arange(len(TRAIN)) % 5, TRAIN.labels, -1)
    assert value(replace(TRAIN, labels=some), TEST) == value(TRAIN.take(np.flatnonzero(some >= 0)), TEST)
    holes = replace(TEST, labels=np.where(np.arange(300) < 200, TEST.labels, -1))
    assert value(TRAIN, holes) == value(TRAIN, TEST.take(np.arange(200)))


def test_color_images_take_the_course_of_cifar(monkeypatch):
    monkeypatch.setitem(PLANS, "cifar", replace(PLANS["digits"], epochs=3))
    colored = [Dataset.from_tensor(each.images.repeat(3, 1), each.labels) for each in (TRAIN, TEST)]
    assert cas.cas(*map(described, colored))["cas"].details == {"epochs": 3}


@pytest.mark.parametrize(("steps", "epochs"), [(20, 1), (21, 2), (390, 20)])
def test_few_samples_are_passed_over_more_often(steps, epochs, monkeypatch):
    """640 images are 20 batches of 32."""
    monkeypatch.setattr(cas, "STEPS", steps)
    monkeypatch.setitem(PLANS, "digits", replace(PLANS["digits"], epochs=1))
    monkeypatch.setattr(
        ClassifierTraining, "train_epoch", lambda training: setattr(training, "step", training.step + 20)
    )
    assert cas.train(TRAIN).epoch == cas.train(TRAIN).plan.epochs == epochs


def scored(train: Dataset, test: Dataset, names=("cas",), asked=True):
    """Of the real training images as samples."""
    reader, draw = FeatureReader(tiny(size=8)), drawer(torch.from_numpy(train.images))
    n = 300
    found = load_references(reader, train, test, n)
    wanted = [train.class_names[k] for k in train.labels[:n]] if asked else []
    samples = reader.samples(draw, n, wanted, keep=True)
    return score_samples(samples, found, "test", names, reader.extractor), samples, found, reader


def test_the_floor_is_the_score_of_real_training_images_and_the_name_has_no_extractor(untrained):
    (row,), samples, _, reader = scored(TRAIN, TEST)
    assert (row.name, row.better, row.n, row.reference_n) == ("cas@300/test", "higher", 300, 300)
    assert torch.equal(torch.from_numpy(samples.images.images), torch.from_numpy(TRAIN.images[:300]))
    assert row.floor == cas.cas(reader.data(TRAIN.subset(300)), reader.data(TEST))["cas"].value


@pytest.mark.parametrize(
    ("train", "test", "asked", "why"),
    [
        (TRAIN, TEST, False, "needs a model that takes labels, and square images of at least 16 pixels"),
        (data(300), data(300, 1, "test"), True, "needs a model that takes labels, and square images of at least 16"),
        (TRAIN, Dataset.from_tensor(TEST.images), True, "needs real images with labels"),
        (TRAIN.subset(200), TEST, True, "needs at least 256 samples; there are 200"),
    ],
)
def test_what_it_needs_is_said_in_one_line(train, test, asked, why):
    reader = FeatureReader(tiny(size=8))
    n = min(300, len(train))
    found = load_references(reader, train, test, n)
    names = [train.class_names[k] for k in train.labels[:n]] if asked else []
    samples = reader.samples(drawer(torch.from_numpy(train.images)), n, names, keep=True)
    line = missing_reason("cas", samples, found, "test", reader.extractor)
    assert line.startswith(f"cas {why}") and "\n" not in line


def test_a_comparison_refuses_it_before_training_if_it_cannot_be_computed():
    from ganzoo.evaluation.real_data import RealData

    assert "cas" in label_metrics()
    real, reader = RealData(TRAIN, TEST), FeatureReader(tiny(size=8))
    check_metrics(["cas"], real, 300, 300, ["a"], reader)
    with pytest.raises(InputError, match="cas needs a model that takes labels"):
        check_metrics(["cas"], real, 300, 300, [], reader)


def test_images_are_kept_only_if_they_are_read():
    reader = FeatureReader(tiny(size=8))
    assert reader.samples(drawer(pictures(20)), 20).images is None
    kept = reader.samples(drawer(pictures(20)), 20, ["b", "a"] * 10, keep=True).images
    assert kept.class_names == ["a", "b"] and kept.labels.tolist() == [1, 0] * 10
    assert torch.equal(torch.from_numpy(kept.images), pictures(20))


def test_only_its_name_asks_for_it(untrained, capsys):
    """It takes minutes, so the default leaves it out and says how to get it; then its work is announced."""
    sampler, train = copier(load("digits").subset(300)), load("digits").subset(300)
    assert METRICS["cas"].slow
    default = evaluate(sampler, train, extractor="digits", n=300)
    assert "cas" not in {score.metric for score in default.scores}
    (line,) = [line for line in default.facts["left_out"] if line.startswith("cas ")]
    assert "2 minutes" in line and line.endswith("; name it with --metrics")
    named = evaluate(sampler, train, metrics=["cas"], extractor="digits", n=300, quiet=False)
    assert named["cas"].name == "cas@300/train" and "cas trains a classifier" in capsys.readouterr().err
    plain = replace(sampler, latent=replace(sampler.latent, classes=0))
    default = evaluate(plain, train, extractor="digits", n=300)
    assert "cas" not in {score.metric for score in default.scores}
    assert not any(each.startswith("cas") for each in default.facts["left_out"])
