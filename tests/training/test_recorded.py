"""The rules on recorded logs (`benchmarks/monitor.py` makes them): failures are named, what is healthy is left alone."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest

from ganzoo.losses import LOSSES
from ganzoo.training.rules import diagnose

HERE = Path(__file__).parent / "recorded"


def read(name: str) -> dict[str, dict]:
    return json.loads(lzma.decompress((HERE / f"{name}.json.xz").read_bytes()))


FAILING, HEALTHY = read("failing"), read("healthy")
NAMED = {
    "D's rate x100, no norm": {"gradient-explodes": 100},
    "D far ahead": {"d-has-won": 200, "gradient-vanishes": 200},
    "no penalty, huge rates": {"gradient-explodes": 100},
    "no penalty": {"gradient-explodes": 100},
    "D hardly learns": {"d-is-fooled": 500},
    "G ignores z": {"samples-alike": 500},
    "G ignores z, labels given": {"samples-alike": 500},
    "the players chase each other": {"oscillates": 1000},
    "NaN injected": {"not-finite": 160},
}
"""What must be named, and by which step."""
EXPECTED = {"began": {"samples-alike"}}
"""Findings that an objective is known for: BEGAN begins with samples all alike, while k is near 0."""


def findings(log: dict) -> dict[str, int]:
    return {finding.rule: finding.step for finding in diagnose(log["records"], LOSSES[log["loss"]].watch)}


def test_every_kind_of_failure_has_a_run():
    assert FAILING.keys() == NAMED.keys()


@pytest.mark.parametrize("run", list(NAMED))
def test_what_was_made_to_fail_is_named_in_time(run):
    found = findings(FAILING[run])
    for rule, step in NAMED[run].items():
        assert found.get(rule, 10**9) <= step, found


@pytest.mark.parametrize("run", list(HEALTHY))
def test_what_is_healthy_is_left_alone(run):
    assert findings(HEALTHY[run]).keys() <= EXPECTED.get(HEALTHY[run]["loss"], set())


def test_every_variant_has_healthy_runs():
    variants = {run.rpartition("-s")[0] for run in HEALTHY}
    assert len(variants) == 14 and len(HEALTHY) >= 2 * len(variants)
