"""R3GAN's network against its published configuration: weights counted, a pass by hand, the spread of each weight."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F

from ganzoo.batch import Batch
from ganzoo.builder import resolve_config
from ganzoo.errors import InputError
from ganzoo.kernels.dispatch import plain_operators
from ganzoo.networks import BACKBONES, initialize, make_discriminator, make_generator
from ganzoo.networks.r3gan import group_count
from small_runs import small, toy_data

PUBLISHED = {"width": 768, "blocks": 2, "expansion": 2, "group_width": 16}
"""CIFAR-10 in the authors' train.py: 768 channels, 2 blocks and cardinality 96 in each of four stages."""
BLOCK = 2 * 768 * 1536 + 1536 * 16 * 9 + 2 * 1536
LOW = torch.tensor([1.0, 3.0, 3.0, 1.0])


def players(g=None, d=None, shape=(3, 16, 16), classes=0, init="fixup"):
    generator = make_generator("r3gan", {"width": 6} | (g or {}), shape=shape, latent=5, classes=classes)
    discriminator = make_discriminator("r3gan", {"width": 6} | (d or {}), shape=shape, classes=classes)
    initialize(generator, init, 0, "generator")
    initialize(discriminator, init, 0, "discriminator")
    return generator, discriminator


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_weights_of_the_published_networks():
    """Unconditional, and with the labels of ten classes as the authors trained it."""
    options = {"shape": (3, 32, 32)}
    g = make_generator("r3gan", PUBLISHED, latent=64, **options)
    assert count(g) == 768 * 16 + 64 * 768 + 8 * BLOCK + 768 * 3
    g = make_generator("r3gan", PUBLISHED | {"condition": "concat", "embedding": 64}, latent=64, classes=10, **options)
    assert count(g) == 10 * 64 + 768 * 16 + 128 * 768 + 8 * BLOCK + 768 * 3 == 20_781_952
    d = make_discriminator("r3gan", PUBLISHED | {"score_bias": False}, **options)
    assert count(d) == 3 * 768 + 8 * BLOCK + 768 * 16 + 768
    d = make_discriminator("r3gan", PUBLISHED | {"condition": "product", "embedding": 768}, classes=10, **options)
    assert count(d) == 3 * 768 + 8 * BLOCK + 768 * 16 + 768 * 768 + 10 * 768 == 21_280_512
    assert {m.groups for m in d.encoder.modules() if getattr(m, "kernel_size", None) == (3, 3)} == {96}


