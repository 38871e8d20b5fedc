"""Half the bytes for weights, where no image shows it."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from ganzoo.atomic_io import sha256_hex, write_bytes, write_folder, write_json
from ganzoo.errors import InputError
from ganzoo.json_io import read_table
from ganzoo.release.push import copy_release
from ganzoo.sampling import Sampler, load
from ganzoo.tensor_io import dtype_name
from ganzoo.training.release import Card

SEEDS = 64
GREY_LEVELS = 127.5  # a unit of an image in [-1, 1]


class TooLargeError(InputError):
    """The images change by a grey level or more."""


def slim(release: Path, dtype: torch.dtype = torch.float16) -> float:
    """Store the matrices of a release in `dtype`; what is read is float32 again.

    Returns by how many grey levels the images of 64 seeds change at most. Raises `TooLargeError`, with nothing changed, where
    that is one or more.
    """
    sampler = load(release)
    weights, change = to_float16(sampler, dtype), measure_difference(sampler, dtype)
    if not change < 1:
        raise TooLargeError(
            f"{release}: as {dtype_name(dtype)} its images change by {change:.2g} grey levels; keep float32"
        )
    content = save(weights)
    card = read_table(release / "card.json", Card) | {"sha256": sha256_hex(content), "storage": dtype_name(dtype)}

    def fill(new: Path) -> None:
        copy_release(release, new)
        write_bytes(new / "generator.safetensors", content)
        write_json(new / "card.json", card)

    write_folder(release, fill)
    return change


def measure_difference(sampler: Sampler, dtype: torch.dtype) -> float:
    """By how many grey levels, before rounding, the images of 64 seeds change at most; `sampler` stays as it is."""
    exact = {name: value.clone() for name, value in sampler.generator.state_dict().items()}
    before = sampler.sample(SEEDS)
    sampler.generator.load_state_dict(to_float16(sampler, dtype))
    try:
        after = sampler.sample(SEEDS)
    except InputError:  # no longer finite: beyond what `dtype` can hold
        return math.inf
    finally:
        sampler.generator.load_state_dict(exact)
    return ((after - before).abs().max() * GREY_LEVELS).item()


def to_float16(sampler: Sampler, dtype: torch.dtype) -> dict[str, Tensor]:
    """G's weights with every matrix in `dtype`; vectors (norms, biases) are few, and most of the change would be theirs."""
    weights = sampler.generator.state_dict()
    return {n: v.to(dtype) if v.is_floating_point() and v.ndim > 1 else v.contiguous() for n, v in weights.items()}
