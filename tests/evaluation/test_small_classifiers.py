"""The classifiers that ship, and the script that made them."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from ganzoo import data
from ganzoo.errors import InputError
from ganzoo.evaluation import classifier_training
from ganzoo.evaluation.classifier_training import PLANS, ClassifierTraining, slope, warp, whiten
from ganzoo.evaluation.extractors.small_classifiers import WEIGHTS, Classifier, load_classifier
from tools import train_classifier
from tools.classifier_axes import equalise

NAMES = ["digits", "cifar"]
CIFAR_LOGITS = [
    [1.6825, -0.6102, 0.3938, 0.0762, -0.7536, -0.5235, -0.8422, -0.9271, 1.4961, 0.0384],
    [2.7984, 0.0445, 1.0712, -0.2239, -1.1586, -0.9987, -0.4143, -1.7798, 0.9623, -0.2670],
    [3.6181, 0.4104, 1.0874, -0.0133, -1.0720, -0.9298, -0.8251, -2.1826, 0.7627, -0.8222],
]


def waves(n: int, channels: int) -> torch.Tensor:
    """Images that a formula gives: gratings, each of its own direction, frequency and phase."""
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    each = [torch.sin(0.3 * (i + 1) * x - 0.2 * (c + 1) * y + i + c) for i in range(n) for c in range(channels)]
    return torch.stack(each).view(n, channels, 32, 32)


@pytest.mark.parametrize("name", NAMES)
def test_shapes(name):
    classifier = load_classifier(name)
    images = waves(3, classifier.channels)
    features, logits = classifier.features(images), classifier(images)
    assert features.shape == (3, classifier.widths[-1]) and features.dtype == torch.float32
    assert logits.shape == (3, len(classifier.class_names)) == (3, 10)
    assert not classifier.training and not logits.requires_grad
    assert 64 <= classifier.widths[-1] <= 256 and classifier.size == 32
    with pytest.raises(ValueError, match=r"\(N, \d, 32, 32\), not \(3, \d, 31, 32\)"):
        classifier.features(images[:, :, 1:])


@pytest.mark.parametrize("name", NAMES)
def test_the_network_is_what_its_weights_say(name):
    """Against the same arithmetic written out, in float64."""
    w = {key: value.double() for key, value in load_file(WEIGHTS / f"{name}.safetensors").items()}
    classifier = load_classifier(name)
    images = waves(4, classifier.channels)

    def norm(x, at):
        mean, var, scale, shift = (
            w[f"{at}.{part}"].view(1, -1, 1, 1) for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (var + 1e-5).sqrt() * scale + shift

    x = F.gelu(F.conv2d(images.double(), w["whitening.weight"], w["whitening.bias"]))
    for i in range(len(classifier.widths)):
        x = F.max_pool2d(F.conv2d(x, w[f"blocks.{i}.0.weight"], padding=1), 2)
        x = F.gelu(norm(x, f"blocks.{i}.2"))
        x = F.gelu(norm(F.conv2d(x, w[f"blocks.{i}.4.weight"], padding=1), f"blocks.{i}.5"))
    features = x.sum((2, 3)) / 9 @ w["basis.weight"].T
    torch.testing.assert_close(classifier.features(images).double(), features, atol=1e-4, rtol=1e-4)
    logits = features @ w["head.weight"].T / 9
    torch.testing.assert_close(classifier(images).double(), logits, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_batch_size_changes_nothing(name):
    classifier = load_classifier(name)
    images = waves(33, classifier.channels)
    one_by_one = torch.cat([classifier.features(image[None]) for image in images])
    torch.testing.assert_close(classifier.features(images), one_by_one, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("name", "least"), [("digits", 0.993), ("cifar", 0.90)])
def test_card_and_weights_belong_together(name, least):
    card, content = json.loads((WEIGHTS / f"{name}.json").read_text()), (WEIGHTS / f"{name}.safetensors").read_bytes()
    assert card["sha256"] == hashlib.sha256(content).hexdigest()
    assert len(content) < 3e6
    assert card["test_accuracy"] >= least and card["test_images"] == 10_000
    plan, classifier = PLANS[name], load_classifier(name)
    assert (card["epochs"], card["seed"], card["data"]) == (plan.epochs, plan.seed, plan.data.name)
    assert classifier.widths == plan.widths and classifier.class_names == tuple(plan.data.class_names)
    assert classifier.card == card
    assert {"data_licence", "preprocessing", "seconds", "hardware", "versions"} <= card.keys()


def test_weights_that_are_not_the_cards_are_not_opened(tmp_path):
    for file in WEIGHTS.glob("digits.*"):
        shutil.copy(file, tmp_path)
    assert load_classifier("digits", tmp_path).card["sha256"]
    path = tmp_path / "digits.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"digits\.safetensors is damaged: its SHA-256") as refusal:
        load_classifier("digits", tmp_path)
    assert "\n" not in str(refusal.value)
    path.unlink()
    with pytest.raises(InputError, match=r"cannot read .*digits\.safetensors"):
        load_classifier("digits", tmp_path)


def test_the_embedded_digits_are_told_apart():
    """2,000 of MNIST's test images; the count is what was measured."""
    classifier, test = load_classifier("digits"), data.load("digits", split="test")
    samples = test.samples(np.arange(len(test)))
    right = (classifier(samples.images).argmax(1) == samples.labels).sum().item()
    assert right == 1991 and len(test) == 2000
    assert list(classifier.class_names) == test.class_names


