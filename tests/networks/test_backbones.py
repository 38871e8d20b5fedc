"""Every backbone at every size, with every resampler: shapes, structure, sizes of the published networks, gradients."""

from itertools import product

import pytest
import torch
from torch import nn

from ganzoo.batch import Batch
from ganzoo.config import recipes
from ganzoo.errors import InputError
from ganzoo.networks import (
    BACKBONES,
    UPSAMPLERS,
    discriminator_schema,
    generator_schema,
    initialize,
    make_discriminator,
    make_generator,
)
from ganzoo.networks.backbone import base_grid, stage_widths
from ganzoo.networks.resample import DOWNSAMPLERS

IMAGES = [name for name in BACKBONES if "upsample" in generator_schema(name)]
"""Backbones for images with resamplers, norms and kernels to choose."""
SMALL = {"width": 4, "max_width_multiple": 2}


def players(backbone, shape, g=None, d=None, heads=("score",), **facts):
    """G and D with weights from seed 0."""
    size = SMALL if backbone in IMAGES else {"width": 8}
    classes = facts.get("classes", 0)
    generator = make_generator(backbone, size | (g or {}), shape=shape, latent=5, classes=classes)
    discriminator = make_discriminator(backbone, size | (d or {}), shape=shape, heads=heads, **facts)
    initialize(generator, "he", 0, "generator")
    initialize(discriminator, "he", 0, "discriminator")
    return generator, discriminator


def order_of_layers(network, *inputs):
    """The names of the classes of the leaves, in the order in which they run."""
    ran = []
    for module in network.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda module, *_: ran.append(type(module).__name__))
    network(*inputs)
    return [name for name in ran if name != "Identity"]


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_there_are_four():
    assert {"dcgan", "resnet", "mlp", "r3gan"} <= set(BACKBONES)
    assert {"dcgan", "resnet"} <= set(IMAGES)


@pytest.mark.parametrize(("backbone", "upsample", "downsample"), list(product(IMAGES, UPSAMPLERS, DOWNSAMPLERS)))
@pytest.mark.parametrize(("size", "colours"), list(product([28, 32, 48, 64, 128], [1, 3])))
def test_shapes(backbone, upsample, downsample, size, colours):
    shape = (colours, size, size)
    d_options = {"downsample": downsample, "upsample": upsample}
    g, d = players(backbone, shape, {"upsample": upsample}, d_options, ("score", "reconstruction"))
    images = g(torch.randn(2, 5))
    judged = d(Batch(images))
    assert images.shape == judged.reconstruction.shape == (2, *shape)
    assert images.abs().max() <= 1
    assert judged.score.shape == (2,)
    assert judged.features.shape == (2, d.encoder.features)


@pytest.mark.parametrize(("backbone", "kernel"), list(product(IMAGES, [2, 3, 4, 5])))
@pytest.mark.parametrize("upsample", UPSAMPLERS)
@pytest.mark.filterwarnings("ignore:a transposed convolution")
def test_every_kernel_keeps_the_shapes(backbone, kernel, upsample):
    for downsample in DOWNSAMPLERS:
        options = {"kernel": kernel, "upsample": upsample}
        g, d = players(backbone, (1, 28, 28), options, options | {"downsample": downsample}, ("reconstruction",))
        images = g(torch.randn(2, 5))
        assert d(Batch(images)).reconstruction.shape == images.shape == (2, 1, 28, 28)


@pytest.mark.parametrize("backbone", IMAGES)
def test_the_kernel_is_that_of_every_convolution(backbone):
    """But of the 1x1 in a shortcut."""
    options = {"kernel": 6}
    for network in players(backbone, (1, 28, 28), options, options, ("reconstruction",)):
        sides = {name: m.kernel_size for name, m in network.named_modules() if hasattr(m, "kernel_size")}
        assert {side for name, side in sides.items() if "shortcut" not in name} == {(6, 6)}
        assert {side for name, side in sides.items() if "shortcut" in name} <= {(1, 1)}


@pytest.mark.parametrize("shape", [(2, 1, 1), (1, 8, 8), (3, 5, 4)])
def test_mlp_takes_points_and_any_shape(shape):
    g, d = players("mlp", shape, heads=("score", "reconstruction"))
    points = g(10 * torch.randn(6, 5))
    judged = d(Batch(points))
    assert points.shape == judged.reconstruction.shape == (6, *shape)
    assert points.abs().max() > 1, "the end is linear: points have their own units"
    assert judged.score.shape == (6,)
    assert d.encoder.features == 8


def test_the_size_rule():
    assert [base_grid((1, size, size)) for size in (8, 28, 32, 48, 64, 128)] == [
        (4, 1),
        (7, 2),
        (4, 3),
        (6, 3),
        (4, 4),
        (4, 5),
    ]


