"""Keyed random streams: numbers that depend only on a seed, the name of a stream and the step.

A layer, loss or trick draws by name (`rng.normal("instance-noise", n, 3, 32, 32)`). Inside a training step the active
`RngScope` answers from a generator seeded by (seed, step, name, number of draws under this name). So no state has to be
saved, a resume is exact, and a part that draws nothing does not change the numbers of another. In sampling,
`PerImageRng` gives every image a separate seed, so image i does not depend on the batch size. Outside both, torch's global
generator is used.

If a batch is split over processes or micro-batches, each part draws the numbers of the whole batch and keeps its rows, so
the numbers do not depend on the split.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar, Token
from copy import copy
from dataclasses import dataclass
from hashlib import blake2b
from operator import index

import torch
from torch import Generator, Tensor

Fill = Callable[[Tensor, Generator | None], Tensor]


def generator(*key: int | str, device: torch.device | str = "cpu") -> Generator:
    """A generator seeded by the hash of `key`, so that streams of unlike names differ.

    torch's engine for the CPU keeps 32 bits of a seed: of 50,000 streams 0.3 pairs are expected to be the same.
    """
    digest = blake2b("/".join(map(str, key)).encode(), digest_size=8).digest()
    # Not the sign bit: manual_seed takes a signed 64-bit integer.
    return Generator(device=device).manual_seed(int.from_bytes(digest, "big") >> 1)


@dataclass(frozen=True)
class BatchShard:
    """The rows of a batch that are drawn here: part number `part` of `parts` equal ones."""

    part: int = 0
    parts: int = 1

    def rows(self, n: int) -> slice:
        """The rows of this part, `n` of `n * parts`."""
        return slice(self.part * n, (self.part + 1) * n)

    def split(self, parts: int) -> "list[BatchShard]":
        """Split the shard into `parts` smaller ones, in order."""
        return [BatchShard(self.part * parts + part, self.parts * parts) for part in range(parts)]


FULL_BATCH = BatchShard()


class RngScope:
    """Answers every draw in its `with` block from (key, name, count); the first axis of a shape is the batch.

    With a `share` of the batch it returns the rows that the whole batch would have there.
    """

    def __init__(self, *key: int | str, share: BatchShard = FULL_BATCH) -> None:
        self.key, self.share = key, share
        self.asked: Counter[str] = Counter()
        self._tokens: list[Token[RngScope | None]] = []

    def draw(self, name: str, out: Tensor, fill: Fill) -> Tensor:
        """`out` filled with the next numbers of stream `name`."""
        self.asked[name] += 1
        if self.share.parts == 1:
            return self.filled(name, out, fill)
        whole = out.new_empty(len(out) * self.share.parts, *out.shape[1:])
        return self.filled(name, whole, fill)[self.share.rows(len(out))]

    def filled(self, name: str, out: Tensor, fill: Fill) -> Tensor:
        """`out` filled for the whole batch."""
        return fill(out, generator(*self.key, name, self.asked[name], device=out.device))

    def split(self, parts: int) -> "list[RngScope]":
        """Copies of this stream for each of `parts` parts of the batch, from here on."""
        streams = [copy(self) for _ in range(parts)]
        for stream, share in zip(streams, self.share.split(parts), strict=True):
            stream.share, stream.asked, stream._tokens = share, self.asked.copy(), []
        return streams

    def __enter__(self) -> "RngScope":
        self._tokens.append(_active_scope.set(self))
        return self

    def __exit__(self, *_: object) -> None:
        _active_scope.reset(self._tokens.pop())


class PerImageRng(RngScope):
    """Draws row i of every tensor from seed i alone, on the CPU, so that a seed gives one image on any device."""

    def __init__(self, seeds: Sequence[int]) -> None:
        super().__init__("sample")
        self.seeds = [index(seed) for seed in seeds]  # an array's are no int, and a float is no seed

    def draw(self, name: str, out: Tensor, fill: Fill) -> Tensor:
        """`out` filled row by row; `len(out)` must be the number of seeds."""
        self.asked[name] += 1
        rows = [self._row(seed, name, out) for seed in self.seeds]
        return torch.cat([fill(row, g) for row, g in rows]).to(out.device)

    def _row(self, seed: int, name: str, out: Tensor) -> tuple[Tensor, Generator]:
        row = torch.empty(1, *out.shape[1:], dtype=out.dtype)
        return row, generator(*self.key, seed, name, self.asked[name])


_active_scope: ContextVar[RngScope | None] = ContextVar("ganzoo_stream", default=None)


def active_scope() -> RngScope | None:
    """The active stream, if any."""
    return _active_scope.get()


def _draw(name: str, out: Tensor, fill: Fill) -> Tensor:
    stream = _active_scope.get()
    return fill(out, None) if stream is None else stream.draw(name, out, fill)


def batch_shard() -> BatchShard:
    """The rows of the batch that the active stream draws; all rows outside a split."""
    stream = _active_scope.get()
    return stream.share if stream else FULL_BATCH


def split_batch(parts: int) -> list[AbstractContextManager[object]]:
    """A context for each of `parts` parts of the batch, in which this part's rows are drawn."""
    stream = _active_scope.get()
    return list(stream.split(parts)) if stream else [nullcontext()] * parts


@contextmanager
def full_batch() -> Iterator[None]:
    """A context in which the rows of the whole batch are drawn, the same in every part."""
    stream = _active_scope.get() or RngScope()
    before, stream.share = stream.share, FULL_BATCH
    try:
        yield
    finally:
        stream.share = before


def step() -> int:
    """The step number of the active `RngScope(..., step)`; 0 outside of one."""
    stream = _active_scope.get()
    number = stream.key[-1] if stream else 0
    return number if isinstance(number, int) else 0


def normal(name: str, *shape: int, device: torch.device | str = "cpu") -> Tensor:
    """N(0, 1) numbers of the given shape (N, ...)."""
    return _draw(name, torch.empty(shape, device=device), lambda out, g: out.normal_(generator=g))


def uniform(name: str, *shape: int, device: torch.device | str = "cpu") -> Tensor:
    """Uniform numbers in [0, 1) of the given shape (N, ...)."""
    return _draw(name, torch.empty(shape, device=device), lambda out, g: out.uniform_(generator=g))


def integers(name: str, high: int, *shape: int, device: torch.device | str = "cpu") -> Tensor:
    """Uniform integers in [0, high), int64, of the given shape (N, ...)."""
    out = torch.empty(shape, dtype=torch.long, device=device)
    return _draw(name, out, lambda out, g: out.random_(0, high, generator=g))
