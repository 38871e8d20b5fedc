"""What cannot run by graph runs without, and says so; what a graph needs of an optimiser."""

from __future__ import annotations

import math

import pytest
import torch
from by_graph import agree, eager, graphed, is_captured
from test_variants import EVERY, trainer

from ganzoo import api
from ganzoo.optimizers import OPTIMIZERS, keep_lr_on_device, set_options
from ganzoo.training.cuda_graphs import graph_obstacles
from ganzoo.training.run_dir import RunDir
from small_runs import small, toy_data

pytestmark = pytest.mark.usefixtures("rmsprop_is_capturable_on_a_cpu")


def test_a_step_that_cannot_be_captured_goes_on_as_it_is_and_says_so_once():
    one, t = eager("nsgan"), graphed("nsgan")
    for each in (one, t):
        each.G.register_forward_hook(lambda network, z, images: images + torch.randn(()) * 0)
    assert agree(one, t)
    (line,) = t.graphs.messages
    assert line.startswith("train.cuda_graphs has no effect: a step could not be captured (") and "random" in line


def test_virtual_norms_with_noise_can_be_captured():
    tables = {"networks": {"generator": {"norm": "virtual", "noise": 0.1, "dropout": 0.1}}}
    t = graphed("nsgan", **tables)
    assert agree(eager("nsgan", **tables), t) and is_captured(t)


def test_an_error_of_the_step_itself_is_not_hidden():
    t = graphed("nsgan")
    t.D.register_forward_hook(lambda *_: torch.zeros(2) + torch.zeros(3))
    with pytest.raises(RuntimeError, match="must match"):
        t.train_step()


def reasons(variant: str = "nsgan", device: str = "cuda", processes: int = 1, **tables) -> list[str]:
    t = trainer(variant, **tables)
    train = t.config.train.model_copy(update={"device": device})
    return list(graph_obstacles(train, [t.loss, *t.tricks], processes))


@pytest.mark.parametrize("variant", EVERY)
def test_no_variant_has_a_reason_against_graphs_on_cuda(variant):
    assert reasons(variant) == []


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ({"device": "cpu"}, "the device is cpu"),
        ({"processes": 2}, "2 processes train"),
        ({"tricks": {"past_players": True}}, "past_players runs different operations"),
        (
            {"networks": {"discriminator": {"norm": "none"}}, "tricks": {"r1": {"every": 2}}},
            "r1 runs different operations",
        ),
    ],
)
def test_what_speaks_against_graphs_is_said(where, reason):
    (said,) = reasons(**where)
    assert said.startswith(reason)


def test_without_cuda_a_run_says_why_and_trains_as_without(tmp_path, capsys):
    lines = {}
    for wanted in (False, True):
        config = small("nsgan", train={"steps": 3, "cuda_graphs": wanted})
        api.train(config, toy_data(), tmp_path / str(wanted), quiet=False)
        lines[wanted] = [line for line in capsys.readouterr().err.splitlines() if "cuda_graphs" in line]
    assert lines == {False: [], True: ["train.cuda_graphs has no effect: the device is cpu"]}
    one, other = ((tmp_path / name / "release/generator.safetensors").read_bytes() for name in ("False", "True"))
    assert one == other


def test_a_run_may_be_resumed_with_graphs(tmp_path):
    run = api.train(small("nsgan", train={"steps": 2}), toy_data(), tmp_path / "run")
    config = RunDir.open(run).config()
    wanted = config.model_copy(update={"train": config.train.model_copy(update={"steps": 3, "cuda_graphs": True})})
    assert RunDir.open(api.resume(run, wanted, toy_data())).config().train.cuda_graphs


def descended(name: str, on_device: bool) -> torch.Tensor:
    """A weight after three steps, each at another rate."""
    weight = torch.nn.Parameter(torch.linspace(-1, 1, 9))
    optimiser = OPTIMIZERS[name]([weight])
    if on_device:
        keep_lr_on_device(optimiser)
    for step in range(3):
        set_options(optimiser, 1 - step / 4, {})
        weight.grad = (weight - 0.3).detach() ** 3
        optimiser.step()
    return weight.detach()


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_a_rate_on_the_device_is_the_rate(name):
    torch.testing.assert_close(descended(name, True), descended(name, False), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_a_rate_on_the_device_stays_where_it_is(name):
    optimiser = OPTIMIZERS[name]([torch.nn.Parameter(torch.zeros(3))], lr=0.5)
    keep_lr_on_device(optimiser)
    rate = optimiser.param_groups[0]["lr"]
    for factor in (0.5, 0.25):
        set_options(optimiser, factor, {})
        assert optimiser.param_groups[0]["lr"] is rate and math.isclose(rate.item(), 0.5 * factor)