def test_widths_of_the_published_network_for_64_pixels():
    d = make_discriminator("r3gan", PUBLISHED | {"width": 384, "max_width_multiple": 2}, shape=(3, 64, 64))
    grouped = [m for m in d.encoder.modules() if getattr(m, "kernel_size", None) == (3, 3)]
    assert [(m.in_channels // 2, m.groups) for m in grouped] == 2 * [(384, 48)] + 8 * [(768, 96)]


def block_by_hand(x, w, name, groups):
    y = F.conv2d(x, w[f"{name}.first.weight"]) + w[f"{name}.first.bias"][:, None, None]
    y = F.conv2d(F.leaky_relu(y, 0.2), w[f"{name}.second.weight"], padding=1, groups=groups)
    y = F.leaky_relu(y + w[f"{name}.second.bias"][:, None, None], 0.2)
    return x + F.conv2d(y, w[f"{name}.last.weight"])


def resampled_by_hand(x, up):
    """Each channel alone, by the kernel of the authors' reference."""
    kernel = torch.outer(LOW, LOW)[None, None].to(x.dtype) / 64
    maps = x.flatten(0, 1)[:, None]
    y = F.conv_transpose2d(maps, 4 * kernel, None, 2, 1) if up else F.conv2d(maps, kernel, None, 2, 1)
    return y[:, 0].unflatten(0, x.shape[:2])


def drawn(network):
    """Every weight at random, also those that start at 0."""
    g = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data = torch.randn(parameter.shape, generator=g).double() / parameter[0].numel() ** 0.5
    return network.double(), {
        name.removeprefix("decoder.").removeprefix("encoder."): p for name, p in network.named_parameters()
    }


def test_a_pass_by_hand():
    """A block at each of 4, 8 and 16 pixels, of 12, 12 and 6 channels, with labels."""
    table = {"width": 6, "max_width_multiple": 2, "blocks": 1, "group_width": 4}
    shape, labels = (3, 16, 16), torch.tensor([1, 0])
    g, w = drawn(
        make_generator("r3gan", table | {"condition": "concat", "embedding": 2}, shape=shape, latent=5, classes=2)
    )
    z = torch.randn(2, 5).double()
    factor = torch.cat([z, w["embedding.weight"][labels]], 1) @ w["stem.linear.weight"].T
    x = block_by_hand(factor[:, :, None, None] * w["stem.map"], w, "block1_1", 6)
    x = block_by_hand(resampled_by_hand(x, up=True), w, "block2_1", 6)
    x = resampled_by_hand(F.conv2d(x, w["up2.widen.weight"]), up=True)
    x = F.conv2d(block_by_hand(x, w, "block3_1", 3), w["image.conv.weight"])
    torch.testing.assert_close(g(z, labels), x, atol=1e-10, rtol=1e-10)

    d, w = drawn(make_discriminator("r3gan", table | {"condition": "product", "embedding": 7}, shape=shape, classes=2))
    y = block_by_hand(F.conv2d(x, w["image.weight"]), w, "block1_1", 3)
    y = F.conv2d(resampled_by_hand(y, up=False), w["down1.widen.weight"])
    y = resampled_by_hand(block_by_hand(y, w, "block2_1", 6), up=False)
    y = F.conv2d(block_by_hand(y, w, "block3_1", 6), w["readout.weight"], groups=12).flatten(1)
    product = (y @ w["heads.score.linear.weight"].T) * w["heads.score.embedding.weight"][labels]
    torch.testing.assert_close(d(Batch(x, labels)).score, product.sum(1), atol=1e-10, rtol=1e-10)


def test_the_start_is_fixups():
    """N(0, gain^2 / fan-in); the last convolution of a block starts at 0, so a block starts as the identity."""
    conditions = {"condition": "concat", "embedding": 400}, {"condition": "product", "embedding": 300}
    sizes = {"width": 64, "blocks": 3}
    g, d = players(*(sizes | condition for condition in conditions), classes=25)
    within = (2 / 1.04) ** 0.5 * 9**-0.25
    expected = {
        "decoder.stem.map": 1,
        "decoder.stem.linear.weight": 405**-0.5,
        "embedding.weight": 25**-0.5,
        "decoder.image.conv.weight": 64**-0.5,
        "encoder.image.weight": 3**-0.5,
        "encoder.readout.weight": 1 / 4,
        "heads.score.linear.weight": 64**-0.5,
        "heads.score.embedding.weight": (25 * 300) ** -0.5,
    }
    for name, p in (*g.named_parameters(), *d.named_parameters()):
        if name.endswith(("bias", "last.weight")):
            assert not p.any(), name
            continue
        std = {"first": within / 64**0.5, "second": within / 144**0.5}.get(name.split(".")[-2]) or expected[name]
        assert p.std().item() == pytest.approx(std, rel=0.12), name
    x = torch.randn(2, 64, 8, 8)
    assert torch.equal(g.decoder.block1_1(x), x)


@pytest.mark.parametrize(
    ("channels", "width", "groups"), [(1536, 16, 96), (12, 16, 1), (40, 16, 2), (24, 16, 1), (54, 16, 3)]
)
def test_groups_divide_every_number_of_channels(channels, width, groups):
    assert group_count(channels, width) == groups


@pytest.mark.parametrize("size", [28, 32, 48])
def test_rewritten_operators_give_the_same_numbers(size):
    """Images, scores, a gradient penalty and its slope in every weight."""
    g, d = (network.double() for network in players({"group_width": 4}, {"group_width": 4}, (1, size, size), init="he"))

    def numbers():
        images = g(torch.randn(3, 5, generator=torch.Generator().manual_seed(0)).double())
        score = d(Batch(images)).score
        (slope,) = torch.autograd.grad(score.sum(), images, create_graph=True)
        weights = [p for name, p in d.named_parameters() if name != "heads.score.bias"]
        return (
            images,
            score,
            slope,
            *torch.autograd.grad(slope.square().sum(), [*weights, *g.parameters()], materialize_grads=True),
        )

    with plain_operators():
        expected = numbers()
    for ours, theirs in zip(numbers(), expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-10 * theirs.abs().max().item(), rtol=0)


def test_maps_on_cuda_have_their_channels_last():
    with FakeTensorMode(), torch.device("cuda"):
        g, d = (
            make_generator("r3gan", {"width": 6}, shape=(3, 16, 16), latent=5),
            BACKBONES["r3gan"].encoder((3, 16, 16), width=6),
        )
        last, maps = torch.channels_last, []
        for layer in (*g.modules(), *d.modules()):
            layer.register_forward_hook(lambda _layer, _x, y: maps.append(y) if y.ndim == 4 else None)
        d(g(torch.empty(2, 5)))
    assert len(maps) > 40 and all(y.is_contiguous(memory_format=last) for y in maps)


def test_what_does_not_work_is_refused():
    with pytest.raises(InputError, match="r3gan has no norm; use condition = 'concat'"):
        make_generator("r3gan", {"condition": "batch-norm"}, shape=(1, 16, 16), latent=5, classes=2)
    with pytest.raises(InputError, match=r"zero weights of networks.init='fixup'; set networks.init='he'"):
        resolve_config(
            small("nsgan", networks={"name": "r3gan", "discriminator": {"spectral_norm": True}}),
            toy_data(),
        )
    with pytest.raises(ValueError, match="needs labels"):
        players(d={"condition": "product"}, classes=2)[1](Batch(torch.randn(2, 3, 16, 16)))
