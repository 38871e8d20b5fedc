"""Stacks are three digits of their set, and their labels say which."""

from __future__ import annotations

import numpy as np
import pytest

from ganzoo.data import Dataset, load
from ganzoo.data.sources import digits as source
from ganzoo.errors import InputError


@pytest.fixture
def few(monkeypatch):
    """As many stacks as a test can wait for."""
    monkeypatch.setattr(source, "COUNTS", {"train": 500, "test": 200})


def test_as_many_as_the_protocol_has():
    assert source.COUNTS == {"train": 128_000, "test": 26_000}


@pytest.mark.parametrize("split", ["train", "test"])
def test_each_channel_is_a_digit_of_the_split_and_the_label_reads_them_in_order(split, few):
    stacks, base = load("stacked-digits", split=split), load("digits", split=split)
    known = {base.images[i].tobytes(): base.labels[i] for i in range(len(base))}
    assert (stacks.shape, stacks.images.dtype) == ((3, 32, 32), np.uint8)
    assert (stacks.name, stacks.split, len(stacks)) == ("stacked-digits", split, source.COUNTS[split])
    for image, label in zip(stacks.images[:100], stacks.labels[:100], strict=True):
        a, b, c = (known[channel.tobytes()] for channel in image)
        assert (label, stacks.class_names[label]) == (100 * a + 10 * b + c, f"{a}{b}{c}")


def test_the_three_are_drawn_apart_and_the_same_each_time(few, home):
    first = load("stacked-digits")
    kept = (home / "cache").glob("stacked-digits-train-*")
    before = [(entry / "pixels").stat().st_mtime_ns for entry in kept]
    again = load("stacked-digits")
    assert again.digest == first.digest
    assert [(e / "pixels").stat().st_mtime_ns for e in (home / "cache").glob("stacked-digits-train-*")] == before
    places = np.stack([first.labels // 100, first.labels // 10 % 10, first.labels % 10])
    assert np.abs(np.corrcoef(places) - np.eye(3)).max() < 0.15
    assert load("stacked-digits", split="test").digest != first.digest


def test_one_channel_would_mix_the_digits(few):
    with pytest.raises(InputError, match="a digit in each of three channels"):
        load("stacked-digits", channels=1)


def test_mnist_is_stacked_in_the_same_way(few, monkeypatch):
    pixels = np.arange(10, dtype=np.uint8).repeat(32 * 32).reshape(10, 1, 32, 32)
    mnist = Dataset.from_tensor(pixels, np.arange(10))
    monkeypatch.setattr("ganzoo.data.sources.torchvision_sets.Mnist.dataset", lambda *_: mnist)
    monkeypatch.setattr("ganzoo.data.sources.torchvision_sets.Mnist.fingerprint", lambda *_: "ten")
    stacks = load("stacked-mnist")
    assert (stacks.images[:, :, 5, 5] @ np.array([100, 10, 1])).tolist() == stacks.labels.tolist()