@pytest.mark.parametrize(
    ("size", "nearest"), [(30, "28 and 32"), (7, "8"), (33, "32 and 40"), (100, "96 and 112"), (2, "8")]
)
@pytest.mark.parametrize("backbone", IMAGES)
def test_sizes_that_doubling_cannot_reach_name_those_it_can(backbone, size, nearest):
    for make in (
        lambda: make_generator(backbone, {}, shape=(1, size, size), latent=5),
        lambda: make_discriminator(backbone, {}, shape=(1, size, size)),
    ):
        with pytest.raises(
            InputError, match=rf"image size {size} is .*; nearest sizes: {nearest.replace('and', 'or')}$"
        ):
            make()


@pytest.mark.parametrize("backbone", IMAGES)
def test_only_square_images(backbone):
    with pytest.raises(InputError, match="square, not 32x64"):
        make_generator(backbone, {}, shape=(1, 32, 64), latent=5)


def test_channels_double_up_to_growth():
    assert stage_widths(64, 8, 4) == [64, 128, 256, 512]
    assert stage_widths(64, 2, 4) == [64, 128, 128, 128]
    assert stage_widths(128, 1, 3) == [128, 128, 128]


def test_dcgan_is_the_papers():
    """Radford et al. 2016, figure 1 and section 3: z straight to a map, no norm at the image on either side."""
    g, d = players("dcgan", (1, 28, 28))
    stage = ["BatchNorm", "ReLU", "ConvTranspose"]
    assert order_of_layers(g, torch.randn(2, 5)) == ["Linear", "Map", *stage, *stage, "Tanh"]
    stage = ["Stride", "BatchNorm", "LeakyReLU"]
    assert order_of_layers(d, Batch(torch.randn(2, 1, 28, 28))) == ["Stride", "LeakyReLU", *stage, "Flatten", "Score"]
    assert {m.negative_slope for m in d.modules() if isinstance(m, nn.LeakyReLU)} == {0.2}


def test_resnet_is_the_papers():
    """Gulrajani et al. 2017: pre-activation; D starts with a convolution, ends with two plain blocks."""
    g, d = players("resnet", (3, 32, 32))
    shortcut, half = ["SameConv"], ["BatchNorm", "ReLU", "SameConv"]
    ran = order_of_layers(g, torch.randn(2, 5))
    assert ran == ["Linear", "Map", *3 * (shortcut + half + half), *half, "Tanh"]
    half = ["ReLU", "SameConv"]
    ran = order_of_layers(d, Batch(torch.randn(2, 3, 32, 32)))
    assert ran == [
        *shortcut,
        "SameConv",
        *half,
        *shortcut,
        *half,
        *half,
        *half,
        *half,
        *half,
        *half,
        "ReLU",
        "Reduce",
        "Score",
    ]


@pytest.mark.parametrize(("backbone", "axes"), [("dcgan", None), ("resnet", (2, 3))])
def test_features_are_the_last_map(backbone, axes):
    """Flattened in DCGAN, averaged over its pixels in the ResNet."""
    _, d = players(backbone, (1, 28, 28))
    maps = []
    last = [m for m in d.encoder.modules() if isinstance(m, nn.ReLU | nn.LeakyReLU)][-1]
    last.register_forward_hook(lambda module, inputs, output: maps.append(output))
    features = d(Batch(torch.randn(2, 1, 28, 28))).features
    assert maps[0].shape[2:] == (7, 7)
    torch.testing.assert_close(features, maps[0].mean(axes) if axes else maps[0].flatten(1))


@pytest.mark.parametrize("size", [28, 32])
@pytest.mark.parametrize("backbone", IMAGES)
def test_the_last_map_is_flattened_averaged_or_summed(backbone, size):
    found = {}
    for pooling in ("none", "mean", "sum"):
        _, d = players(backbone, (1, size, size), d={"pooling": pooling})
        found[pooling] = d(Batch(torch.randn(2, 1, size, size, generator=torch.Generator().manual_seed(0)))).features
        assert found[pooling].shape[1] == d.encoder.features
    last = found["none"].unflatten(1, (found["mean"].shape[1], -1))
    torch.testing.assert_close(found["mean"], last.mean(2))
    torch.testing.assert_close(found["sum"], last.sum(2))


def test_the_hinge_of_cifar10_sums_the_last_map_as_sngan_does():
    assert recipes.make_config("papers/cifar10/hinge").networks.discriminator["pooling"] == "sum"


@pytest.mark.parametrize(("backbone", "norm"), list(product(IMAGES, ["batch", "instance", "layer"])))
def test_no_norm_touches_an_image(backbone, norm):
    g, d = players(backbone, (1, 32, 32), {"norm": norm}, {"norm": norm})
    ran = order_of_layers(g, torch.randn(2, 5))
    assert "Norm" in "".join(ran)
    assert not any("Norm" in name for name in ran[ran.index("Tanh") - 1 :])
    ran = order_of_layers(d, Batch(torch.randn(2, 1, 32, 32)))
    assert not any("Norm" in name for name in ran[:3])
    assert "Norm" in "".join(ran)


