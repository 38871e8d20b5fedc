"""Runs of the first edition (format 1, commit 1d5160a) resume and sample as they did."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import ganzoo
from ganzoo import api
from ganzoo.config.schema import with_train
from ganzoo.training.run_dir import RunDir
from small_runs import toy_data

BEFORE = Path(__file__).parent / "before"
"""Each holds a run of two steps, `images` of seeds 0 to 3, and G's average `after` a third step."""


@pytest.fixture(params=["began", "acgan", "wgan-gp"])
def run(request, tmp_path) -> Path:
    with tarfile.open(BEFORE / f"{request.param}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / request.param


def test_an_old_run_samples_the_same_images(run):
    images = load_file(run / "images.safetensors")["images"]
    assert (ganzoo.load(run).sample(4) - images).abs().max() < 1e-5
    assert (ganzoo.load(run / "release").sample(4) - images).abs().max() < 1e-5


def test_an_old_run_resumes_to_the_same_weights(run):
    api.resume(run, with_train(RunDir.open(run).config(), steps=3), toy_data(size=16))
    after, now = load_file(run / "after.safetensors"), load_file(run / "release/generator.safetensors")
    assert after.keys() == now.keys()
    for name, value in after.items():
        torch.testing.assert_close(now[name], value, rtol=1e-4, atol=1e-6)
