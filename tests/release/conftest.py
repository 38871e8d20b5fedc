"""A small run, and its release as it ships."""

from __future__ import annotations

import shutil

import pytest

from ganzoo import api
from small_runs import small, toy_data
from tools.finish_release import finish

SCORE = {
    "name": "fid-digits@10k/test", "metric": "fid", "value": 12.3456, "n": 10000, "better": "lower", "extractor": "digits",
    "split": "test", "reference_n": 10000, "spread": None, "floor": 0.5, "floor_n": 10000, "floor_reference_n": 10000,
    "value_at_floor": None, "details": {},
}  # fmt: skip


def judge(sampler):
    """Scores that nobody measured."""
    return {
        "scores": [SCORE, SCORE | {"name": "is-digits@10k", "metric": "is", "value": None}],
        "class_shares": {"0": 0.125},
    }


@pytest.fixture(scope="package")
def run(tmp_path_factory):
    config = small("cgan", train={"steps": 2}, networks={"init": "he"})
    return api.train(config, toy_data(size=32), tmp_path_factory.mktemp("sharing") / "run")


@pytest.fixture(scope="package")
def finished(run):
    folder = run.parent / "cgan-memory"
    finish(run, folder, judge, {"licence": "mit", "faults": "Every sample is noise.", "command": "make it"})
    return folder


@pytest.fixture
def release(finished, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(finished, tmp_path / "cgan-memory")
