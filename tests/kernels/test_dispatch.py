"""Networks as run against networks as built: the same numbers, by other operators."""

from contextlib import nullcontext
from itertools import product

import pytest
import torch
from operator_counts import Operators
from torch.func import functional_call, grad, vmap
from torch.nn import functional as F

from ganzoo import rng
from ganzoo.batch import Batch
from ganzoo.kernels.dispatch import nearest_then_conv, plain_operators, rewrite_enabled, same_conv
from ganzoo.losses import penalties
from ganzoo.networks import BACKBONES, UPSAMPLERS, generator_schema, initialize, make_discriminator, make_generator
from ganzoo.networks.layers import NORMS
from ganzoo.networks.resample import DOWNSAMPLERS

IMAGES = [name for name in BACKBONES if "upsample" in generator_schema(name)]
"""Backbones for images with resamplers, norms and kernels to choose."""
SMALL = {"width": 6, "max_width_multiple": 2}
PENALTIES = {
    "wgan-gp": penalties.gradient_penalty,
    "dragan": lambda judge, real, fake: penalties.dragan_penalty(judge, real),
    "r1": lambda judge, real, fake: penalties.r1(judge, real),
    "r2": lambda judge, real, fake: penalties.r2(judge, fake),
}


def discriminator(backbone, shape=(2, 16, 16), **options):
    network = make_discriminator(backbone, SMALL | options, shape=shape, classes=3).double()
    initialize(network, "he", 0, "discriminator")
    return network


def generator(backbone, shape=(2, 16, 16), **options):
    network = make_generator(backbone, SMALL | options, shape=shape, latent=5, classes=3).double()
    initialize(network, "he", 0, "generator")
    return network


def batches(shape=(2, 16, 16), n=3):
    return [Batch(torch.rand(n, *shape, dtype=torch.float64) * 2 - 1, torch.arange(n)) for _ in range(2)]


def judged(network, real, fake):
    """What a D step takes: scores, slopes in images and weights, each penalty and its slopes in the weights."""
    weights = list(network.parameters())
    found = {}
    x = real.with_images(real.images.clone().requires_grad_())
    found["score"] = score = network(x).score
    found["first"] = torch.autograd.grad(score.square().sum(), [x.images, *weights], materialize_grads=True)
    for name, penalty in PENALTIES.items():
        with rng.RngScope(0, "d", 0):
            found[name] = value = penalty(network, real, fake)
        found[f"second.{name}"] = torch.autograd.grad(value, weights, materialize_grads=True)
    return found


def generated(network):
    with rng.RngScope(0, "g", 0):
        images = network(torch.randn(4, 5, generator=torch.Generator().manual_seed(0)).double(), torch.arange(4) % 3)
    first = torch.autograd.grad((images**3).sum(), list(network.parameters()), create_graph=True)
    second = torch.autograd.grad(
        sum(g.square().sum() for g in first), list(network.parameters()), materialize_grads=True
    )
    return {"images": images, "first": first, "second": second}


def flat(values):
    return torch.cat([v.flatten() for v in values])


def check_equal(compute, *arguments):
    """Plain and rewritten, from the same state, to 1e-10 of the largest value."""
    network = arguments[0]
    state = {name: value.clone() for name, value in network.state_dict().items()}
    with plain_operators():
        expected = compute(*arguments)
    after = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(state)
    for name, value in compute(*arguments).items():
        ours, theirs = (flat(v) if isinstance(v, tuple) else v for v in (value, expected[name]))
        largest = theirs.abs().max().item()
        assert largest > 1e-6, name
        torch.testing.assert_close(ours, theirs, atol=1e-10 * largest, rtol=0)
    torch.testing.assert_close(network.state_dict(), after, atol=1e-10, rtol=1e-10)


