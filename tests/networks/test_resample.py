"""Upsamplers and downsamplers against what they stand for."""

import warnings

import pytest
import torch
from torch.nn import functional as F

from ganzoo.errors import InputError
from ganzoo.networks import UPSAMPLERS, checkerboard, initialize, make_generator
from ganzoo.networks.resample import DOWNSAMPLERS

KERNELS = [1, 2, 3, 4, 5]


def started(registry, name, kind="he", **options):
    """A resampler from 3 to 2 channels, its weights set."""
    module = registry[name](3, 2, **options)
    initialize(module, kind, 0, "resampler")
    return module


@pytest.mark.filterwarnings("ignore:a transposed convolution")
@pytest.mark.parametrize("kernel", [None, *KERNELS])
@pytest.mark.parametrize("bias", [True, False])
def test_downsamplers_halve(kernel, bias):
    x = torch.randn(2, 3, 6, 6)
    for name in DOWNSAMPLERS:
        module = started(DOWNSAMPLERS, name, kernel=kernel, bias=bias)
        assert module(x).shape == (2, 2, 3, 3)
        assert ("bias" in str(list(module.state_dict()))) is bias


@pytest.mark.parametrize("kernel", [3, 4, 5])
@pytest.mark.parametrize("kind", ["normal", "orthogonal", "he"])
def test_pixelshuffle_starts_as_nearest_neighbour(kernel, kind):
    """ICNR, Aitken et al. 2017: a convolution, then every pixel four times."""
    module, x = started(UPSAMPLERS, "pixelshuffle", kind, kernel=kernel), torch.randn(2, 3, 6, 6)
    plain = UPSAMPLERS["nearest"](3, 2, kernel).conv
    plain.weight.data = module.conv.weight[::4]
    plain.bias.data.zero_()
    torch.testing.assert_close(module(x), F.interpolate(plain(x), scale_factor=2, mode="nearest"))
    assert module(x).std() > 0


def test_a_filter_of_icnr_has_the_size_of_any_other():
    """Four equal filters of the spread that one would have."""
    module = UPSAMPLERS["pixelshuffle"](64, 64)
    initialize(module, "he", 0, "resampler")
    assert module.conv.weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.02)
    initialize(module, "orthogonal", 0, "resampler")
    one = module.conv.weight[::4].flatten(1)
    torch.testing.assert_close(one @ one.T, torch.eye(64), atol=1e-5, rtol=0)


def test_pixelshuffle_moves_channels_to_pixels():
    module, x = UPSAMPLERS["pixelshuffle"](3, 2), torch.randn(2, 3, 6, 6)
    wide = module.conv(x)
    for channel, row, column in [(0, 0, 1), (1, 1, 0), (1, 1, 1)]:
        torch.testing.assert_close(module(x)[:, channel, row::2, column::2], wide[:, 4 * channel + 2 * row + column])


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_interpolation_then_convolution(mode):
    module, x = started(UPSAMPLERS, mode), torch.randn(2, 3, 6, 6)
    large = F.interpolate(x, scale_factor=2, mode=mode)
    torch.testing.assert_close(module(x), F.conv2d(large, module.conv.weight, module.conv.bias, padding=1))


def test_strided_and_pooled_convolution():
    stride, pool = (started(DOWNSAMPLERS, name) for name in ("stride", "pool"))
    x = torch.randn(2, 3, 6, 6)
    torch.testing.assert_close(stride(x), F.conv2d(x, stride.weight, stride.bias, stride=2, padding=1))
    full = F.conv2d(x, pool.conv.weight, pool.conv.bias, padding=1)
    torch.testing.assert_close(pool(x), full.reshape(2, 2, 3, 2, 3, 2).mean((3, 5)))


def test_own_kernels():
    own = {name: UPSAMPLERS[name](3, 2) for name in UPSAMPLERS} | {
        name: DOWNSAMPLERS[name](3, 2) for name in DOWNSAMPLERS
    }
    sides = {name: getattr(module, "conv", module).kernel_size[0] for name, module in own.items()}
    known = {"convtranspose": 4, "pixelshuffle": 3, "nearest": 3, "bilinear": 3, "stride": 4, "pool": 3}
    assert sides.items() >= known.items()


def test_checkerboard_by_hand():
    """A kernel of 3 reaches an output pixel by 1, 2 or 4 taps, 2.25 on average; one of 5 by 4, 6 or 9, 6.25 on average."""
    assert checkerboard(2) == checkerboard(4) == checkerboard(6) == 0
    assert checkerboard(3) == pytest.approx(3 / 2.25)
    assert checkerboard(5) == pytest.approx(5 / 6.25)
    assert checkerboard(1) == 4


@pytest.mark.parametrize("kernel", [3, 5])
def test_uneven_kernel_warns(kernel):
    with pytest.warns(
        UserWarning, match=rf"kernel {kernel} and stride 2.*checkerboard {checkerboard(kernel):.2f}.*nearest"
    ):
        make_generator("dcgan", {"kernel": kernel, "width": 2}, shape=(1, 28, 28), latent=5)


@pytest.mark.parametrize(
    "options", [{}, {"kernel": 4}, {"kernel": 3, "upsample": "nearest"}, {"upsample": "pixelshuffle"}]
)
@pytest.mark.parametrize("backbone", ["dcgan", "resnet"])
def test_even_kernel_and_other_upsamplers_do_not_warn(backbone, options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = {"width": 2, "upsample": "convtranspose"} | options
        make_generator(backbone, table, shape=(1, 28, 28), latent=5)


def test_misspelt_upsampler_names_the_nearest():
    with pytest.raises(InputError, match="no upsampler is called 'pixelshufle'; did you mean 'pixelshuffle'"):
        make_generator("dcgan", {"upsample": "pixelshufle"}, shape=(1, 28, 28), latent=5)