def test_what_cifar_says_of_gratings():
    """Logits as they were when it shipped: weights and code have not drifted apart."""
    torch.testing.assert_close(load_classifier("cifar")(waves(3, 3)), torch.tensor(CIFAR_LOGITS), atol=1e-3, rtol=0)


def test_whitening():
    """On the images that it was made from, the first filters' outputs are uncorrelated, of mean 0 and variance 1."""
    images = torch.rand(20, 3, 9, 9).cumsum(3) / 5 - 0.5
    layer = torch.nn.Conv2d(3, 24, 2)
    whiten(layer, images)
    out = layer(images).transpose(0, 1).flatten(1)
    torch.testing.assert_close(out[:12], -out[12:])
    torch.testing.assert_close(out.mean(1), torch.zeros(24), atol=1e-4, rtol=0)
    cov = out[:12].cov()
    torch.testing.assert_close(cov - cov.diag().diag(), torch.zeros(12, 12), atol=1e-4, rtol=0)
    assert cov.diag().min() > 0.9 and cov.diag().max() < 1.001


def test_equalised_features_are_uncorrelated_and_mean_the_same():
    torch.manual_seed(0)
    classifier = Classifier(size=32, channels=1, widths=(6, 5), class_names="abc").eval()
    images = torch.rand(60, 1, 32, 32)
    with torch.no_grad():
        before, logits = classifier.features(images).double(), classifier(images)
        equalise(classifier, images.split(20), floor=0.3)
        after = classifier.features(images).double()
        torch.testing.assert_close(classifier(images), logits, atol=1e-5, rtol=1e-4)
    variances = torch.linalg.eigvalsh(before.T.cov())
    wanted = (variances / (variances + 0.3 * variances.sum())).diag()
    torch.testing.assert_close(after.T.cov(), wanted, atol=1e-4, rtol=1e-3)
    assert wanted.diag().min() < 0.5 < wanted.diag().max()


def test_the_rates_rise_and_fall():
    assert [slope(p) for p in (0, 0.115, 0.23, 0.615, 1)] == pytest.approx([0.2, 0.6, 1, 0.5, 0])


def test_warp(monkeypatch):
    images = waves(8, 1)
    bent = warp(images)
    assert bent.shape == images.shape and bent.min() >= -1 and len({image.sum().item() for image in bent}) == 8
    monkeypatch.setattr(classifier_training, "_between", lambda name, *shape: torch.zeros(shape))
    torch.testing.assert_close(warp(images), images, atol=1e-5, rtol=0)


