"""Data-parallel training: each rank holds a shard of every batch and identical weights.

Start it with `torchrun --nproc-per-node N -m ganzoo train ...`, or any launcher that sets RANK, WORLD_SIZE, MASTER_ADDR and
MASTER_PORT. Networks are not wrapped: gradients are averaged once per update, after the backward passes, as in StyleGAN3.
This is also correct for gradient penalties.
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
    """The `size` processes of one run; this one has number `rank`. With `size` 1 every method returns its input.

    All processes must make the same calls in the same order. A call raises `TrainingFailed` if another process has ended.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @property
    def is_first(self) -> bool:
        """True for rank 0, which logs, evaluates, saves and writes sample grids."""
        return self.rank == 0

    @property
    def share(self) -> BatchShard:
        """The shard of this process."""
        return BatchShard(self.rank, self.size)

    @torch.no_grad()
    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each of `tensors` by its mean over the processes, bitwise identical on all ranks, with one all_reduce."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        with self._watched():
            dist.all_reduce(flat)
        flat /= self.size
        for tensor, mean in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(mean.view(tensor.shape))

    def gather(self, rows: Tensor) -> Tensor:
        """The rows of all processes, by rank.

        Gradients flow only into this process's rows, multiplied by `size`. If every process takes the same mean over all
        rows, `average` therefore turns the parameter gradients into those of that mean.
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
        """The rows of the whole batch that belong to this process."""
        rows = self.share.rows(len(whole) // self.size)
        return whole.apply(lambda values: values[rows]) if self.size > 1 else whole

    def all_agree(self, yes: bool) -> bool:
        """True if `yes` is true in every process; waits for the other processes, but not for the device."""
        if self.size == 1:
            return yes
        vote = torch.tensor(int(yes))
        with self._watched():
            dist.all_reduce(vote, dist.ReduceOp.MIN)
        return bool(vote)

    def broadcast_bytes(self, content: Callable[[], bytes]) -> bytes:
        """Rank 0's `content()`, on every rank."""
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
                f"rank {self.rank} of {self.size} lost another process, which was killed or failed "
                f"({str(error).partition(chr(10))[0]}); saved states are intact, continue with --resume"
            ) from error


SINGLE_PROCESS = ProcessGroup()


@contextmanager
def process_group(device: str) -> Iterator[ProcessGroup]:
    """Context with the process group of this launch, for training on `device`; `SINGLE_PROCESS` if there is only one.

    Raises `InputError` if a process has no GPU.
    """
    if any(name not in os.environ for name in ENVIRONMENT_VARIABLES) or os.environ["WORLD_SIZE"] == "1":
        yield SINGLE_PROCESS
        return
    cuda = device.startswith("cuda")
    if cuda:
        torch.cuda.set_device(local_gpu())
    # CPU tensors use gloo: it detects a lost process at once and does not wait for the device.
    dist.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo")
    try:
        yield ProcessGroup(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def local_gpu() -> int:
    """The index of this process's GPU; raises `InputError` if there is no such GPU."""
    cards = torch.cuda.device_count()
    number = int(os.environ.get("LOCAL_RANK", int(os.environ["RANK"]) % cards))
    if number >= cards:
        raise InputError(
            f"process {number} has no GPU: this machine has {cards}; start one process per GPU, or set train.device=cpu"
        )
    return number
