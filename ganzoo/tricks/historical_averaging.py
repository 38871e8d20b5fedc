"""Both players are held near the mean of their own past."""

from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ganzoo.batch import Batch, DiscriminatorFn, DiscriminatorOutput, Terms
from ganzoo.tricks.base import Phase, Trick

PLAYERS = ("generator", "discriminator")


class HistoricalAveraging(Trick):
    """Improved Techniques for Training GANs. Salimans et al., 2016, https://arxiv.org/abs/1606.03498, section 3.3

    Each player's loss gains weight ||theta - mean of theta over all steps so far||^2, the mean taken once a training step.
    Settings: the paper names no weight.
    """

    name: ClassVar[str] = "historical_averaging"
    phase: ClassVar[Phase] = Phase.TERMS
    neutral: ClassVar[dict[str, Any]] = {"weight": 0.0}
    number: ClassVar[int | None] = 21

    steps: Tensor

    def __init__(
        self,
        *,
        weight: Annotated[float, Field(ge=0)] = 1e-3,  # weight of the term in both losses
    ) -> None:
        super().__init__()
        self.weight = weight
        self.register_buffer("steps", torch.ones(()))

    def attach(self, generator: nn.Module, discriminator: nn.Module, example: Batch) -> None:
        """The mean begins at the first weights."""
        # In a tuple, so that they do not become parts of this module.
        self.players = (generator, discriminator)
        for name, player in zip(PLAYERS, self.players, strict=True):
            self.register_buffer(name, weights(player).detach().clone())

    def d_terms(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Terms:
        """D's distance from its past."""
        return self._distance("discriminator")

    def g_terms(self, judge: DiscriminatorFn, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """G's distance from its past."""
        return self._distance("generator")

    @torch.no_grad()
    def after_g_step(self) -> None:
        """Both means take one step more into account."""
        self.steps += 1
        for name, player in zip(PLAYERS, self.players, strict=True):
            mean = getattr(self, name)
            mean += (weights(player) - mean) / self.steps

    def _distance(self, name: str) -> Terms:
        if not self.weight:
            return {}
        now = weights(self.players[PLAYERS.index(name)])
        return {"history": self.weight * (now - getattr(self, name)).square().sum()}


def weights(player: nn.Module) -> Tensor:
    """All parameters of a player in one vector."""
    return torch.cat([p.flatten() for p in player.parameters()])