ENCODERS = [{"norm": norm, "downsample": down} for norm, down in product(NORMS, DOWNSAMPLERS)] + [
    {"norm": "none", "kernel": 1, "downsample": "pool"},
    {"norm": "none", "kernel": 2, "downsample": "pool"},
    {"norm": "layer", "kernel": 5, "downsample": "pool"},
    {"norm": "none", "kernel": 5},
    {"norm": "none", "activation": "relu"},
    {"norm": "none", "activation": "elu"},
    {"norm": "none", "spectral_norm": True},
    {"norm": "none", "spectral_norm": True, "downsample": "pool"},
    {"norm": "none", "condition": "channels"},
    {"norm": "none", "condition": "projection"},
    {"norm": "none", "minibatch_features": "stddev"},
]


@pytest.mark.parametrize("options", ENCODERS, ids=str)
@pytest.mark.parametrize("backbone", IMAGES)
def test_discriminators_with_every_penalty(backbone, options):
    check_equal(judged, discriminator(backbone, **options), *batches())


DECODERS = [{"norm": norm, "upsample": up} for norm, up in product(NORMS, UPSAMPLERS)] + [
    *({"kernel": kernel, "upsample": up} for kernel in (1, 2, 3, 5) for up in ("nearest", "convtranspose")),
    {"activation": "leaky-relu", "upsample": "nearest"},
    {"condition": "batch-norm", "upsample": "nearest"},
    {"noise": 0.1, "dropout": 0.2, "upsample": "nearest"},
]


@pytest.mark.filterwarnings("ignore:a transposed convolution")
@pytest.mark.parametrize("options", DECODERS, ids=str)
@pytest.mark.parametrize("backbone", IMAGES)
def test_generators(backbone, options):
    check_equal(generated, generator(backbone, **options))


@pytest.mark.parametrize(("backbone", "size"), [("dcgan", 28), ("resnet", 28), ("dcgan", 48)])
def test_other_sizes_of_one_channel(backbone, size):
    shape = (1, size, size)
    check_equal(judged, discriminator(backbone, shape, norm="none"), *batches(shape))
    check_equal(generated, generator(backbone, shape, upsample="nearest"))


def step_of_d(backbone, **options):
    """The operators of a penalty and its backward, and how many convolutions with weights D has."""
    shape = (2, 32, 32)  # so large that a ResNet's second shortcut halves a map, and not the image
    network, (real, fake) = discriminator(backbone, shape, norm="none", **options), batches(shape)
    with Operators() as ran:
        penalties.gradient_penalty(network, real, fake).backward()
    return ran, sum(p.ndim == 4 for p in network.parameters())


@pytest.mark.parametrize(
    ("backbone", "options"),
    [("dcgan", {}), ("dcgan", {"downsample": "pool"}), ("resnet", {}), ("resnet", {"kernel": 5})],
)
def test_a_penalty_costs_four_times_the_forward_pass(backbone, options):
    """Forward, the slope, and in the backward of the slope once forward and once for the weights; nothing beside it."""
    ran, layers = step_of_d(backbone, **options)
    weights = [args[-1] for name, _, args in ran.ran if name == "convolution_backward"]
    assert [list(mask) for mask in weights] == [[False, True, False]] * layers
    assert ran.kernels == 4 * layers
    with plain_operators():
        assert step_of_d(backbone, **options)[0].kernels == 6 * layers


@pytest.mark.parametrize(("backbone", "shortcuts"), [("dcgan", (0, 0)), ("resnet", (2, 1))])
def test_no_map_is_doubled_before_a_convolution_or_halved_after_one(backbone, shortcuts):
    """Only shortcuts resample: they double after their 1x1 convolution, and halve before it."""
    g, d = generator(backbone, upsample="nearest"), discriminator(backbone, norm="none", downsample="pool")

    def resampled():
        with Operators() as ran:
            d(Batch(g(torch.randn(2, 5).double()), torch.arange(2)))
        return ran.counts["upsample_nearest2d"], ran.counts["avg_pool2d"]

    assert resampled() == shortcuts
    with plain_operators():
        assert resampled() == (4, 2) if backbone == "resnet" else (2, 2)


