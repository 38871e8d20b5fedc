import numpy as np
import pytest
import torch

from ganzoo import rng
from ganzoo.rng import PerImageRng, RngScope


def test_a_draw_depends_on_key_name_and_count_alone():
    with RngScope(0, "d", 7):
        first, second = rng.normal("a", 3, 2), rng.normal("a", 3, 2)
    with RngScope(0, "d", 7):
        rng.uniform("b", 100)  # another stream shifts nothing
        assert torch.equal(rng.normal("a", 3, 2), first)
        assert torch.equal(rng.normal("a", 3, 2), second)
    assert not torch.equal(first, second)
    for key in ((1, "d", 7), (0, "g", 7), (0, "d", 8)):
        with RngScope(*key):
            assert not torch.equal(rng.normal("a", 3, 2), first)


def test_the_global_generator_is_left_alone_inside_and_used_outside():
    torch.manual_seed(3)
    expected = torch.empty(4).normal_()
    torch.manual_seed(3)
    with RngScope(0):
        rng.normal("a", 100)
        rng.integers("a", 10, 100)
    assert torch.equal(rng.normal("a", 4), expected)


def test_an_image_has_its_own_stream_whatever_its_batch():
    with PerImageRng([5, 6, 7]):
        together = rng.normal("z", 3, 4), rng.integers("y", 1000, 3)
    with PerImageRng([6]):
        alone = rng.normal("z", 1, 4), rng.integers("y", 1000, 1)
    assert torch.equal(together[0][1:2], alone[0])
    assert torch.equal(together[1][1:2], alone[1])


@pytest.mark.parametrize("seeds", [np.array([5, 6]), torch.tensor([5, 6])])
def test_the_seeds_of_an_array_are_those_of_a_list(seeds):
    found = []
    for each in ([5, 6], seeds):
        with PerImageRng(each):
            found.append(rng.normal("z", 2, 4))
    assert torch.equal(*found)
    with pytest.raises(TypeError):
        PerImageRng([1.5])


def test_blocks_nest():
    with RngScope(0):
        outer = rng.uniform("a", 2)
        with RngScope(1):
            rng.uniform("a", 2)
        following = rng.uniform("a", 2)
    with RngScope(0):
        assert torch.equal(rng.uniform("a", 2), outer)
        assert torch.equal(rng.uniform("a", 2), following)


def test_moments_and_ranges():
    with RngScope(0):
        assert abs(rng.normal("a", 100_000).std().item() - 1) < 0.01
        u, k = rng.uniform("u", 100_000), rng.integers("k", 3, 100_000)
    assert u.min() >= 0 and u.max() < 1 and abs(u.mean().item() - 0.5) < 0.01
    assert set(k.tolist()) == {0, 1, 2}
