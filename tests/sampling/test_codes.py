"""InfoGAN's code along a row."""

from __future__ import annotations

import torch

from ganzoo.records import Code
from ganzoo.sampling.codes import columns, names, swept


def test_the_parts_of_a_code():
    assert names(None) == () and names(Code(3, 2)) == ("category", "1", "2") and names(Code(0, 1)) == ("1",)
    assert columns(Code(3, 2)) == 3 and columns(Code(0, 1)) == 10


def test_one_part_changes_and_no_other():
    values = torch.tensor([[0.0, 1.0, 0.0, 0.3, -0.4]] * 3 + [[1.0, 0.0, 0.0, 0.9, 0.1]] * 3)
    category = swept(values, Code(3, 2), "category")
    assert category[:, :3].tolist() == [*torch.eye(3).tolist()] * 2 and torch.equal(category[:, 3:], values[:, 3:])
    second = swept(values, Code(3, 2), "2")
    assert second[:, 4].tolist() == [-2.0, 0.0, 2.0] * 2 and torch.equal(second[:, :4], values[:, :4])
    assert torch.equal(values[0], torch.tensor([0.0, 1.0, 0.0, 0.3, -0.4])), "the given values stay"
