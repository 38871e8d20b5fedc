"""Every real that D judges is counted, and BEGAN's balance is of the reals that L_D has."""

from __future__ import annotations

import copy

import pytest
import torch

from ganzoo.builder import build_modules, resolve_config
from ganzoo.config.tables import merge
from ganzoo.experiments.budget import parse_budget, steps_for_budget
from ganzoo.losses.began import UNKNOWN, energy
from ganzoo.training import checkpoint
from ganzoo.training.loop import make_trainer
from ganzoo.training.trainer import Trainer
from small_runs import small, switched, toy_data

FEATURES = switched(["feature-matching"])
CASES = {
    "nsgan": ("nsgan", {}),
    "rpgan": ("rpgan", {}),
    "rpgan-g-batch": ("rpgan", {"train": {"g_batch_multiple": 2}}),
    "rpgan-2-to-1": ("rpgan", {"train": {"ratio": "2:1"}}),
    "rpgan-1-to-2": ("rpgan", {"train": {"ratio": "1:2"}}),
    "rpgan-warm-up": ("rpgan", {"train": {"critic_warmup": {"d_steps": 3, "first": 1, "every": 3}}}),
    "rpgan-past-players": ("rpgan", switched(["past-players"])),
    "rpgan-accumulate": ("rpgan", {"train": {"gradient_accumulation": 2}}),
    "rpgan-thresholds": ("rpgan", {"train": {"loss_thresholds": {"g": -1e9, "most": 2}}}),
    "ssgan": ("ssgan", {}),
    "ssgan-g-batch": ("ssgan", {"train": {"g_batch_multiple": 3, "ratio": "3:2"}}),
    "feature-matching": ("nsgan", FEATURES),
    "feature-matching-hinge": ("hinge", merge(FEATURES, {"train": {"ratio": "5:1"}})),
    "feature-matching-of-weight-0": ("nsgan", {"tricks": {"feature_matching": {"weight": 0}}}),
    "label-noise": ("nsgan", switched(["label-noise", "replay"])),
    "began": ("began", {}),
}
"""Games whose G reads reals, and some whose G does not."""


def made(variant: str, **tables) -> Trainer:
    data = toy_data()
    return make_trainer(resolve_config(small(variant, **tables), data), data)


def counting(t: Trainer) -> list[int]:
    """The sizes of the batches of reals that `t` takes from now on."""
    sizes, reals = [], t.reals
    t.reals = lambda n: (sizes.append(n), reals(n))[1]  # type: ignore[method-assign]
    return sizes


@pytest.mark.parametrize("case", CASES)
def test_images_are_all_reals_that_were_drawn(case):
    variant, tables = CASES[case]
    t = made(variant, **tables)
    sizes = counting(t)
    for _ in range(4):
        t.train_step()
    assert t.images == sum(sizes) > 0


@pytest.mark.parametrize("images", [1, 17, 40])
@pytest.mark.parametrize("case", [case for case in CASES if "thresholds" not in case])
def test_a_budget_of_images_is_of_all_of_them(case, images):
    variant, tables = CASES[case]
    t, drawn = made(variant, **tables), 0
    sizes = counting(t)
    while drawn < images:
        t.train_step()
        drawn = sum(sizes)
    assert steps_for_budget(parse_budget(f"images={images}"), t.config.train, t.game.g_reads_real) == t.step


def test_a_counter_of_before_is_kept_and_goes_on():
    t = made("rpgan")
    t.set_counters(t.counters() | {"images": 1000})
    t.train_step()
    assert t.images == 1000 + 2 * t.config.train.batch_size


PLAIN = {"loss": {"lambda_k": 0.5}, "networks": {"discriminator": {"norm": "none"}}}
"""Without batch norm D says of a real in a part of its batch what it says in the whole."""
BALANCES = {
    "as-shipped": {},
    "gamma": {"loss": {"gamma": 0.3, "lambda_k": 0.1}},
    "2-to-1": {"train": {"ratio": "2:1"}},
    "1-to-2": {"train": {"ratio": "1:2"}},
    "g-batch": {"train": {"g_batch_multiple": 2}},
    "accumulate": {"train": {"gradient_accumulation": 2, "g_batch_multiple": 2}},
    "mixed": switched(["label-noise", "replay"]),
    "mixed-parts": merge(switched(["label-noise"]), {"train": {"gradient_accumulation": 2}}),
    "past-players": switched(["past-players"]),
}


@pytest.mark.parametrize("case", BALANCES)
def test_k_moves_by_the_clean_reals_of_the_last_d_step(case):
    """k computed by hand, with e(x) of the next reals under D as it is before its update."""
    t = made("began", **merge(PLAIN, BALANCES[case]))
    e_reals, balances, d_learns, moved = [], [], t.d_update, t.loss.after_g_step

    def d_step(real):
        with torch.no_grad():
            e_reals.append(energy(copy.deepcopy(t.D)(real)).item())
        return d_learns(real)

    def g_step(real, fake):
        balances.append(t.loss.gamma * e_reals[-1] - energy(fake).item())
        moved(real, fake)

    t.d_update, t.loss.after_g_step = d_step, g_step  # type: ignore[method-assign]
    k, seen = 0.0, 0
    for _ in range(5):
        t.train_step()
        for balance in balances[seen:]:
            k = min(1.0, max(0.0, k + t.loss.lambda_k * balance))
        seen = len(balances)
        assert t.loss.k.item() == pytest.approx(k, abs=1e-6)
    assert seen == (3 if case == "past-players" else 5) and k > 0


def test_k_does_not_move_before_d_has_judged_a_real():
    t = made("began")
    state = {key: value for key, value in t.loss.state_dict().items() if key != "real_energy"}  # an old state
    t.loss.load_state_dict(state | {"k": torch.tensor(0.25)})
    assert t.loss.real_energy.item() == UNKNOWN
    convergence = t.loss.convergence.item()
    t.g_step()
    assert t.loss.k.item() == 0.25 and t.loss.convergence.item() == convergence


def test_a_state_of_before_is_resumed():
    t = made("began")
    for _ in range(2):
        t.train_step()
    state = {name: value.clone() for name, value in checkpoint.state_tensors(t).items()}
    del state["loss.real_energy"]
    again = made("began")
    checkpoint.load_state_into(again, state, t.counters())
    for trainer in (t, again):
        trainer.train_step()
    assert all(torch.equal(v, checkpoint.state_tensors(again)[k]) for k, v in checkpoint.state_tensors(t).items())


def test_began_reads_no_reals_in_gs_steps():
    assert not build_modules(made("began").config).g_reads_real
