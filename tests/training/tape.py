"""What a CUDA graph does, on a CPU: a function's operators are noted with their very tensors, and run again on those.

As on a device: nothing is done while it is noted, memory that was made meanwhile holds nothing until an operator of the
replay has written to it, and what would wait for the device, move data to it or draw a random number is refused.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from traceback import extract_stack

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

aten = torch.ops.aten
EMPTY = {aten.empty, aten.empty_like, aten.empty_strided, aten.new_empty, aten.new_empty_strided}
REFUSED = {
    torch.Tag.nondeterministic_seeded: "draws random numbers",
    torch.Tag.data_dependent_output: "waits for the device",
    torch.Tag.dynamic_output_shape: "waits for the device",
}


class Tape:
    """A `ganzoo.training.cuda_graphs.Graph` on the CPU."""

    def __init__(self):
        self.ran = []

    def warm_up(self, function):
        return function()

    def capture(self, function):
        with undone() as before, Recorder(self.ran, before):
            return function()

    def replay(self):
        with torch.no_grad():
            for operator, args, kwargs, made in self.ran:
                if operator.overloadpacket in EMPTY:
                    made.fill_(torch.nan if made.is_floating_point() else torch.iinfo(made.dtype).max)
                elif not operator.is_view:
                    again = operator(*args, **kwargs)
                    for old, new in zip(found(made), found(again), strict=True):
                        if old.data_ptr() != new.data_ptr():
                            old.copy_(new)


class Recorder(TorchDispatchMode):
    """Adds each operator to `ran`, and what was in memory before to `before`."""

    def __init__(self, ran, before):
        super().__init__()
        self.ran, self.before, self.local_shard = ran, before, set()

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        for reason in refusals(operator, args):
            raise RuntimeError(f"{operator} {reason}")
        for tensor in found((args, kwargs)):
            memory = tensor.untyped_storage()
            if memory.data_ptr() not in self.local_shard:
                self.before.setdefault(memory.data_ptr(), (memory, memory.clone()))
        made = operator(*args, **(kwargs or {}))
        places = {tensor.untyped_storage().data_ptr() for tensor in found(made)}
        self.local_shard |= places - self.before.keys()
        self.ran.append((operator, *tree_map_only(Tensor, Tensor.detach, (args, kwargs or {}, made))))
        return made


def refusals(operator, args):
    """Why a device could not do this again by itself."""
    if operator.overloadpacket == aten.lift_fresh and "optim" not in folders_that_call():
        yield "moves Python's numbers to the device"  # torch's optimisers have such a number on the CPU alone
    picks = operator.overloadpacket in (aten.index, aten.index_put_, aten.index_put)
    if not picks or any(index.dtype == torch.bool for index in found(args[1])):
        yield from (REFUSED[tag] for tag in operator.tags if tag in REFUSED)


def folders_that_call():
    return {Path(frame.filename).parent.name for frame in extract_stack()}


@contextmanager
def undone():
    """A block whose writes to memory that it adds to the table are undone at its end."""
    before = {}
    try:
        yield before
    finally:
        for memory, content in before.values():
            memory.copy_(content)


def found(tree):
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]
