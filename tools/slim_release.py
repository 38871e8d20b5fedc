"""Storage of a release's weights in half precision if no sample changes by a gray level."""

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
GRAY_LEVELS = 127.5  # gray levels per unit of an image in [-1, 1]


class TooLargeError(InputError):
    """The images would change by one gray level or more."""


def slim(release: Path, dtype: torch.dtype = torch.float16) -> float:
    """Store the matrices of a release in `dtype`; `load` converts them back to float32.

    Returns the largest change, in gray levels, of the images of 64 seeds. Raises `TooLargeError`, and changes no file, if
    that is one or more.
    """
    sampler = load(release)
    weights, change = to_float16(sampler, dtype), measure_difference(sampler, dtype)
    if not change < 1:
        raise TooLargeError(
            f"{release}: its images change by {change:.2g} gray levels in {dtype_name(dtype)}; keep float32"
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
    """The largest change, in gray levels before rounding, of the images of 64 seeds; `sampler` is restored."""
    exact = {name: value.clone() for name, value in sampler.generator.state_dict().items()}
    before = sampler.sample(SEEDS)
    sampler.generator.load_state_dict(to_float16(sampler, dtype))
    try:
        after = sampler.sample(SEEDS)
    except InputError:  # no longer finite: outside the range of `dtype`
        return math.inf
    finally:
        sampler.generator.load_state_dict(exact)
    return ((after - before).abs().max() * GRAY_LEVELS).item()


def to_float16(sampler: Sampler, dtype: torch.dtype) -> dict[str, Tensor]:
    """G's weights with every matrix in `dtype`; vectors (norms, biases) are small, but would cause most of the change."""
    weights = sampler.generator.state_dict()
    return {n: v.to(dtype) if v.is_floating_point() and v.ndim > 1 else v.contiguous() for n, v in weights.items()}
