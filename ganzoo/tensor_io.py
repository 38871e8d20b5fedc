"""Validated reading of safetensors files, the only reader of them: digest, names, shapes and dtypes are checked first."""

import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from ganzoo.atomic_io import MAX_BYTES, read_bytes, sha256_hex
from ganzoo.errors import DamagedFile, first_line

HALF_DTYPES = (torch.float16, torch.bfloat16)
"""Dtypes in which a release or a classifier may store float32 weights."""


class TensorSpec(NamedTuple):
    """Shape and dtypes allowed for a tensor in a file; None is a side of any length."""

    shape: tuple[int | None, ...]
    dtypes: tuple[torch.dtype, ...]

    def fits(self, tensor: Tensor) -> bool:
        """True if `tensor` has the shape and one of the dtypes."""
        if tensor.dtype not in self.dtypes or tensor.ndim != len(self.shape):
            return False
        return all(wanted in (None, side) for wanted, side in zip(self.shape, tensor.shape, strict=True))

    def __str__(self) -> str:
        return describe_spec(" or ".join(map(dtype_name, self.dtypes)), self.shape)


def tensor_specs(tensors: Mapping[str, Tensor], halves: bool = False) -> dict[str, TensorSpec]:
    """The spec of each of `tensors`, on any device; with `halves`, floating-point tensors may be in half precision."""
    more = HALF_DTYPES if halves else ()
    return {
        name: TensorSpec(tuple(value.shape), (value.dtype, *more) if value.is_floating_point() else (value.dtype,))
        for name, value in tensors.items()
    }


def read_tensors(
    path: Path,
    sha256: str,
    expected: Mapping[str, TensorSpec],
    *,
    optional: Collection[Collection[str]] = (),
    within: str = "",
) -> dict[str, Tensor]:
    """Read the safetensors file `path`: the `expected` tensors by name, on the CPU.

    Each group of names in `optional` may be missing as a whole. With a prefix `within`, only names that begin with it are
    checked and returned, without the prefix. Raises `InputError` for an unreadable or irregular file, and `DamagedFile` for
    another SHA-256 or, naming the tensor, for a missing or unexpected tensor or another shape or dtype.
    """
    content = read_bytes(path, MAX_BYTES if within else size_limit(expected))
    if sha256_hex(content) != sha256:
        raise DamagedFile(f"{path} is damaged: its SHA-256 differs from the recorded one")
    try:
        found = load(content)
    except (SafetensorError, KeyError, ValueError) as error:  # a dtype unknown to torch is a KeyError
        raise DamagedFile(f"{path} is not a safetensors file: {first_line(error)}") from None
    found = {name.removeprefix(within): value for name, value in found.items() if name.startswith(within)}
    absent = {name for group in optional if not found.keys() & set(group) for name in group}
    if mismatch := first_mismatch(found, {name: spec for name, spec in expected.items() if name not in absent}):
        raise DamagedFile(f"{path} does not fit: {mismatch}")
    return found


def first_mismatch(found: Mapping[str, Tensor], expected: Mapping[str, TensorSpec]) -> str:
    """A text on the first tensor that is missing, unexpected or of another shape or dtype; empty if all fit."""
    for name, spec in expected.items():
        if name not in found:
            return f"tensor {name!r} is missing, expected {spec}"
        if not spec.fits(found[name]):
            return f"tensor {name!r} is {describe_tensor(found[name])}, expected {spec}"
    strangers = (
        f"tensor {name!r}, {describe_tensor(found[name])}, is not expected" for name in found if name not in expected
    )
    return next(strangers, "")


def size_limit(expected: Mapping[str, TensorSpec]) -> int:
    """Maximum size in bytes of a file with the `expected` tensors and its header."""
    shapes = [spec.shape for spec in expected.values()]
    if any(side is None for shape in shapes for side in shape):
        return MAX_BYTES
    widest = (max(dtype.itemsize for dtype in spec.dtypes) for spec in expected.values())
    tensors = sum(math.prod(side or 0 for side in shape) * size for shape, size in zip(shapes, widest, strict=True))
    return tensors + sum(len(name) + 1024 for name in expected) + 2**20


def describe_tensor(tensor: Tensor) -> str:
    """Dtype and shape of a tensor, as in `float32 (64, 3, 5, 5)`."""
    return describe_spec(dtype_name(tensor.dtype), tuple(tensor.shape))


def describe_spec(kind: str, shape: tuple[int | None, ...]) -> str:
    """Dtype name and shape as text; None is printed as "any"."""
    return f"{kind} ({', '.join('any' if side is None else str(side) for side in shape)})"


def dtype_name(dtype: torch.dtype) -> str:
    """`float16` for `torch.float16`."""
    return str(dtype).removeprefix("torch.")
