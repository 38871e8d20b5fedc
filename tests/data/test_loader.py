from __future__ import annotations

import numpy as np
import pytest
import torch

from ganzoo.batch import Batch
from ganzoo.data import BatchLoader, Dataset


@pytest.fixture
def dataset() -> Dataset:
    """Image i of ten has label i and the value i in its left half, i + 100 in its right."""
    values = np.arange(10, dtype=np.uint8)[:, None, None, None] + np.array([0, 0, 100, 100], np.uint8)
    return Dataset.from_tensor(values.repeat(4, axis=2), np.arange(10))


def drawn(batches: BatchLoader, *sizes: int) -> list[int]:
    return [label for n in sizes for label in batches.next(n).labels.tolist()]


def same(a: Batch, b: Batch) -> bool:
    return torch.equal(a.images, b.images) and torch.equal(a.labels, b.labels)


def near(a: Batch, b: Batch) -> None:
    """A GPU divides by multiplying with the inverse, which may round the last bit otherwise."""
    torch.testing.assert_close(a.images, b.images)
    assert torch.equal(a.labels, b.labels)


def test_an_epoch_visits_each_sample_once(dataset):
    batches = BatchLoader(dataset, seed=0)
    for _ in range(3):
        assert sorted(drawn(batches, 4, 6)) == list(range(10))


def test_each_epoch_and_each_seed_has_its_own_order(dataset):
    epochs = drawn(BatchLoader(dataset, seed=0), 20)
    assert epochs[:10] != epochs[10:]
    assert epochs[:10] != drawn(BatchLoader(dataset, seed=1), 10)
    assert epochs == drawn(BatchLoader(dataset, seed=0), 20)


def test_the_order_does_not_depend_on_the_batch_size(dataset):
    assert drawn(BatchLoader(dataset, seed=3), 7, 7, 7) == drawn(BatchLoader(dataset, seed=3), 1, 20)


def test_a_batch_may_be_larger_than_the_data(dataset):
    labels = drawn(BatchLoader(dataset, seed=0), 25)
    assert sorted(labels[:10]) == sorted(labels[10:20]) == list(range(10))
    assert len(labels) == 25


@pytest.mark.parametrize("flip", [False, True])
def test_a_position_resumes_the_sequence(dataset, flip):
    whole, rest = BatchLoader(dataset, 5, flip=flip), BatchLoader(dataset, 5, flip=flip)
    for n in (4, 4, 7):
        whole.next(n)
    assert whole.position == 15
    rest.position = 15
    assert all(same(whole.next(n), rest.next(n)) for n in (3, 4, 9))


def test_flip_mirrors_about_half_and_keeps_labels(dataset):
    samples = BatchLoader(dataset, seed=0, flip=True).next(400)
    plain = dataset.samples(samples.labels)
    mirrored = (samples.images != plain.images).flatten(1).any(1)
    assert torch.equal(samples.images[mirrored], plain.images[mirrored].flip(3))
    assert 150 < mirrored.sum() < 250


def test_flips_change_from_batch_to_batch_and_not_the_order(dataset):
    batches = BatchLoader(dataset, seed=0, flip=True)
    first, second = (batches.next(10) for _ in range(2))
    left = [samples.images[samples.labels.argsort(), 0, 0, 0] > -0.5 for samples in (first, second)]
    assert not torch.equal(*left)
    assert first.labels.tolist() + second.labels.tolist() == drawn(BatchLoader(dataset, seed=0), 20)


def test_without_flip_images_are_as_they_are(dataset):
    samples = BatchLoader(dataset, seed=0).next(10)
    assert same(samples, dataset.samples(samples.labels))


def test_unlabelled_data_give_no_labels():
    images = np.zeros((3, 1, 4, 4), np.uint8)
    assert BatchLoader(Dataset.from_tensor(images), seed=0, flip=True).next(5).labels is None


def test_a_part_is_drawn_from_alone(dataset):
    part = dataset.of_classes([2, 7])
    images = BatchLoader(part, seed=0).next(6).images
    assert set(images[:, 0, 0, 0].mul(127.5).add(127.5).round().tolist()) == {2, 7}


@pytest.mark.gpu
def test_batches_on_the_gpu_are_those_of_the_cpu(dataset):
    for flip in (False, True):
        there, here = BatchLoader(dataset, 0, flip, device="cuda"), BatchLoader(dataset, 0, flip)
        for _ in range(4):
            near(there.next(7).map(torch.Tensor.cpu), here.next(7))
