"""A generator as one file for other programs: ONNX, or PyTorch's own exported program."""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from ganzoo.atomic_io import name_in_errors
from ganzoo.errors import InputError, missing_extra, unknown_name
from ganzoo.kernels.dispatch import plain_operators
from ganzoo.latent import GeneratorInputs
from ganzoo.networks.noise_layers import Dropout, Noise
from ganzoo.rng import RngScope
from ganzoo.sampling import Sampler
from ganzoo.torch_state import default_torch_state

Format = Literal["onnx", "pt2"]
TOLERANCE = 1e-4  # of images in [-1, 1]
BATCHES = (1, 2, 7)
"""Batches that the file is tried with; the program is traced with another."""
TRACED = 3

Run = Callable[[dict[str, Tensor]], Tensor]
"""Named inputs -> images, by what reads the file."""


class Named(nn.Module):
    """A generator whose inputs have names: `z`, and `labels` and `code` where it takes them; gives `images`."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, z: Tensor, labels: Tensor | None = None, code: Tensor | None = None) -> Tensor:
        """Latents (N, dim), labels (N,) int64, code (N, K + C) -> images (N, C, H, W)."""
        images: Tensor = self.generator(GeneratorInputs(z, labels, code).vector, labels)
        return images


@default_torch_state()
def export(sampler: Sampler, path: Path, form: str = "onnx") -> float:
    """Write the generator to `path` as "onnx" or "pt2", for any batch, and return how far its images are from ours at most.

    The file is read back and tried on random latents before it is put at `path`. Raises `InputError` for what cannot be
    exported; then nothing is written.
    """
    check_format(form, path)
    check_no_noise(sampler)
    write, read = WRITERS[form], READERS[form]
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.parent / ".ganzoo-"
    with name_in_errors(path, hidden), TemporaryDirectory(prefix=hidden.name, dir=path.parent) as folder:
        beside = Path(folder) / path.name
        with silence_output():
            with plain_operators():
                try:
                    write(trace(sampler), beside)
                except Exception as error:  # the exporters raise whatever a network makes them stumble over
                    said = str(error).strip().partition("\n")[0]
                    raise InputError(f"this network cannot be exported as {form}: {said}") from None
            distance = max_difference(sampler, read(beside))
        if not distance < TOLERANCE:
            raise InputError(f"{path}: its images differ from PyTorch's by {distance:.2g}; it was not written")
        os.replace(beside, path)
    return distance


def check_format(form: str, path: Path) -> None:
    """Raise `InputError` for a format there is not, a name that does not fit it, and an extra that is not installed."""
    if form not in get_args(Format):
        raise unknown_name("format", form, get_args(Format))
    if path.suffix.lower() != f".{form}":
        raise InputError(f"--out {path}: expected a name that ends in .{form}")
    for package in ("onnx", "onnxscript", "onnxruntime") if form == "onnx" else ():
        try:
            import_module(package)
        except ImportError:
            raise missing_extra(package, "export", "--format onnx") from None


def check_no_noise(sampler: Sampler) -> None:
    """Raise `InputError` for a generator that draws numbers in its layers."""
    if any(isinstance(layer, Noise | Dropout) for layer in sampler.generator.modules()):
        raise InputError("this generator draws noise or dropout in its layers, which an exported file cannot")


def named_inputs(sampler: Sampler, n: int, seed: int = 0) -> dict[str, Tensor]:
    """`n` random inputs of G by name, those that it takes."""
    with RngScope(seed, "export"):
        drawn = sampler.latent.draw(n)._asdict()
    return {name: value for name, value in drawn.items() if value is not None}


def trace(sampler: Sampler) -> Any:
    """The exported program, with the batch left open."""
    inputs = named_inputs(sampler, TRACED)
    batch = torch.export.Dim("batch")
    free = {name: {0: batch} if name in inputs else None for name in GeneratorInputs._fields}
    every = {name: inputs.get(name) for name in GeneratorInputs._fields}
    return torch.export.export(Named(sampler.generator).eval(), (), every, dynamic_shapes=free)


def max_difference(sampler: Sampler, run: Run) -> float:
    """The greatest distance between our images and those of `run`, over batches of several sizes."""
    ours = Named(sampler.generator)
    distances: list[float] = []
    for n in BATCHES:
        inputs = named_inputs(sampler, n, seed=n)
        distances.append((run(inputs) - ours(**inputs)).abs().max().item())
    return max(distances)


@contextmanager
def silence_output() -> Iterator[None]:
    """A block in which the exporters warn of nothing that concerns the user."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        yield


def write_onnx(program: Any, path: Path) -> None:
    """One file, weights and all."""
    torch.onnx.export(program, (), path, output_names=["images"], external_data=False, dynamo=True, verbose=False)


def read_onnx(path: Path) -> Run:
    """By onnxruntime, on the CPU."""
    session = import_module("onnxruntime").InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])

    def run(inputs: dict[str, Tensor]) -> Tensor:
        given = {name: value.numpy() for name, value in inputs.items()}
        return torch.from_numpy(session.run(["images"], given)[0])

    return run


def write_pt2(program: Any, path: Path) -> None:
    """PyTorch's archive of an exported program, without the inputs that it was traced with: those alone are a pickle."""
    program.example_inputs = None
    torch.export.save(program, path)


def read_pt2(path: Path) -> Run:
    """By torch.export."""
    module = torch.export.load(path).module()
    return lambda inputs: module(**{name: inputs.get(name) for name in GeneratorInputs._fields})


WRITERS: dict[str, Callable[[Any, Path], None]] = {"onnx": write_onnx, "pt2": write_pt2}
READERS: dict[str, Callable[[Path], Run]] = {"onnx": read_onnx, "pt2": read_pt2}
