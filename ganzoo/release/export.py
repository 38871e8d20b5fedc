"""Export of a generator as one file for other programs: ONNX or a PyTorch exported program (pt2)."""

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
"""Batch sizes that the exported file is checked with; none equals `TRACED`."""
TRACED = 3  # batch size of the trace

Run = Callable[[dict[str, Tensor]], Tensor]
"""Named inputs -> images, computed by the exported file."""


class Named(nn.Module):
    """A generator with named inputs: `z`, and `labels` and `code` if it takes them; returns `images`."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, z: Tensor, labels: Tensor | None = None, code: Tensor | None = None) -> Tensor:
        """Latents (N, dim), labels (N,) int64, code (N, K + C) -> images (N, C, H, W)."""
        images: Tensor = self.generator(GeneratorInputs(z, labels, code).vector, labels)
        return images


@default_torch_state()
def export(sampler: Sampler, path: Path, form: str = "onnx") -> float:
    """Write the generator to `path` as "onnx" or "pt2", for any batch size; returns the largest difference of its images.

    Before the file appears at `path` it is read back and compared with PyTorch on random latents. Raises `InputError`
    for a generator that cannot be exported; then no file is written.
    """
    check_format(form, path)
    check_no_noise(sampler)
    write, read = WRITERS[form], READERS[form]
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.parent / ".ganzoo-"
    with name_in_errors(path, hidden), TemporaryDirectory(prefix=hidden.name, dir=path.parent) as folder:
        temporary = Path(folder) / path.name
        with silence_output():
            with plain_operators():
                try:
                    write(trace(sampler), temporary)
                except Exception as error:  # the exporters raise any type of error for a network they cannot handle
                    why = str(error).strip().partition("\n")[0]
                    raise InputError(f"this network cannot be exported as {form}: {why}") from None
            distance = max_difference(sampler, read(temporary))
        if not distance < TOLERANCE:
            raise InputError(f"{path} was not written: its images would differ from PyTorch's by {distance:.2g}")
        os.replace(temporary, path)
    return distance


def check_format(form: str, path: Path) -> None:
    """Raise `InputError` for an unknown format, a file name that does not fit it, or an extra that is not installed."""
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
    """Raise `InputError` for a generator with noise or dropout layers."""
    if any(isinstance(layer, Noise | Dropout) for layer in sampler.generator.modules()):
        raise InputError(
            "cannot export this generator: its layers draw noise or dropout, which an exported file cannot"
        )


def named_inputs(sampler: Sampler, n: int, seed: int = 0) -> dict[str, Tensor]:
    """`n` random inputs by name, only those that the generator takes."""
    with RngScope(seed, "export"):
        drawn = sampler.latent.draw(n)._asdict()
    return {name: value for name, value in drawn.items() if value is not None}


def trace(sampler: Sampler) -> Any:
    """The exported program, with a dynamic batch size."""
    inputs = named_inputs(sampler, TRACED)
    batch = torch.export.Dim("batch")
    free = {name: {0: batch} if name in inputs else None for name in GeneratorInputs._fields}
    every = {name: inputs.get(name) for name in GeneratorInputs._fields}
    return torch.export.export(Named(sampler.generator).eval(), (), every, dynamic_shapes=free)


def max_difference(sampler: Sampler, run: Run) -> float:
    """The largest absolute difference between PyTorch's images and those of `run`, over several batch sizes."""
    ours = Named(sampler.generator)
    distances: list[float] = []
    for n in BATCHES:
        inputs = named_inputs(sampler, n, seed=n)
        distances.append((run(inputs) - ours(**inputs)).abs().max().item())
    return max(distances)


@contextmanager
def silence_output() -> Iterator[None]:
    """Suppress the exporters' warnings, none of which concerns the user, and gradients."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        yield


def write_onnx(program: Any, path: Path) -> None:
    """Write ONNX with the weights in the same file."""
    torch.onnx.export(program, (), path, output_names=["images"], external_data=False, dynamo=True, verbose=False)


def read_onnx(path: Path) -> Run:
    """Read ONNX with onnxruntime, on the CPU."""
    session = import_module("onnxruntime").InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])

    def run(inputs: dict[str, Tensor]) -> Tensor:
        given = {name: value.numpy() for name, value in inputs.items()}
        return torch.from_numpy(session.run(["images"], given)[0])

    return run


def write_pt2(program: Any, path: Path) -> None:
    """Write PyTorch's archive of an exported program without its example inputs, the only part stored as a pickle."""
    program.example_inputs = None
    torch.export.save(program, path)


def read_pt2(path: Path) -> Run:
    """Read a pt2 archive with torch.export."""
    module = torch.export.load(path).module()
    return lambda inputs: module(**{name: inputs.get(name) for name in GeneratorInputs._fields})


WRITERS: dict[str, Callable[[Any, Path], None]] = {"onnx": write_onnx, "pt2": write_pt2}
READERS: dict[str, Callable[[Path], Run]] = {"onnx": read_onnx, "pt2": read_pt2}
