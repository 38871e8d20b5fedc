"""Experience replay: a buffer of past fakes for D's batch."""

from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from ganzoo import rng
from ganzoo.batch import Batch
from ganzoo.tricks.base import Phase, Trick

FIELDS = ("images", "labels", "code")


class Replay(Trick):
    """Learning from Simulated and Unsupervised Images. Shrivastava et al., 2017, https://arxiv.org/abs/1612.07828, sec. 2.3

    Replaces a share of D's fakes by fakes of earlier steps, from a pool that every new fake enters; labels and codes stay with
    their image. Once the pool is full, a new fake replaces an old one:
      random     always, at a random place (as in the paper; ages in the pool are geometrically distributed)
      reservoir  with the probability that keeps all fakes since the start equally likely to be in the pool
    With packing whole packs are stored and replaced, so that no pack mixes fakes of two steps.
    Settings: capacity, share (half of the batch in the paper), replacement. The pool is stored in half precision, in buffers.
    """

    name: ClassVar[str] = "replay"
    phase: ClassVar[Phase] = Phase.FAKES
    neutral: ClassVar[dict[str, Any]] = {"share": 0.0}
    title: ClassVar[str] = "experience replay"
    number: ClassVar[int | None] = 10

    seen: Tensor

    def __init__(
        self,
        *,
        capacity: PositiveInt = 10_000,  # size of the pool, in images or packs
        share: Annotated[float, Field(ge=0, le=1)] = 0.5,  # fraction of D's fakes that come from the pool
        replacement: Literal["random", "reservoir"] = "random",  # choice of the fake that a new one replaces
    ) -> None:
        super().__init__()
        self.capacity, self.share, self.replacement = capacity, share, replacement
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    def attach(self, generator: nn.Module, discriminator: nn.Module, example: Batch) -> None:
        """Allocate the pool for fakes like `example`; the last row takes rejected fakes and is never read."""
        for field in FIELDS:
            value = getattr(example, field)
            if value is not None:
                kind = torch.float16 if value.is_floating_point() else value.dtype
                self.register_buffer(field, value.new_zeros((self.capacity + 1, *value.shape[1:]), dtype=kind))

    def mix(self, real: Batch, fake: Batch) -> tuple[Batch, Batch]:
        """The unchanged reals, and the fakes with a share replaced by past fakes."""
        if not self.share:
            return real, fake
        mixed = self._with_past(fake)
        self._enter(fake)
        return real, mixed

    def _with_past(self, fake: Batch) -> Batch:
        n, device = len(fake), fake.images.device
        filled = self.seen.clamp(max=self.capacity)
        place = (rng.uniform("replay.place", n, device=device) * filled).long()
        old = (rng.uniform("replay.share", n, device=device) < self.share) & (filled > 0)
        return Batch(*(self._chosen(field, getattr(fake, field), old, place) for field in FIELDS))  # type: ignore[arg-type]

    def _chosen(self, field: str, new: Tensor | None, old: Tensor, place: Tensor) -> Tensor | None:
        if new is None:
            return None
        past = getattr(self, field)[place].to(new.dtype)
        return torch.where(old.view(-1, *(1,) * (new.ndim - 1)), past, new)

    def _enter(self, fake: Batch) -> None:
        place = self._places(len(fake), fake.images.device)
        for field in FIELDS:
            value = getattr(fake, field)
            if value is not None:
                pool = getattr(self, field)
                pool[place] = value.to(pool.dtype)
                pool[-1:].zero_()  # not `= 0`: in some versions of PyTorch that copies from the CPU and synchronizes
        self.seen += len(fake)

    def _places(self, n: int, device: torch.device) -> Tensor:
        """Row of each new fake in the pool, (n,); `capacity`, the row that is never read, if it is rejected."""
        number = self.seen + torch.arange(n, device=device)
        u = rng.uniform("replay.enter", n, device=device)
        u = u if device.type == "mps" else u.double()  # not supported by MPS; matters after 16 million fakes
        odds = number + 1 if self.replacement == "reservoir" else torch.full_like(number, self.capacity)
        late = (u * odds).long().clamp(max=self.capacity)
        place = torch.where(number < self.capacity, number, late)
        # If two fakes draw the same row, the later one wins; otherwise the result would depend on the device's thread order.
        beaten = (place[:, None] == place).triu(1).any(1)
        return place.masked_fill(beaten, self.capacity)
