"""Every part of the package keeps the contracts of its kind: the checks of `ganzoo check`, one test each."""

from __future__ import annotations

import pytest

from ganzoo.contracts import CHECKS
from ganzoo.contracts.network import check_gradients
from ganzoo.contracts.trick import runs_with
from ganzoo.losses import LOSSES
from ganzoo.networks import BACKBONES, generator_schema
from ganzoo.networks.layers import NORMS, norm_has
from ganzoo.parts import KINDS
from ganzoo.tricks import TRICKS
from small_runs import losses_against

NEEDS_A_FILE = "mnist fashion-mnist cifar10 svhn stl10 celeba lsun folder npz hf stacked-digits stacked-mnist".split()
"""Sources with a file, a download or half a minute of work; tests/data has tests of each."""
LEFT_OUT = {("norm", "virtual"), *(("data source", name) for name in NEEDS_A_FILE)}
"""Parts whose own tests say more: virtual norm depends on its reference (tests/networks/test_virtual_batch_norm.py)."""
ELSEWHERE = {("trick", "runs_with_every_loss"), ("loss", "trains_and_resumes"), ("trick", "trains_and_resumes")}
"""Checks that are one test for each pair below, or part of tests/training/test_exact_resume.py."""
CASES = [
    pytest.param(name, check, id=f"{kind.name}-{name}-{check.__name__}")
    for kind in KINDS
    for name in kind.registry
    for check in CHECKS[kind.name]
    if (kind.name, name) not in LEFT_OUT and (kind.name, check.__name__) not in ELSEWHERE
]


@pytest.mark.parametrize(("name", "check"), CASES)
def test_contract(name, check):
    check(name)


def test_every_kind_has_checks():
    assert [*CHECKS] == [kind.name for kind in KINDS] and all(CHECKS.values())
    assert {*NEEDS_A_FILE} < {*KINDS[-1].registry}


@pytest.mark.parametrize("name", list(TRICKS))
@pytest.mark.parametrize("loss", list(LOSSES))
def test_every_trick_runs_with_every_loss_that_it_does_not_refuse(loss, name):
    assert runs_with(loss, name) is (loss not in losses_against(name))


@pytest.mark.parametrize(
    ("backbone", "norm"),
    [
        (b, n)
        for b in BACKBONES
        for n in NORMS
        if "norm" in generator_schema(b) and (BACKBONES[b].data == "images" or not norm_has(n, "maps_only"))
    ],
)
def test_gradients_reach_every_parameter(backbone, norm):
    """Where a norm subtracts the bias before it, there is no bias."""
    check_gradients(backbone, norm=norm)
