"""How maps lie in memory on CUDA, asked of PyTorch's tensors without content, which need no device."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from ganzoo.networks import operators

LAYERS = {
    "convolution": (operators.conv2d, (8, 4, 3, 3), (1, 1)),
    "strided": (operators.conv2d, (8, 4, 4, 4), (2, 1)),
    "transposed": (operators.conv_transpose2d, (4, 8, 4, 4), (2, 1)),
    "mean": (operators.same_conv, (8, 4, 3, 3), ("mean",)),
    "nearest": (operators.same_conv, (8, 4, 3, 3), ("nearest",)),
}


@pytest.mark.parametrize("name", list(LAYERS))
def test_convolutions_on_cuda_lay_their_channels_last(name):
    layer, weights, options = LAYERS[name]
    with FakeTensorMode():
        x, w = torch.empty(2, 4, 8, 8, device="cuda"), torch.empty(weights, device="cuda")
        y = layer(x, w, None, *options)
    assert y.is_cuda and y.is_contiguous(memory_format=torch.channels_last) and not y.is_contiguous()


def test_elsewhere_they_stay_as_they_are():
    x = torch.randn(2, 4, 8, 8)
    with operators.plain():
        assert operators.conv2d(x, torch.randn(8, 4, 3, 3), None).is_contiguous()