@pytest.mark.parametrize(("resample", "side"), [("nearest", 8), ("mean", 4)])
def test_a_convolution_of_single_pixels_sees_the_smaller_map(resample, side):
    with Operators() as ran:
        same_conv(torch.randn(2, 6, 8, 8), torch.randn(5, 6, 1, 1), None, resample)
    assert [shapes[0] for shapes in ran.of("convolution")] == [(2, 6, side, side)]


def test_where_other_operators_are_wanted_they_are_pytorchs():
    x = torch.randn(2, 3, 8, 8)
    assert rewrite_enabled(x) and rewrite_enabled(x.double()) and rewrite_enabled(x.bfloat16())
    assert not rewrite_enabled(x.half()) and not rewrite_enabled(x.to("meta"))
    with plain_operators():
        assert not rewrite_enabled(x)
        with plain_operators():
            pass
        assert not rewrite_enabled(x)
    assert rewrite_enabled(x)


@pytest.mark.parametrize("resample", ["none", "nearest", "mean"])
@pytest.mark.parametrize("kernel", [1, 3, 4])
def test_autocast_reaches_the_rewritten_operators(kernel, resample):
    x, w, b = torch.randn(2, 6, 8, 8), torch.randn(5, 6, kernel, kernel, requires_grad=True), torch.randn(5)
    with plain_operators():
        true = same_conv(x, w, b, resample)
        expected = torch.autograd.grad(true.sum(), w)[0]
    with torch.autocast("cpu", torch.bfloat16), Operators() as ran:
        y = same_conv(x, w, b, resample)
    (slope,) = torch.autograd.grad(y.float().sum(), w)
    assert {args[0].dtype for name, _, args in ran.ran if name == "convolution"} == {y.dtype} == {torch.bfloat16}
    assert slope.dtype == torch.float32
    for near, exact in ((y.float(), true), (slope, expected)):
        assert (near - exact).norm() < 0.01 * exact.norm()


def test_gradients_of_single_samples_by_torch_func():
    network = discriminator("dcgan", norm="none", downsample="pool")
    weights, x = dict(network.named_parameters()), batches()[0].images

    def score(weights, image):
        return functional_call(network, weights, (Batch(image[None]),)).score.sum()

    each = vmap(grad(score), in_dims=(None, 0))(weights, x)
    network(Batch(x)).score.sum().backward()
    torch.testing.assert_close(
        {n: g.sum(0) for n, g in each.items()}, {n: p.grad for n, p in network.named_parameters()}
    )


def test_an_exported_network_has_pytorchs_operators():
    network = generator("dcgan", upsample="nearest").eval()
    z = torch.randn(2, 5).double()
    exported = torch.export.export(network, (z,))
    assert "upsample_nearest2d" in str(exported.graph)
    torch.testing.assert_close(exported.module()(z), network(z))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, nullcontext])
def test_without_gradients_the_numbers_are_the_same(mode):
    """To the bit: fakes that D sees are those that G would learn from."""
    network = generator("resnet").float().eval()
    z = torch.randn(3, 5)
    with mode():
        images = network(z)
    assert torch.equal(images, network(z))


def test_nearest_neighbour_by_hand():
    """One pixel of 1 under a 3x3 kernel of ones: it is seen from 4x4 places, 4 times at the four in the middle."""
    x = torch.zeros(1, 1, 3, 3)
    x[0, 0, 1, 1] = 1
    y = nearest_then_conv(x, torch.ones(1, 1, 3, 3), torch.ones(1))[0, 0] - 1
    edge, middle = [1.0, 2, 2, 1], [2.0, 4, 4, 2]
    assert y[1:5, 1:5].tolist() == [edge, middle, middle, edge] and y.sum() == 36


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
def test_halving_leaves_out_a_last_odd_row(kernel):
    x, w = torch.randn(2, 3, 7, 7).double(), torch.randn(4, 3, kernel, kernel).double()
    y = F.conv2d(x, w, padding=kernel // 2)[..., :7, :7]
    torch.testing.assert_close(same_conv(x, w, None, "mean"), F.avg_pool2d(y, 2))
