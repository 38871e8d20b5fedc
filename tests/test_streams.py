import numpy as np
import pytest
import torch

from ganzoo import streams
from ganzoo.streams import ImageStreams, Stream


def test_a_draw_depends_on_key_name_and_count_alone():
    with Stream(0, "d", 7):
        first, second = streams.normal("a", 3, 2), streams.normal("a", 3, 2)
    with Stream(0, "d", 7):
        streams.uniform("b", 100)  # another stream shifts nothing
        assert torch.equal(streams.normal("a", 3, 2), first)
        assert torch.equal(streams.normal("a", 3, 2), second)
    assert not torch.equal(first, second)
    for key in ((1, "d", 7), (0, "g", 7), (0, "d", 8)):
        with Stream(*key):
            assert not torch.equal(streams.normal("a", 3, 2), first)


def test_the_global_generator_is_left_alone_inside_and_used_outside():
    torch.manual_seed(3)
    expected = torch.empty(4).normal_()
    torch.manual_seed(3)
    with Stream(0):
        streams.normal("a", 100)
        streams.integers("a", 10, 100)
    assert torch.equal(streams.normal("a", 4), expected)


def test_an_image_has_its_own_stream_whatever_its_batch():
    with ImageStreams([5, 6, 7]):
        together = streams.normal("z", 3, 4), streams.integers("y", 1000, 3)
    with ImageStreams([6]):
        alone = streams.normal("z", 1, 4), streams.integers("y", 1000, 1)
    assert torch.equal(together[0][1:2], alone[0])
    assert torch.equal(together[1][1:2], alone[1])


@pytest.mark.parametrize("seeds", [np.array([5, 6]), torch.tensor([5, 6])])
def test_the_seeds_of_an_array_are_those_of_a_list(seeds):
    found = []
    for each in ([5, 6], seeds):
        with ImageStreams(each):
            found.append(streams.normal("z", 2, 4))
    assert torch.equal(*found)
    with pytest.raises(TypeError):
        ImageStreams([1.5])


def test_blocks_nest():
    with Stream(0):
        outer = streams.uniform("a", 2)
        with Stream(1):
            streams.uniform("a", 2)
        following = streams.uniform("a", 2)
    with Stream(0):
        assert torch.equal(streams.uniform("a", 2), outer)
        assert torch.equal(streams.uniform("a", 2), following)


def test_moments_and_ranges():
    with Stream(0):
        assert abs(streams.normal("a", 100_000).std().item() - 1) < 0.01
        u, k = streams.uniform("u", 100_000), streams.integers("k", 3, 100_000)
    assert u.min() >= 0 and u.max() < 1 and abs(u.mean().item() - 0.5) < 0.01
    assert set(k.tolist()) == {0, 1, 2}
