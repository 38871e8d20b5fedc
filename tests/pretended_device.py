"""A CUDA device that is only pretended: tensors without content, with real autograd, on `meta` in CUDA's place.

`Notes` says what would wait for the device, or fail there, and where: numbers that the host asks for, results whose shape
depends on numbers, copies between host and device, tensors of both in one operator. What the host gets is made up.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

import torch
from torch import Tensor, optim
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

import ganzoo
from ganzoo import rng
from ganzoo.builder import build_modules
from ganzoo.config.schema import Config
from ganzoo.data import BatchLoader, Dataset
from ganzoo.data.loader import DeviceDataset
from ganzoo.optimizers import OPTIMIZERS
from ganzoo.training.trainer import Trainer

aten = torch.ops.aten
PLACE = torch.device("meta")
COPIES = {aten._to_copy, aten.copy_}
PICKS = {aten.index, aten.index_put, aten.index_put_}
WAITS = (torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape)
PINNED = ("data/dataset.py", "to_device")
"""The function that copies to the device without waiting."""
ROOT = Path(ganzoo.__file__).parent


class Notes(TorchDispatchMode):
    """Notes the faults of a block in `found`: what, in which operator and in which line of ganzoo."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        for what in faults(operator, args, kwargs):
            self.add(f"{what}: {operator.overloadpacket}")
        if operator.overloadpacket == aten._local_scalar_dense and on_device(args[0]):
            return {torch.bool: True, torch.int64: 0}.get(args[0].dtype, 0.5)
        if operator.overloadpacket in COPIES and to_host(args, kwargs):
            return torch.zeros(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype)
        return operator(*args, **kwargs)

    def add(self, what: str) -> None:
        """One fault more, unless it is known."""
        line = f"{what}, in {' < '.join(lines()[:2])}"
        self.found += [] if line in self.found else [line]


def faults(operator, args, kwargs) -> Iterator[str]:
    """What would be wrong with a call on a device."""
    packet, given = operator.overloadpacket, found(args) + found(kwargs)
    hosts = [tensor for tensor in given if not on_device(tensor)]
    if len(hosts) == len(given) and kwargs.get("device") != PLACE:
        return
    if packet in PICKS:
        yield from bad_indices(args[1])
    elif any(tag in operator.tags for tag in WAITS):
        yield "the host waits for a number"
    elif packet in COPIES:
        yield from bad_copies(args, kwargs, hosts)
    elif any(tensor.ndim for tensor in hosts):  # a single number goes along with the kernel
        yield "tensors of host and device meet"


def bad_indices(indices) -> Iterator[str]:
    """A mask is turned into numbers first, how many the host must know; those of the host are copied."""
    for index in found(indices):
        if index.dtype in (torch.bool, torch.uint8):
            yield "a mask is an index, and the host waits for its shape"
        elif not on_device(index):
            yield "an index lies on the host"


def bad_copies(args, kwargs, hosts: list[Tensor]) -> Iterator[str]:
    """All but those of one number, and from pinned memory."""
    if to_host(args, kwargs):
        yield "the host waits for a copy"
    elif hosts and hosts[0].ndim and not any(line.startswith(PINNED[0]) for line in lines(PINNED[1])):
        yield "the device waits for a copy from the host"


def to_host(args, kwargs) -> bool:
    target = kwargs["device"] if kwargs.get("device") else args[0].device
    return any(map(on_device, args[:2])) and target != PLACE


def on_device(value: object) -> bool:
    return isinstance(value, Tensor) and value.device == PLACE


def found(tree) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def lines(function: str = "") -> list[str]:
    """The lines of ganzoo that are being run, innermost first; those of `function` alone where it is named."""
    frame, found = sys._getframe(1), []
    while frame:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT) and function in ("", frame.f_code.co_name):
            found.append(f"{path.relative_to(ROOT).as_posix()}:{frame.f_lineno}")
        frame = frame.f_back
    return found


class FromPython(TorchFunctionMode):
    """Notes what Python's numbers become on the device by a copy, which no operator shows; with autocast to bfloat16."""

    LOWERED = (torch.nn.functional.linear, torch.conv2d, torch.conv_transpose2d, torch.matmul, Tensor.matmul)

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self.notes = notes

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        made = function in (torch.tensor, torch.as_tensor) and str(kwargs.get("device")) == PLACE.type
        numbers = function is Tensor.__setitem__ and on_device(args[0]) and not isinstance(args[2], Tensor)
        if made or numbers:
            self.notes.add(f"a number of Python is copied: {function.__name__}")
        if function in self.LOWERED and Autocast.on:
            args, kwargs = tree_map_only(Tensor, lowered, (args, kwargs))
        return function(*args, **kwargs)


def lowered(tensor: Tensor) -> Tensor:
    return tensor.bfloat16() if tensor.is_floating_point() else tensor


class Autocast:
    """Stands for `torch.autocast`, which knows no pretended device."""

    on = False

    def __init__(self, device: str, dtype: torch.dtype = torch.bfloat16, enabled: bool = True) -> None:
        assert (device, dtype) == (PLACE.type, torch.bfloat16)
        self.wanted = enabled

    def __enter__(self) -> None:
        self.before, Autocast.on = Autocast.on, self.wanted

    def __exit__(self, *_: object) -> None:
        Autocast.on = self.before


def adam(params, *, lr=2e-4, betas=(0.5, 0.999)):
    """By a kernel that any device has."""
    return optim.Adam(params, lr, betas, foreach=True)


@contextmanager
def pretended() -> Iterator[None]:
    """A block in which `meta` passes for a CUDA device: the data lie there, maps and kernels have their channels last."""
    seeded, last = rng.generator, torch.channels_last
    with ExitStack() as stack:
        for target, stand_in in {
            "ganzoo.rng.generator": lambda *key, device="cpu": seeded(*key),
            "ganzoo.data.loader.sample_source": DeviceDataset,
            "ganzoo.kernels.dispatch.to_memory_format": lambda x: (
                x.contiguous(memory_format=last) if x.ndim == 4 else x
            ),
            "ganzoo.training.state.place_network": lambda network, device: network.to(device).to(memory_format=last),
            "torch.autocast": Autocast,
        }.items():
            stack.enter_context(patch(target, stand_in))
        stack.enter_context(patch.dict(OPTIMIZERS, {"adam": adam}))
        yield


def trainer(config: Config, data: Dataset) -> Trainer:
    """At step 0 of a resolved config; made, and to be used, within `pretended`."""
    config = config.model_copy(update={"train": config.train.model_copy(update={"device": PLACE.type})})
    return Trainer(build_modules(config), BatchLoader(data, config.seed, config.data.flip, PLACE), config)


def faults_of(work) -> list[str]:
    """What `work` does that a device would not; where that ends it, up to there."""
    with Notes() as notes, FromPython(notes):
        try:
            work()
        except (RuntimeError, NotImplementedError):
            if not notes.found:
                raise
    return notes.found


def faults_of_steps(config: Config, data: Dataset, steps: int = 2, before: int = 0) -> list[str]:
    """Of whole training steps: both players, optimisers, average and tricks; after some in which what is kept is made."""
    with pretended():
        t = trainer(config, data)
        for _ in range(before):
            t.train_step()
        return faults_of(lambda: [t.train_step() for _ in range(steps)])
