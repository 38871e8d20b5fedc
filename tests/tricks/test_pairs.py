"""Every switch alone with every loss, and every legal pair of switches in some run, by a covering design."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from itertools import combinations, cycle, product

import pytest

from ganzoo import TRICKS
from ganzoo.builder import build_modules, resolve_config
from ganzoo.config import resolve
from ganzoo.config.parsing import parse
from ganzoo.config.schema import Config
from ganzoo.config.tables import flatten, merge
from ganzoo.config.techniques import technique_settings, trick_switch
from ganzoo.data import BatchLoader
from ganzoo.experiments.technique_sets import conflict, incompatibility
from ganzoo.losses import LOSSES, Loss
from ganzoo.training.trainer import Trainer
from small_runs import losses_against, small, switched, toy_data

SWITCHES = tuple(technique_settings())
PLAIN = {
    "networks": {
        "generator": {"width": 2, "max_width_multiple": 2},
        "discriminator": {"width": 2, "max_width_multiple": 2, "norm": "none"},
    }
}
"""Without batch norm in D, so that penalties on its slope are legal at the start."""
DATA = toy_data(size=16)

# An autoencoding D has upsampling of its own, for which a kernel of 5 is odd.
pytestmark = pytest.mark.filterwarnings("ignore:a transposed convolution with kernel 5")


@pytest.fixture(scope="module", autouse=True)
def schemas_once():
    """The checks build each schema anew, which is most of their time."""
    build = resolve.parameters_model
    once = functools.cache(build)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resolve, "parameters_model", lambda name, parameters: once(name, tuple(parameters)))
        yield


@functools.cache
def base(loss: str) -> Config:
    condition = {"condition": "concat"} if LOSSES[loss].needs_labels else {}
    return small("nsgan", **merge(PLAIN, {"loss": {"name": loss}, "networks": {"generator": condition}}))


@functools.cache
def reason(loss: str, names: tuple[str, ...]) -> str | None:
    """Why the switches cannot be on together."""
    clashes = (conflict(name, names[:i]) for i, name in enumerate(names))
    return next(filter(None, clashes), None) or incompatibility(base(loss), DATA, flatten(switched(names)))


def train(loss: str, names: tuple[str, ...], steps: int = 3) -> None:
    config = resolve_config(parse(Config, merge(base(loss).model_dump(mode="json"), switched(names))), DATA)
    t = Trainer(build_modules(config), BatchLoader(DATA, config.seed, config.data.flip), config)
    for _ in range(steps):
        t.train_step()
    assert t.is_finite() and t.step == steps, names
    assert all(v.isfinite().all() for net in (t.G, t.D, t.average) for v in net.state_dict().values()), names


def losses_that(holds: Callable[[type[Loss]], object]) -> set[str]:
    return {name for name, loss in LOSSES.items() if holds(loss)}


def lacks_targets(loss: type[Loss]) -> bool:
    return "real_label" not in inspect.signature(loss).parameters


ALONE = {
    **{trick_switch(name): losses_against(name) for name in TRICKS},
    "labels": losses_that(lambda loss: loss.label_blind or loss.encodes or "class_logits" in loss.heads),
    "projection": losses_that(lambda loss: loss.label_blind or loss.encodes or "score" not in loss.heads),
    **dict.fromkeys(("sphere-latent", "uniform-latent", "virtual-norm"), losses_that(lambda loss: loss.encodes)),
    **dict.fromkeys(
        ("batch-norm", "minibatch-stddev", "minibatch-discrimination"),
        losses_that(lambda loss: loss.per_sample_gradients),
    ),
    **dict.fromkeys(("real-label-0", "one-sided-smoothing", "soft-labels"), losses_that(lacks_targets)),
}
"""The losses that refuse a switch that is on alone."""
ELSEWHERE = {"pixelshuffle", "nearest", "resnet", *map(trick_switch, TRICKS)}
"""Run alone with every loss in test_variants.py and test_contracts.py."""


@pytest.mark.parametrize("name", SWITCHES)
def test_every_switch_runs_alone_with_every_loss_but_those_that_refuse_it_with_a_reason(name):
    refused = {loss: why for loss in LOSSES if (why := reason(loss, (name,)))}
    assert refused.keys() == ALONE.get(name, set())
    assert all(len(why) > 20 and "\n" not in why for why in refused.values())
    for loss in LOSSES.keys() - refused.keys() if name not in ELSEWHERE else ():
        train(loss, (name,))


def one_of(*names: str) -> set[frozenset[str]]:
    return {frozenset(pair) for pair in combinations(names, 2)}


REFUSED = {
    *one_of("layer-norm", "batch-norm", "instance-norm", "virtual-norm", "no-norm"),
    *one_of("sphere-latent", "uniform-latent"),
    *one_of("pixelshuffle", "nearest"),
    *one_of("one-sided-smoothing", "soft-labels"),
    *one_of("orthogonal-init", "he-init"),
    *one_of("labels", "projection"),
    *one_of("minibatch-stddev", "minibatch-discrimination"),
    *map(
        frozenset,
        product(
            ("gp", "dragan-gp", "r1", "r2", "approximate-r1", "approximate-r2"),
            ("batch-norm", "minibatch-stddev", "minibatch-discrimination"),
        ),
    ),
    *map(frozenset, product(("projection",), ("instance-norm", "virtual-norm"))),
    *map(frozenset, product(("packing",), ("labels", "projection"))),
}
"""The pairs that no loss allows; the next test runs all others."""


@pytest.mark.parametrize("pair", sorted(map(sorted, REFUSED)), ids=" + ".join)
def test_a_pair_that_is_refused_is_so_with_a_reason(pair):
    for loss in LOSSES:
        why = reason(loss, tuple(pair))
        assert why and len(why) > 20 and "\n" not in why


def design() -> list[tuple[str, tuple[str, ...]]]:
    """Few runs, the losses in turn, in which every legal pair of switches occurs: the greedy choice, again and again."""
    todo, runs = one_of(*SWITCHES) - REFUSED, []
    for loss in cycle(LOSSES):
        seeds = [pair for pair in map(sorted, todo) if all(loss not in ALONE.get(name, ()) for name in pair)]
        if seeds:
            names = grown(loss, tuple(min(seeds)), todo)
            todo -= one_of(*names)
            runs.append((loss, names))
        if not todo:
            return runs


def grown(loss: str, names: tuple[str, ...], todo: set[frozenset[str]]) -> tuple[str, ...]:
    """`names` with what adds most of `todo`, one switch after the other."""
    while len(names) < TOGETHER:
        gain = {
            name: sum(frozenset((name, other)) in todo for other in names)
            for name in SWITCHES
            if name not in names and loss not in ALONE.get(name, ()) and not REFUSED & one_of(name, *names)
        }
        best = max(gain, key=gain.__getitem__, default=None)
        if best is None or not gain[best]:
            break
        names = (*names, best)
    return names


TOGETHER = 20
"""Switches of one run, at most."""


def test_every_legal_pair_occurs_in_a_run_of_three_steps():
    runs = design()
    assert set().union(*(one_of(*names) for _, names in runs)) == one_of(*SWITCHES) - REFUSED
    assert {loss for loss, _ in runs} == LOSSES.keys()
    for loss, names in runs:
        train(loss, names)


@pytest.mark.slow
@pytest.mark.parametrize("loss", list(LOSSES))
def test_the_full_product_of_a_loss_and_two_switches(loss):
    for names in combinations(SWITCHES, 2):
        if reason(loss, names) is None:
            train(loss, names)
