"""D also meets fakes of the past."""

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

    A share of D's fakes is exchanged for fakes of earlier steps, out of a pool that every new fake enters; labels and codes
    stay with their image. Until the pool is full nothing leaves it, then a newcomer takes a place:
      random     always, of any that is there (the paper's; the pool's age falls off geometrically)
      reservoir  with the odds that keep every fake since the start equally likely to be there
    Under packing whole packs are kept and exchanged, so that no pack has fakes of two steps.
    Settings: the paper takes half of the batch. The pool is stored in half precision, in buffers.
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
        replacement: Literal[
            "random", "reservoir"
        ] = "random",  # choice of the fake that a new one replaces in a full pool
    ) -> None:
        super().__init__()
        self.capacity, self.share, self.replacement = capacity, share, replacement
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    def attach(self, generator: nn.Module, discriminator: nn.Module, example: Batch) -> None:
        """Make room for fakes like `example`; the last row takes what finds no place."""
        for field in FIELDS:
            value = getattr(example, field)
            if value is not None:
                kind = torch.float16 if value.is_floating_point() else value.dtype
                self.register_buffer(field, value.new_zeros((self.capacity + 1, *value.shape[1:]), dtype=kind))

    def mix(self, real: Batch, fake: Batch) -> tuple[Batch, Batch]:
        """Reals as they are; fakes with a share of the past among them."""
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
                pool[-1:].zero_()  # no number is assigned: some versions of PyTorch bring it from the CPU, and wait
        self.seen += len(fake)

    def _places(self, n: int, device: torch.device) -> Tensor:
        """Where each newcomer goes, (n,); `capacity`, the row that is never read, for one that is turned away."""
        number = self.seen + torch.arange(n, device=device)
        u = rng.uniform("replay.enter", n, device=device)
        u = u if device.type == "mps" else u.double()  # which MPS does not have; it matters from 16 million fakes on
        odds = number + 1 if self.replacement == "reservoir" else torch.full_like(number, self.capacity)
        late = (u * odds).long().clamp(max=self.capacity)
        place = torch.where(number < self.capacity, number, late)
        # Of two that drew one place the later stays: left to the device, the winner would be whichever thread came last.
        beaten = (place[:, None] == place).triu(1).any(1)
        return place.masked_fill(beaten, self.capacity)
