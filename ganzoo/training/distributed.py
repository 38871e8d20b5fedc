"""The processes that train one run together: each has its rows of every batch, and all have the same weights.

Started by `torchrun --nproc-per-node N -m ganzoo train ...`, or by anything that sets RANK, WORLD_SIZE, MASTER_ADDR and
MASTER_PORT. No wrapper stands around a network: gradients are averaged after the backward passes, once a step, as StyleGAN3
does, which is right with penalties too.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor
from torch import distributed as dist

from ganzoo.batch import Batch
from ganzoo.errors import InputError, TrainingFailed
from ganzoo.rng import BatchShard

AnyBatch = TypeVar("AnyBatch", bound=Batch)

ENVIRONMENT_VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


class ProcessGroup:
    """The processes of one run, of which this one is number `rank` of `size`. Alone, nothing here does anything.

    All processes must call the same in the same order. Raises `TrainingFailed` where another process is gone.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @property
    def is_first(self) -> bool:
        """Whether this is the process that logs, draws, measures and saves."""
        return self.rank == 0

    @property
    def share(self) -> BatchShard:
        """The rows of this process."""
        return BatchShard(self.rank, self.size)

    @torch.no_grad()
    def average(self, tensors: Sequence[Tensor]) -> None:
        """Each of `tensors` becomes its mean over the processes, bit for bit the same in all, by one all_reduce."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        with self._watched():
            dist.all_reduce(flat)
        flat /= self.size
        for tensor, mean in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(mean.view(tensor.shape))

    def gather(self, rows: Tensor) -> Tensor:
        """The rows of all processes, in order.

        The gradient of a mean over them, which every process takes alike, reaches the own rows alone, and `size` times: so
        `average` makes of it the gradient of that mean.
        """
        if self.size == 1:
            return rows
        parts = [torch.empty(rows.shape, dtype=rows.dtype, device=rows.device) for _ in range(self.size)]
        with self._watched():
            dist.all_gather(parts, rows.detach().contiguous())
        parts[self.rank] = own = rows.view_as(rows)
        if own.requires_grad:
            own.register_hook(lambda gradient: gradient * self.size)
        return torch.cat(parts)

    def gather_batch(self, batch: AnyBatch) -> AnyBatch:
        """`batch` with the rows of all processes."""
        return batch.apply(self.gather) if self.size > 1 else batch

    def local_shard(self, whole: AnyBatch) -> AnyBatch:
        """The rows of this process of the whole batch."""
        rows = self.share.rows(len(whole) // self.size)
        return whole.apply(lambda values: values[rows]) if self.size > 1 else whole

    def all_agree(self, yes: bool) -> bool:
        """Whether every process says yes; waits for the processes, and for no device."""
        if self.size == 1:
            return yes
        vote = torch.tensor(int(yes))
        with self._watched():
            dist.all_reduce(vote, dist.ReduceOp.MIN)
        return bool(vote)

    def broadcast_bytes(self, content: Callable[[], bytes]) -> bytes:
        """What `content` gives the first process, in all of them."""
        if self.size == 1:
            return content()
        mine = bytearray(content() if self.is_first else b"")
        length = torch.tensor(len(mine))
        with self._watched():
            dist.broadcast(length, 0)
            mine = mine or bytearray(int(length))
            dist.broadcast(torch.frombuffer(mine, dtype=torch.uint8), 0)
        return bytes(mine)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise TrainingFailed(
                f"rank {self.rank} of {self.size} has lost another process, which was killed or has failed "
                f"({str(error).partition(chr(10))[0]}); what was saved is whole, go on with --resume"
            ) from error


SINGLE_PROCESS = ProcessGroup()


@contextmanager
def process_group(device: str) -> Iterator[ProcessGroup]:
    """The processes that were started together to train on `device`, for the block; `SINGLE_PROCESS` if there is one.

    Raises `InputError` where there are fewer cards than processes.
    """
    if any(name not in os.environ for name in ENVIRONMENT_VARIABLES) or os.environ["WORLD_SIZE"] == "1":
        yield SINGLE_PROCESS
        return
    cuda = device.startswith("cuda")
    if cuda:
        torch.cuda.set_device(local_gpu())
    # What is on the CPU goes by gloo everywhere: it notices at once that a process is gone, and waits for no device.
    dist.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo")
    try:
        yield ProcessGroup(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def local_gpu() -> int:
    """The number of the card that this process is to take; raises `InputError` where there is none."""
    cards = torch.cuda.device_count()
    number = int(os.environ.get("LOCAL_RANK", int(os.environ["RANK"]) % cards))
    if number >= cards:
        raise InputError(
            f"process {number} finds no card of its own, there are {cards}; start as many processes as there are cards, "
            "or set train.device=cpu"
        )
    return number
