"""Training as it is run against training of the networks as built, in float64."""

from __future__ import annotations

import pytest
import torch
from operator_counts import Operators
from test_variants import EVERY

from ganzoo.builder import build_modules, resolve_config
from ganzoo.data import BatchLoader
from ganzoo.kernels.dispatch import plain_operators
from ganzoo.training.trainer import Trainer
from small_runs import small, toy_data

RESNET = {"name": "resnet", "generator": {"max_width_multiple": 2}, "discriminator": {"max_width_multiple": 2}}
DCGAN = {"discriminator": {"downsample": "pool"}, "generator": {"upsample": "nearest"}}


@pytest.fixture(autouse=True)
def in_float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def trainer(variant: str, **tables) -> Trainer:
    data = toy_data()
    config = resolve_config(small(variant, **tables), data)
    made = Trainer(build_modules(config), BatchLoader(data, config.seed), config)
    reals = made.reals
    made.reals = lambda n: (batch := reals(n)).with_images(batch.images.double())
    return made


def after(steps: int, variant: str, **tables) -> dict[str, torch.Tensor]:
    """Both players after some steps."""
    made = trainer(variant, **tables)
    for _ in range(steps):
        made.train_step()
    return {
        f"{player}.{name}": value
        for player, network in (("G", made.G), ("D", made.D))
        for name, value in network.state_dict().items()
    }


@pytest.mark.parametrize("networks", [{}, DCGAN, RESNET], ids=["as-shipped", "dcgan-resampled", "resnet"])
@pytest.mark.parametrize("variant", EVERY)
def test_three_steps_end_at_the_weights_of_the_networks_as_built(variant, networks):
    ours = after(3, variant, networks=networks)
    with plain_operators():
        theirs = after(3, variant, networks=networks)
        before = after(0, variant, networks=networks)
    assert ours.keys() == theirs.keys() and all(value.dtype != torch.float32 for value in ours.values())
    torch.testing.assert_close(ours, theirs, atol=1e-10, rtol=0)
    assert any((before[name] - value).abs().max() > 1e-5 for name, value in ours.items() if value.is_floating_point())


def kernels(variant: str, **discriminator) -> int:
    made = trainer(variant, networks={"discriminator": discriminator}, train={"ratio": "2:1"})
    with Operators() as ran:
        made.train_step()
    return ran.kernels


def test_a_step_of_d_with_a_penalty_runs_two_kernels_fewer_for_each_layer():
    """The backward of zeros, for images and weights of both layers; without a penalty a step takes as many as ever."""
    ours, ours_without = kernels("wgan-gp", norm="none"), kernels("hinge", norm="none")
    with plain_operators():
        assert kernels("hinge", norm="none") == ours_without
        assert kernels("wgan-gp", norm="none") == ours + 2 * 2 * 2
