"""A loss with small players and a batch, and the terms of both players."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ganzoo.batch import Batch
from ganzoo.contracts.players import SameDraws, ToyD, fakes, players, reals
from ganzoo.losses import LOSSES, Loss
from ganzoo.mistakes import checked_terms, place_of

Terms = dict[tuple[str, str], Tensor]
"""(method, term) -> value."""


class Game:
    """A loss, its small players, `n` reals and `n` fakes, all float64."""

    def __init__(self, name: str, n: int = 6, dtype: torch.dtype = torch.float64) -> None:
        self.loss = LOSSES[name]().to(dtype)
        self.G, self.D = players(self.loss, dtype)
        self.real, self.fake = reals(self.loss, n, dtype), fakes(self.loss, self.G, n)

    def d_terms(self) -> Terms:
        """D's terms, penalties included."""
        return d_terms(self.loss, self.D, self.real, self.fake)

    def g_terms(self) -> Terms:
        """G's terms."""
        return g_terms(self.loss, self.D, self.real, self.fake)

    def start_state(self) -> None:
        """Move scalar state off 0, where it may switch a term off, such as BEGAN's k."""
        for buffer in self.loss.buffers():
            if buffer.is_floating_point() and buffer.shape == () and not buffer:
                buffer.fill_(0.5)

    def place(self, hook: str, term: str = "") -> str:
        """File, line, class and method, for a message."""
        return place_of(self.loss, hook, term)


def d_terms(loss: Loss, D: ToyD, real: Batch, fake: Batch) -> Terms:
    """D's terms of a batch, penalties included."""
    fake = fake.apply(Tensor.detach)
    with SameDraws():
        own, penalty = checked_terms(loss, "d_loss", D(real), D(fake)), checked_terms(loss, "penalty", D, real, fake)
    return {("d_loss", name): term for name, term in own.items()} | {
        ("penalty", k): term for k, term in penalty.items()
    }


def g_terms(loss: Loss, D: ToyD, real: Batch, fake: Batch) -> Terms:
    """G's terms of a batch."""
    with SameDraws():
        found = checked_terms(loss, "g_loss", D(real).detach() if loss.g_uses_real else None, D(fake))
    return {("g_loss", name): term for name, term in found.items()}


def both(loss: Loss, D: ToyD, real: Batch, fake: Batch) -> Terms:
    """The terms of both players."""
    return d_terms(loss, D, real, fake) | g_terms(loss, D, real, fake)


def after_g_step(game: Game) -> None:
    """Call the hook after G's step with D's outputs."""
    real = game.D(game.real).detach() if game.loss.g_uses_real else None
    game.loss.after_g_step(real, game.D(game.fake).detach())


def halved(game: Game) -> Iterator[tuple[Batch, Batch]]:
    """Both halves of the reals and the fakes."""
    half = len(game.real) // 2
    for rows in (slice(half), slice(half, None)):
        yield game.real.apply(lambda t: t[rows]), game.fake.apply(lambda t: t[rows])  # noqa: B023
