"""The rules on recorded logs (`benchmarks/monitor.py` makes them): failures are named, what is healthy is left alone.

The earlier logs are of 1,000 steps, by the code before `unrest/away` was logged: they read as they did.
"""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest

from ganzoo.losses import LOSSES
from ganzoo.training.failure_rules import diagnose

HERE = Path(__file__).parent / "recorded"


def read(name: str) -> dict[str, dict]:
    return json.loads(lzma.decompress((HERE / f"{name}.json.xz").read_bytes()))


EARLIER_FAILING, EARLIER_HEALTHY = read("earlier-failing"), read("earlier-healthy")
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
NEW = {
    "D far ahead, soft target": {"d-has-won": 200, "gradient-vanishes": 200},
    "rates of 1000": {"loss-explodes": 20, "gradient-explodes": 20, "gradient-vanishes": 20},
    "ssgan, rates x100": {"gradient-explodes": 200},
    "100 digits": {"d-memorises": 480},
}
"""The same, of what the earlier logs do not have."""
EXPECTED = {"began": {"samples-alike"}}
"""Findings that an objective is known for: BEGAN begins with samples all alike, while k is near 0."""


def findings(log: dict) -> dict[str, int]:
    table = log["loss"] if isinstance(log["loss"], dict) else {"name": log["loss"]}
    loss = LOSSES[table["name"]](**{key: value for key, value in table.items() if key != "name"})
    return {finding.rule: finding.step for finding in diagnose(log["records"], loss.watch, loss.d_loss_bounds)}


def cell(run: str) -> str:
    return run.rpartition("-s")[0]


def test_every_kind_of_failure_has_a_run():
    assert EARLIER_FAILING.keys() == NAMED.keys()
    assert NEW.keys() <= set(map(cell, FAILING)) <= NAMED.keys() | NEW.keys()


def test_every_variant_has_healthy_runs():
    variants = set(map(cell, EARLIER_HEALTHY))
    assert len(variants) == 14 and len(EARLIER_HEALTHY) >= 2 * len(variants)
    assert {"ssgan", "coulomb", "nsgan, feature matching"} <= set(map(cell, HEALTHY))


@pytest.mark.parametrize("run", list(NAMED))
def test_what_was_made_to_fail_is_named_in_time(run):
    found = findings(EARLIER_FAILING[run])
    for rule, step in NAMED[run].items():
        assert found.get(rule, 10**9) <= step, found


@pytest.mark.parametrize("run", list(FAILING))
def test_what_was_made_to_fail_lately_is_named_in_time(run):
    found = findings(FAILING[run])
    for rule, step in (NAMED | NEW)[cell(run)].items():
        assert found.get(rule, 10**9) <= step, found


@pytest.mark.parametrize(
    "log", [pytest.param(log, id=run) for logs in (EARLIER_HEALTHY, HEALTHY) for run, log in logs.items()]
)
def test_what_is_healthy_is_left_alone(log):
    name = log["loss"] if isinstance(log["loss"], str) else log["loss"]["name"]
    assert findings(log).keys() <= EXPECTED.get(name, set())
