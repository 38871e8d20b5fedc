"""Checks of backbones, upsamplers and norms."""

import copy
import warnings
from itertools import product
from typing import Any, TypeVar

import torch
from torch import Tensor

from ganzoo.batch import Batch
from ganzoo.contracts.base import Check, check_settings, listed, require
from ganzoo.contracts.training import check_resume
from ganzoo.networks import (
    BACKBONES,
    UPSAMPLERS,
    Discriminator,
    Generator,
    discriminator_schema,
    generator_schema,
    initialize,
    make_discriminator,
    make_generator,
)
from ganzoo.networks.layers import make_norm, norm_has

Player = TypeVar("Player", Generator, Discriminator)
LATENT = 5
MAPS = (5, 6, 4, 4)
HEADS = ("score", "class_logits", "code_logits", "reconstruction")
SMALL: dict[str, dict[str, Any]] = {"images": {"width": 4, "max_width_multiple": 2}, "points": {"width": 8}}
"""Options of a small backbone, by its kind of data."""


def drawn(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """The same N(0, 1) numbers at every call."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def small_players(
    backbone: str, shape: tuple[int, int, int], heads: tuple[str, ...], classes: int = 0, **options: Any
) -> tuple[Generator, Discriminator]:
    """G and D of a backbone with weights from seed 0; an option that a player lacks is left out."""
    if BACKBONES[backbone].decoder is None:
        heads = tuple(head for head in heads if head != "reconstruction")
    given = SMALL[BACKBONES[backbone].data] | options
    keys = generator_schema(backbone), discriminator_schema(backbone, heads)
    g_table, d_table = ({key: value for key, value in given.items() if key in schema} for schema in keys)
    conditions = (
        ({"condition": "concat"}, {"condition": "channels" if shape[1] > 1 else "none"}) if classes else ({}, {})
    )
    g = make_generator(backbone, g_table | conditions[0], shape=shape, latent=LATENT, classes=classes)
    d = make_discriminator(backbone, d_table | conditions[1], shape=shape, heads=heads, classes=classes, code_outputs=4)
    for network, player in ((g, "generator"), (d, "discriminator")):
        initialize(network, "he", 0, player)
    return g, d


def shapes_of(backbone: str) -> list[tuple[int, int, int]]:
    """Shapes that a backbone must take: sizes and channels of images, or points."""
    if BACKBONES[backbone].data == "points":
        return [(2, 1, 1)]
    return [(channels, size, size) for size, channels in product((28, 32, 64), (1, 3))]


def options_are_keywords(name: str) -> None:
    """Options are keywords with types and defaults."""
    check_settings([*generator_schema(name).values(), *discriminator_schema(name).values()])


def shapes_are_right(name: str) -> None:
    """G gives images of the asked shape, D one score an image and `features` features."""
    for shape in shapes_of(name):
        g, d = small_players(name, shape, ("score",), output="tanh")
        images = g(drawn(2, LATENT))
        require(images.shape == (2, *shape), f"decoder for {shape}: images {tuple(images.shape)}")
        judged = d(Batch(images))
        require(
            judged.features.shape == (2, d.encoder.features), f"encoder for {shape}: {tuple(judged.features.shape)}"
        )
        if BACKBONES[name].data == "images":
            require(images.abs().max() <= 1, f"decoder for {shape}: values outside [-1, 1]")


def gradients_reach_all(name: str) -> None:
    """Gradients reach every weight of both players."""
    check_gradients(name)


def check_gradients(backbone: str, **options: Any) -> None:
    """Raise `Broken` for a weight without a gradient: where a norm subtracts the bias before it, there must be no bias."""
    shape, labels = (2, 1, 1) if BACKBONES[backbone].data == "points" else (1, 28, 28), torch.arange(3)
    g, d = small_players(backbone, shape, HEADS, classes=3, **options)
    judged = d(Batch(g(drawn(3, LATENT), labels), labels))
    answers = [answer for head in HEADS if (answer := getattr(judged, head)) is not None]
    sums = [(answer * drawn(*answer.shape, seed=i)).sum() for i, answer in enumerate(answers)]
    torch.stack(sums).sum().backward()
    for player, network in (("decoder", g), ("encoder", d)):
        sizes = {key: 0.0 if p.grad is None else p.grad.abs().max().item() for key, p in network.named_parameters()}
        still = [key for key, size in sizes.items() if not size or size < 1e-6 * max(sizes.values())]
        require(not still, f"{player}: no gradient for {listed(still)}")


def second_derivative_exists(name: str) -> None:
    """A gradient penalty on D has a gradient."""
    shape = shapes_of(name)[0]
    _, d = small_players(name, shape, ("score",), norm="none")
    x = drawn(3, *shape).requires_grad_()
    (slope,) = torch.autograd.grad(d(Batch(x)).score.sum(), x, create_graph=True)
    require(slope.requires_grad, "encoder: the slope of D has no gradient, so no gradient penalty works")
    slope.square().sum().backward()


def weights_are_everything(name: str) -> None:
    """Both players give the same from their saved tensors alone, as a release is loaded."""
    shape = shapes_of(name)[0]
    g, d = small_players(name, shape, ("score",))
    z = drawn(2, LATENT)
    images = g.eval()(z)
    score = d.eval()(Batch(images)).score
    loaded_g, loaded_d = from_saved_tensors(g), from_saved_tensors(d)
    same = torch.equal(loaded_g(z), images) and torch.equal(loaded_d(Batch(images)).score, score)
    require(same, "a tensor is missing in the state dict: make it a persistent buffer, or compute it in forward")


def from_saved_tensors(network: Player) -> Player:
    """A copy of `network` that has nothing but the tensors of its state dict."""
    blank: Player = copy.deepcopy(network)
    for tensor in (*blank.parameters(), *blank.buffers()):
        tensor.data.fill_(torch.nan if tensor.is_floating_point() else 0)
    blank.load_state_dict(network.state_dict())
    return blank


def backbone_trains(name: str) -> None:
    """Two steps on data of its kind, and a resume after the first has the same bytes."""
    small = SMALL[BACKBONES[name].data]
    schemas = {"generator": generator_schema(name), "discriminator": discriminator_schema(name)}
    tables = {player: {k: small.get(k, p.default) for k, p in schema.items()} for player, schema in schemas.items()}
    data = {"spec": "ring" if BACKBONES[name].data == "points" else "digits"}
    check_resume({"networks": {"name": name, **tables}, "data": data})


def factor_of_two(name: str) -> None:
    """The upsampler doubles height and width for every kernel, with and without a bias."""
    for kernel, bias in product((None, 1, 2, 3, 4, 5), (True, False)):
        with warnings.catch_warnings(action="ignore"):  # a kernel that covers the output unevenly is allowed
            module = UPSAMPLERS[name](3, 2, kernel=kernel, bias=bias)
        initialize(module, "he", 0, "resampler")
        shape, where = tuple(module(drawn(2, 3, 6, 6)).shape), f"kernel {kernel}, bias {bias}"
        require(shape == (2, 2, 12, 12), f"{where}: (2, 3, 6, 6) becomes {shape}, expected (2, 2, 12, 12)")
        require(
            ("bias" in str(list(module.state_dict()))) is bias, f"{where}: the weights are {list(module.state_dict())}"
        )


def upsampler_trains(name: str) -> None:
    """Two steps on digits, and a resume after the first has the same bytes."""
    check_resume({"networks": {"generator": {"upsample": name}}})


def traits_are_right(name: str) -> None:
    """The norm has the traits that it states, and takes vectors unless it is for maps only."""
    if name == "virtual":  # its output depends on its reference, which tests/networks/test_virtual_batch_norm.py covers
        return
    norm, x = make_norm(name, 6), drawn(*MAPS)
    require(norm(x).shape == MAPS, f"{MAPS} becomes {tuple(norm(x).shape)}")
    others = torch.cat([x[:1], drawn(*MAPS, seed=1)[1:]])
    mixes = not torch.allclose(norm(x)[0], norm(others)[0], atol=1e-6)
    require(
        mixes is norm_has(name, "mixes_samples"),
        f"a sample depends on the others: {mixes}; set mixes_samples = {mixes}",
    )
    subtracts = torch.allclose(norm(x), norm(x + drawn(6, 1, 1, seed=2)), atol=1e-4)
    fix = f"set subtracts_mean = {subtracts}"
    require(subtracts is norm_has(name, "subtracts_mean"), f"the mean of a channel is subtracted: {subtracts}; {fix}")
    if not norm_has(name, "maps_only"):
        require(norm(x[..., 0, 0]).shape == MAPS[:2], "vectors (N, C) change their shape; set maps_only = True")


def norm_has_second_derivatives(name: str) -> None:
    """First and second derivatives agree with finite differences."""
    if name == "virtual":
        return
    norm = make_norm(name, 2).double()
    for i, parameter in enumerate(norm.parameters()):
        parameter.data = drawn(*parameter.shape, seed=i, dtype=torch.float64)
    x = drawn(3, 2, 3, 3, dtype=torch.float64).requires_grad_()
    torch.autograd.gradcheck(norm, x)
    torch.autograd.gradgradcheck(norm, x)


def norm_lets_gradients_through(name: str) -> None:
    """Gradients reach every weight of both players with this norm."""
    for backbone in BACKBONES:
        if BACKBONES[backbone].data == "images" or not norm_has(name, "maps_only"):
            check_gradients(backbone, norm=name)


def norm_trains(name: str) -> None:
    """Two steps on digits, and a resume after the first has the same bytes."""
    check_resume({"networks": {"generator": {"norm": name}, "discriminator": {"norm": name}}})


BACKBONE_CHECKS: tuple[Check, ...] = (
    options_are_keywords,
    shapes_are_right,
    gradients_reach_all,
    second_derivative_exists,
    weights_are_everything,
    backbone_trains,
)
UPSAMPLER_CHECKS: tuple[Check, ...] = (factor_of_two, upsampler_trains)
NORM_CHECKS: tuple[Check, ...] = (
    traits_are_right,
    norm_has_second_derivatives,
    norm_lets_gradients_through,
    norm_trains,
)