@pytest.mark.parametrize(("size", "halvings"), [(8, 1), (28, 2), (32, 2), (48, 3), (64, 3), (128, 4)])
def test_resnet_encoder_halves_to_eight(size, halvings):
    _, d = players("resnet", (1, size, size))
    blocks = [name for name, _ in d.encoder.named_children() if name.startswith("block")]
    assert len(blocks) == halvings


def test_published_sizes():
    """Counted by hand, layer by layer."""
    shape = (3, 32, 32)
    g = make_generator("resnet", {"width": 256}, shape=shape, latent=128)
    convolution, one = 256 * 256 * 9, 256 * 256
    block = 2 * convolution + one + 2 * 512
    assert count(g) == 129 * 4096 + 3 * block + 512 + (256 * 3 * 9 + 3) == 4_274_435
    # With the nine biases that batch norm subtracts again this is mimicry's 4,276,739.
    assert count(g) + 9 * 256 == 4_276_739
    d = make_discriminator("resnet", {}, shape=shape)
    convolution, one = 128 * 128 * 9 + 128, 128 * 128 + 128
    first = (3 * 128 * 9 + 128) + convolution + (3 * 128 + 128)
    assert count(d) == first + (2 * convolution + one) + 2 * 2 * convolution + 129 == 1_053_825
    # PyTorch's example of DCGAN has 3,576,704 and 2,765,568: no bias before the first norm, at the image, in the score.
    shape = (3, 64, 64)
    assert count(make_generator("dcgan", {}, shape=shape, latent=100)) == 3_576_704 + 512 * 16 + 3
    assert count(make_discriminator("dcgan", {}, shape=shape)) == 2_765_568 + 64 + 1


def test_convolutional_backbones_are_swapped_by_name():
    for schema in (generator_schema, lambda name: discriminator_schema(name, ("score", "reconstruction"))):
        assert list(schema("dcgan")) == list(schema("resnet"))
        annotations = [[p.annotation for p in schema(name).values()] for name in ("dcgan", "resnet")]
        assert annotations[0] == annotations[1]


@pytest.mark.parametrize("backbone", IMAGES)
@pytest.mark.parametrize("norm", ["none", "layer", "instance"])
@pytest.mark.parametrize("downsample", DOWNSAMPLERS)
@pytest.mark.parametrize("activation", ["leaky-relu", "elu"])
def test_gradient_of_a_gradient_penalty(backbone, norm, downsample, activation):
    """Against central differences along a random direction, for all weights at once."""
    options = {"norm": norm, "downsample": downsample, "activation": activation, "width": 2}
    check_double_backward(backbone, (1, 16, 16), options)


@pytest.mark.parametrize("norm", ["none", "layer"])
def test_gradient_of_a_gradient_penalty_on_points(norm):
    check_double_backward("mlp", (2, 1, 1), {"norm": norm, "activation": "elu"})


def check_double_backward(backbone, shape, options):
    d = players(backbone, shape, d=options)[1].double()
    images = torch.randn(3, *shape, dtype=torch.float64)

    def penalty():
        x = images.clone().requires_grad_()
        (slope,) = torch.autograd.grad(d(Batch(x)).score.sum(), x, create_graph=True)
        return (slope.flatten(1).norm(dim=1) - 1).square().mean()

    weights = [p for n, p in d.named_parameters() if n != "heads.score.bias"]
    gradient = torch.autograd.grad(penalty(), weights, allow_unused=True)
    direction = [torch.randn_like(p) for p in weights]
    expected = sum((g * v).sum() for g, v in zip(gradient, direction, strict=True) if g is not None)
    step, sides = 1e-6, []
    for sign in (1, -2):
        with torch.no_grad():
            for p, v in zip(weights, direction, strict=True):
                p += sign * step * v
        sides.append(penalty().item())
    assert expected.abs() > 1e-3
    assert (sides[0] - sides[1]) / (2 * step) == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("backbone", IMAGES)
def test_channels_last_changes_nothing(backbone):
    """Also that nothing views a map as if its memory lay otherwise."""
    g, d = players(backbone, (3, 32, 32), {"upsample": "pixelshuffle"}, {"norm": "layer"}, ("score", "reconstruction"))
    z = torch.randn(4, 5)
    plain = d(Batch(g(z)))
    for network in (g, d):
        network.to(memory_format=torch.channels_last)
    images = g(z).to(memory_format=torch.channels_last)
    again = d(Batch(images))
    torch.testing.assert_close(images, plain.images, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(again.score, plain.score, atol=1e-5, rtol=1e-4)
    again.reconstruction.mean().backward()
    assert all(p.grad is not None for p in g.parameters())
