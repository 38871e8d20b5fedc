"""A set that lies on the device gives what the set itself gives."""

from __future__ import annotations

import pytest
import torch

from ganzoo.batch import Batch
from ganzoo.data import BatchLoader, Dataset, loader
from ganzoo.data.loader import DeviceDataset, fits_in_memory, sample_source
from small_runs import toy_data

SETS = {
    "pictures": lambda: toy_data(),
    "unlabelled": lambda: toy_data(classes=0),
    "a subset": lambda: toy_data().of_classes([2, 0]),
    "repeated": lambda: toy_data().partly_labelled(6).with_labelled_share(0.5),
    "points": lambda: Dataset.from_tensor(torch.randn(40, 2, 1, 1) * 3),
}


def same(a: Batch, b: Batch) -> bool:
    return torch.equal(a.images, b.images) and (a.labels is b.labels is None or torch.equal(a.labels, b.labels))


@pytest.mark.parametrize("name", list(SETS))
def test_its_samples_are_those_of_the_set(name, monkeypatch):
    monkeypatch.setattr(loader, "UPLOAD_CHUNK", 7)
    data = SETS[name]()
    index = torch.randperm(len(data))[:9].numpy()
    assert same(DeviceDataset(data, "cpu").samples(index, "cpu"), data.samples(index))


def test_bytes_stay_bytes():
    assert DeviceDataset(toy_data(), "cpu").pixels.dtype == torch.uint8


def test_batches_go_on_alike_over_epochs():
    data = toy_data()
    there, here = BatchLoader(data, 0, flip=True), BatchLoader(data, 0, flip=True)
    there.source = DeviceDataset(data, "cpu")
    assert all(same(there.next(16), here.next(16)) for _ in range(6))


def test_a_set_may_take_a_quarter_of_what_is_free():
    data = toy_data(n=40, size=28)
    size = 40 * 28 * 28
    assert fits_in_memory(data, 4 * size) and not fits_in_memory(data, 4 * size - 1)
    assert fits_in_memory(data.subset(20), 2 * size), "what counts is the samples that are drawn"


def test_without_cuda_the_set_stays_where_it_is():
    data = toy_data()
    assert sample_source(data, "cpu") is data


@pytest.mark.gpu
@pytest.mark.parametrize("part", [4, 10**12])
def test_on_cuda_a_set_is_kept_there_where_it_fits(part, monkeypatch):
    monkeypatch.setattr(loader, "MEMORY_DIVISOR", part)
    data = toy_data()
    there, here = BatchLoader(data, 0, flip=True, device="cuda"), BatchLoader(data, 0, flip=True)
    assert isinstance(there.source, DeviceDataset) == (part == 4)
    torch.cuda.set_sync_debug_mode("error")
    try:
        drawn = [there.next(16) for _ in range(6)]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for samples in drawn:
        expected = here.next(16)
        # A GPU divides by multiplying with the inverse, which may round the last bit otherwise.
        torch.testing.assert_close(samples.images.cpu(), expected.images)
        assert torch.equal(samples.labels.cpu(), expected.labels)
