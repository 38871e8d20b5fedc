"""Translation by `gather`, against the indexing that says the same."""

from __future__ import annotations

import pytest
import torch
from operator_counts import Operators
from torch.nn import functional as F

from ganzoo.rng import RngScope
from ganzoo.tricks.diffaugment import offsets, translate


def indexed(images):
    """One value at a time."""
    reach = round(images.shape[2] / 8)
    down, right = (offsets(name, images, 2 * reach + 1).flatten().tolist() for name in ("down", "right"))
    padded = F.pad(images, (reach,) * 4, value=-1.0)
    height, width = images.shape[2:]
    return torch.stack([x[:, i : i + height, j : j + width] for x, i, j in zip(padded, down, right, strict=True)])


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", [(40, 1, 28, 28), (9, 3, 16, 16), (5, 4, 4, 4), (1, 3, 32, 32), (3, 1, 2, 2)])
def test_translated_images_and_their_gradients_are_the_same_bits(shape, order):
    for seed in range(5):
        x = torch.randn(shape).to(memory_format=order).requires_grad_()
        found = []
        for change in (translate, indexed):
            with RngScope(seed):
                y = change(x)
            found.append(
                (y, *torch.autograd.grad(y, x, torch.randn(shape, generator=torch.Generator().manual_seed(1))))
            )
        assert all(map(torch.equal, *found)), seed


def test_no_index_is_made_of_a_translation():
    x = torch.randn(4, 3, 16, 16, requires_grad=True)
    with Operators() as ran:
        translate(x).sum().backward()
    assert not ran.counts.keys() & {"index", "index_put", "index_put_", "_index_put_impl_"}
    assert ran.counts["gather"] == 1
