"""InfoGAN's code along a row."""

from __future__ import annotations

import torch

from ganzoo.batch import CodeSpec
from ganzoo.sampling.latent_ops import code_columns, code_names, traverse_code


def test_the_parts_of_a_code():
    assert (
        code_names(None) == ()
        and code_names(CodeSpec(3, 2)) == ("category", "1", "2")
        and code_names(CodeSpec(0, 1)) == ("1",)
    )
    assert code_columns(CodeSpec(3, 2)) == 3 and code_columns(CodeSpec(0, 1)) == 10


def test_one_part_changes_and_no_other():
    values = torch.tensor([[0.0, 1.0, 0.0, 0.3, -0.4]] * 3 + [[1.0, 0.0, 0.0, 0.9, 0.1]] * 3)
    category = traverse_code(values, CodeSpec(3, 2), "category")
    assert category[:, :3].tolist() == [*torch.eye(3).tolist()] * 2 and torch.equal(category[:, 3:], values[:, 3:])
    second = traverse_code(values, CodeSpec(3, 2), "2")
    assert second[:, 4].tolist() == [-2.0, 0.0, 2.0] * 2 and torch.equal(second[:, :4], values[:, :4])
    assert torch.equal(values[0], torch.tensor([0.0, 1.0, 0.0, 0.3, -0.4])), "the given values stay"
