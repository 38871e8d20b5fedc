"""Half precision is taken only where no image shows it."""

from __future__ import annotations

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

import ganzoo
from ganzoo.atomic_io import read_json, sha256_hex, write_json
from ganzoo.errors import InputError
from tools.slim_release import TooLargeError, slim


@pytest.fixture
def exact(run, tmp_path):
    return shutil.copytree(run / "release", tmp_path / "release")


def spoil(folder, factor):
    """Another release: the first matrix times `factor`."""
    weights = load_file(folder / "generator.safetensors")
    name = next(name for name, value in weights.items() if value.ndim > 1)
    weights[name] = weights[name] * factor
    save_file(weights, folder / "generator.safetensors")
    sha256 = sha256_hex((folder / "generator.safetensors").read_bytes())
    write_json(folder / "card.json", read_json(folder / "card.json") | {"sha256": sha256})


def test_matrices_are_halved_vectors_kept_and_the_images_stay(exact):
    before = load_file(exact / "generator.safetensors")
    images = ganzoo.load(exact).sample(64)
    change = slim(exact)
    after = load_file(exact / "generator.safetensors")
    for name, value in before.items():
        assert after[name].dtype == (torch.float16 if value.ndim > 1 else value.dtype), name
        assert torch.equal(after[name], value.to(after[name].dtype)), name
    sampler = ganzoo.load(exact)
    assert all(p.dtype == torch.float32 for p in sampler.generator.parameters())
    difference = (sampler.sample(64) - images).abs().max().item() * 127.5
    assert difference == pytest.approx(change, abs=1e-4) and 0 < change < 1
    assert read_json(exact / "card.json")["storage"] == "float16"


def test_a_second_time_changes_nothing(exact):
    slim(exact)
    before = {p.name: p.read_bytes() for p in exact.iterdir()}
    assert slim(exact) == 0
    assert {p.name: p.read_bytes() for p in exact.iterdir()} == before


@pytest.mark.parametrize(
    ("factor", "kind", "says"),
    [
        (1e6, TooLargeError, "gray levels in float16; keep float32"),
        (float("nan"), InputError, "seed 0 is not finite: the weights of cgan"),
    ],
    ids=["beyond float16", "not a number"],
)
def test_what_would_show_is_refused_and_nothing_changes(exact, factor, kind, says):
    spoil(exact, factor)
    before = {p.name: p.read_bytes() for p in exact.iterdir()}
    with pytest.raises(kind, match=says):
        slim(exact)
    assert {p.name: p.read_bytes() for p in exact.iterdir()} == before


def test_a_coarser_type_that_shows_is_refused(exact):
    """Three bits of mantissa are too few for any generator."""
    with pytest.raises(TooLargeError):
        slim(exact, torch.float8_e4m3fn)
