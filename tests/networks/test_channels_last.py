"""How maps and weights lie in memory on CUDA, asked of PyTorch's tensors without content, which need no device."""

from itertools import product

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from ganzoo.kernels import dispatch
from ganzoo.networks import BACKBONES, UPSAMPLERS, generator_schema, place_network
from ganzoo.networks.layers import NORMS
from ganzoo.networks.resample import DOWNSAMPLERS

LAYERS = {
    "convolution": (dispatch.conv2d, (8, 4, 3, 3), (1, 1)),
    "strided": (dispatch.conv2d, (8, 4, 4, 4), (2, 1)),
    "transposed": (dispatch.conv_transpose2d, (4, 8, 4, 4), (2, 1)),
    "mean": (dispatch.same_conv, (8, 4, 3, 3), ("mean",)),
    "nearest": (dispatch.same_conv, (8, 4, 3, 3), ("nearest",)),
}
IMAGES = [name for name in BACKBONES if "upsample" in generator_schema(name)]
NORMED = [name for name in NORMS if name != "virtual"]  # which needs a player around it


def lies_last(x):
    return x.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", list(LAYERS))
def test_convolutions_on_cuda_lay_their_channels_last(name):
    layer, weights, options = LAYERS[name]
    with FakeTensorMode():
        x, w = torch.empty(2, 4, 8, 8, device="cuda"), torch.empty(weights, device="cuda")
        y = layer(x, w, None, *options)
    assert y.is_cuda and lies_last(y) and not y.is_contiguous()


def test_elsewhere_they_stay_as_they_are():
    x = torch.randn(2, 4, 8, 8)
    with dispatch.plain_operators():
        assert dispatch.conv2d(x, torch.randn(8, 4, 3, 3), None).is_contiguous()
    network = nn.Conv2d(3, 4, 3)
    assert place_network(network, torch.device("cpu")) is network and network.weight.is_contiguous()


def contiguous_maps(network, *inputs):
    """The layers after which a map does not have its channels last."""
    found = []

    def look(name, y):
        if isinstance(y, torch.Tensor) and y.ndim == 4 and not lies_last(y):
            found.append(name)

    for name, layer in network.named_modules():
        layer.register_forward_hook(lambda _layer, _given, y, name=name: look(name, y))
    network(*inputs)
    return found


@pytest.mark.parametrize(("norm", "upsample"), list(product(NORMED, UPSAMPLERS)))
@pytest.mark.parametrize("backbone", IMAGES)
def test_every_map_of_a_decoder_has_its_channels_last(backbone, norm, upsample):
    with FakeTensorMode(), torch.device("cuda"):
        decoder = BACKBONES[backbone].decoder(
            8, (3, 16, 16), width=4, max_width_multiple=2, norm=norm, upsample=upsample
        )
        assert contiguous_maps(decoder, torch.empty(2, 8)) == []


@pytest.mark.parametrize(("norm", "downsample"), list(product(NORMED, DOWNSAMPLERS)))
@pytest.mark.parametrize("backbone", IMAGES)
def test_every_map_of_an_encoder_has_its_channels_last(backbone, norm, downsample):
    with FakeTensorMode(), torch.device("cuda"):
        encoder = BACKBONES[backbone].encoder(
            (3, 16, 16), width=4, max_width_multiple=2, norm=norm, downsample=downsample
        )
        assert contiguous_maps(encoder, torch.empty(2, 3, 16, 16)) == []


def test_vectors_pass_through_the_norms_of_maps():
    with FakeTensorMode(), torch.device("cuda"):
        assert NORMS["layer"](6)(torch.empty(2, 6)).shape == (2, 6)


@pytest.mark.parametrize("backbone", IMAGES)
def test_the_kernels_of_a_network_on_cuda_lie_as_its_maps(backbone, monkeypatch):
    decoder = BACKBONES[backbone].decoder(8, (3, 16, 16), width=4)
    monkeypatch.setattr(nn.Module, "to", moved_in_thought(nn.Module.to))
    place_network(decoder, torch.device("cuda"))
    kernels = [p for p in decoder.parameters() if p.ndim == 4]
    assert kernels and all(map(lies_last, kernels))


def moved_in_thought(to):
    """To no device."""
    return lambda network, *given, **options: to(network, **options) if options else network
