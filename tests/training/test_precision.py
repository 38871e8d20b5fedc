"""Networks in bfloat16: where it applies, how near the gradients stay, and how `auto` decides."""

from __future__ import annotations

import pytest
import torch
from operator_counts import Operators
from test_variants import EVERY

from ganzoo import api
from ganzoo.builder import build_modules, resolve_config
from ganzoo.data import BatchLoader
from ganzoo.networks.heads import Score
from ganzoo.rng import RngScope
from ganzoo.training import loop
from ganzoo.training.run_dir import RunDir
from ganzoo.training.trainer import Trainer
from small_runs import small, toy_data


def trainer(variant: str, precision: str, **tables) -> Trainer:
    data = toy_data()
    train = {"precision": precision, "batch_size": 16} | tables.pop("train", {})
    config = resolve_config(small(variant, train=train, **tables), data)
    return Trainer(build_modules(config), BatchLoader(data, config.seed), config)


def gradient(variant: str, precision: str, player: str, **tables) -> torch.Tensor:
    """Of one step of D or of G from the first weights."""
    made = trainer(variant, precision, **tables)
    with RngScope(0, player.lower(), 0):
        (made.d_step if player == "D" else made.g_step)()
    weights = getattr(made, player).parameters()
    return torch.cat([p.grad.flatten() for p in weights if p.grad is not None])


VIRTUAL = {"networks": {"discriminator": {"norm": "virtual"}, "generator": {"norm": "virtual"}}}
OTHERS = [
    ("nsgan", {"networks": {"name": "resnet"}}),
    ("nsgan", VIRTUAL),
    ("nsgan", {"networks": {"discriminator": {"minibatch_features": "discrimination"}}}),
    ("hinge", {"networks": {"discriminator": {"spectral_norm": True, "downsample": "pool"}}}),
]


@pytest.mark.parametrize("player", ["D", "G"])
@pytest.mark.parametrize(("variant", "tables"), [(name, {}) for name in EVERY] + OTHERS)
def test_gradients_are_those_of_float32_but_for_rounding(variant, tables, player):
    full, low = (gradient(variant, precision, player, **tables) for precision in ("float32", "bf16"))
    assert low.dtype == torch.float32 and not torch.equal(full, low)
    assert torch.cosine_similarity(full, low, 0) > 0.99
    assert low.norm() / full.norm() == pytest.approx(1, abs=0.05)


def test_scores_that_share_an_offset_differ_as_in_float32():
    """Rounded to bfloat16 the differences of losses of pairs would be off by 0.2 at an offset of 100."""
    score, features = Score(4), torch.randn(64, 4)
    with torch.no_grad():
        score.bias.fill_(100.0)
        with torch.autocast("cpu", torch.bfloat16):
            low = score(features)
        assert torch.equal(low, score(features))


def dtypes(made: Trainer) -> set[torch.dtype]:
    """Of the images and maps that the convolutions of a step read."""
    with Operators() as ran:
        made.train_step()
    return {args[0].dtype for name, _, args in ran.ran if name in ("convolution", "convolution_backward")}


PENALISED = ["wgan-gp", "dragan", "rpgan"]


@pytest.mark.parametrize("variant", PENALISED)
def test_penalties_in_bf16_change_gradients_by_rounding_only(variant):
    full, low = (
        gradient(variant, "float32", "D", train={"penalty_precision": precision}) for precision in ("float32", "bf16")
    )
    assert low.dtype == torch.float32 and not torch.equal(full, low)
    assert torch.cosine_similarity(full, low, 0) > 0.99
    assert low.norm() / full.norm() == pytest.approx(1, abs=0.05)


def test_only_penalties_convolve_in_float32():
    assert dtypes(trainer("hinge", "bf16")) == {torch.bfloat16}
    assert dtypes(trainer("wgan-gp", "bf16")) == {torch.bfloat16, torch.float32}
    assert dtypes(trainer("wgan-gp", "float32")) == {torch.float32}
    for variant in PENALISED:
        for of_penalties in ("bf16", "same"):
            assert dtypes(trainer(variant, "bf16", train={"penalty_precision": of_penalties})) == {torch.bfloat16}
    assert dtypes(trainer("wgan-gp", "float32", train={"penalty_precision": "same"})) == {torch.float32}


def test_losses_weights_and_moments_stay_in_float32():
    made = trainer("began", "bf16")
    made.train_step()
    moments = [v for o in (made.opt_d, made.opt_g) for state in o.state.values() for v in state.values()]
    values = [
        *made.d_terms.values(),
        *made.g_terms.values(),
        *made.D.parameters(),
        *made.average.parameters(),
        *moments,
    ]
    said = [field for record in made.last_judged for field in (record.images, record.features, record.reconstruction)]
    assert {value.dtype for value in values + said} == {torch.float32}


@pytest.mark.parametrize(
    ("low", "chosen", "graphs"),
    [(0.5, "bf16", False), (0.95, "float32", False), (2.0, "float32", False), (0.5, "bf16", True)],
)
def test_auto_takes_bf16_where_it_is_a_tenth_faster_and_writes_it_down(low, chosen, graphs, monkeypatch, tmp_path):
    asked = []

    def seconds(made: Trainer) -> float:
        asked.append(made.config.train.precision)
        return low if asked[-1] == "bf16" else 1.0

    monkeypatch.setattr(loop, "step_seconds", seconds)
    config = small("nsgan", train={"precision": "auto", "steps": 1, "cuda_graphs": graphs})
    folder = api.train(config, toy_data(), tmp_path / "run")
    assert asked == ["float32", "bf16"] * (4 + 3 * graphs), "what comes before the capture counts for nothing"
    assert RunDir.open(folder).config().train.precision == chosen


def test_auto_measures_real_steps_without_a_trace_in_the_run(tmp_path):
    data = toy_data()
    settled = loop.resolve_precision(resolve_config(small("wgan", train={"precision": "auto"}), data), data)
    assert settled.train.precision in ("float32", "bf16")
    made = trainer("wgan", "bf16")
    assert loop.step_seconds(made) > 0 and (made.d_steps, made.g_steps) == (1, 1)


def test_a_bf16_run_goes_on_bit_for_bit(tmp_path):
    data, table = toy_data(), {"precision": "bf16", "save_every": 2}
    whole, half = (
        api.train(small("wgan-gp", train=table | {"steps": steps}), data, tmp_path / str(steps)) for steps in (4, 2)
    )
    api.resume(half, RunDir.open(whole).config(), data)
    mine, other = ((folder / "release/generator.safetensors").read_bytes() for folder in (whole, half))
    assert mine == other