def test_a_shift_by_warp_is_a_shift(monkeypatch):
    """At its largest 2 pixels; outside is black."""
    monkeypatch.setattr(
        classifier_training, "_between", lambda name, *shape: torch.full(shape, 1.0 if name == "shift" else 0.0)
    )
    images = waves(2, 1)
    expected = F.pad(images[:, :, 2:, 2:], (0, 2, 0, 2), value=-1.0)
    torch.testing.assert_close(warp(images), expected, atol=1e-5, rtol=0)


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A small plan, and the arguments that train it on a few pictures."""
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setitem(PLANS, "cifar", replace(PLANS["cifar"], widths=(4, 6, 8), epochs=2, batch=10))
    pixels = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), np.uint8)
    np.savez(tmp_path / "toy.npz", images=pixels, labels=np.arange(20) % 10)
    spec = f"npz:{tmp_path / 'toy.npz'}"
    return lambda out: ["cifar", "--data", spec, "--test", spec, "--out", str(tmp_path / out)]


def test_the_script_trains_stops_and_goes_on(toy, tmp_path, monkeypatch, capsys):
    """Two epochs of two steps; cut off after the first, the second sitting arrives at the same bytes."""
    train_classifier.main(toy("whole"))
    assert "epoch 2/2" in capsys.readouterr().out
    step = ClassifierTraining.train_step

    def cut(training):
        if training.step == 3:
            raise KeyboardInterrupt
        return step(training)

    monkeypatch.setattr(ClassifierTraining, "train_step", cut)
    with pytest.raises(KeyboardInterrupt):
        train_classifier.main(toy("parts"))
    assert not (tmp_path / "parts/cifar.json").exists()
    monkeypatch.setattr(ClassifierTraining, "train_step", step)
    train_classifier.main(toy("parts"))
    said = capsys.readouterr().out
    assert said.count("epoch 1/2") == said.count("epoch 2/2") == 1
    whole, parts = ((tmp_path / out / "cifar.safetensors").read_bytes() for out in ("whole", "parts"))
    assert whole == parts
    card = load_classifier("cifar", tmp_path / "parts").card
    assert card["epochs"] == 2 and card["training_images"] == 20 and 0 <= card["test_accuracy"] <= 1
    assert float(card["largest_change_by_float16"].split()[0]) < 0.1


def test_a_step_moves_all_that_learns_and_the_average_follows(toy, tmp_path):
    training = ClassifierTraining(PLANS["cifar"], data.load(f"npz:{tmp_path / 'toy.npz'}"))
    seen = []
    for _ in range(3):
        seen.append({name: p.detach().clone() for name, p in training.classifier.named_parameters()})
        training.train_step()
    norms = {f"blocks.{i}.{j}.weight" for i in range(3) for j in (2, 5)}
    fixed = {name for name in seen[0] if torch.equal(seen[0][name], seen[2][name])}
    assert fixed == {"whitening.weight", "whitening.bias", "basis.weight"} | norms
    # The first step is copied; from then on 1 % enters each time.
    for name, last in training.classifier.named_parameters():
        wanted = 0.99 * (0.99 * seen[1][name] + 0.01 * seen[2][name]) + 0.01 * last
        torch.testing.assert_close(training.average.module.get_parameter(name), wanted)


def test_a_state_of_another_plan_is_refused(toy, monkeypatch, capsys):
    train_classifier.main(toy("run"))
    monkeypatch.setitem(PLANS, "cifar", replace(PLANS["cifar"], seed=1))
    with pytest.raises(SystemExit) as stop:
        train_classifier.main(toy("run"))
    assert stop.value.code == 2
    assert "belongs to another plan or data; delete it to start over" in capsys.readouterr().err


def test_a_damaged_state_is_refused(toy, tmp_path, capsys):
    train_classifier.main(toy("run"))
    path = tmp_path / "run/state/state.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(SystemExit) as stop:
        train_classifier.main(toy("run"))
    assert stop.value.code == 2 and "state.safetensors is damaged" in capsys.readouterr().err


def test_pictures_that_do_not_fit_are_refused(toy, capsys):
    with pytest.raises(SystemExit) as stop:
        train_classifier.main(["digits", *toy("run")[1:]])
    assert stop.value.code == 2
    assert "toy is (3, 32, 32) with 10 classes, not (1, 32, 32) with 10" in capsys.readouterr().err
