"""Target networks: the opponent is a slow average of itself."""

from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import nn

from ganzoo.batch import Batch
from ganzoo.tricks.base import Phase, Trick
from ganzoo.tricks.historical_opponents import frozen_copy


class TargetNetworks(Trick):
    """Continuous control with deep reinforcement learning. Lillicrap et al., 2016, https://arxiv.org/abs/1509.02971, section 3

    The player that moves meets a slow copy of its opponent: D' judges G's images, and D's fakes come from G'. Before each
    update of the other player the copy moves toward its original, theta' <- tau theta + (1 - tau) theta'; buffers are copied.
    Proposed for GANs as actor-critic methods (Pfau & Vinyals, 2016, https://arxiv.org/abs/1610.01945; tip 10 of Chintala et
    al., 2016, https://github.com/soumith/ganhacks). It is refused for losses that need D's own output in G's steps.
    Settings: tau, 0.001 in the source for runs of millions of steps, and the players that have a copy.
    """

    name: ClassVar[str] = "target_networks"
    phase: ClassVar[Phase] = Phase.OPPONENT
    neutral: ClassVar[dict[str, Any]] = {"tau": 1.0}
    number: ClassVar[int | None] = 10
    replaces_d: ClassVar[bool] = True

    def __init__(
        self,
        *,
        tau: Annotated[float, Field(gt=0, le=1)] = 0.001,  # step of a copy toward its original; 1 = no copy
        player: Literal["generator", "discriminator", "both"] = "both",  # player that has a copy
    ) -> None:
        super().__init__()
        self.tau = tau
        self.copied = ("generator", "discriminator") if player == "both" else (player,)

    def attach(self, generator: nn.Module, discriminator: nn.Module, example: Batch) -> None:
        """Copy the initial weights."""
        players = {"generator": generator, "discriminator": discriminator}
        # In a tuple, so that the players do not become submodules.
        self.players = tuple((name, players[name]) for name in self.copied if self.tau < 1)
        for name, player in self.players:
            self.add_module(name, frozen_copy(player))

    def opponent(self, player: nn.Module) -> nn.Module:
        """The copy of `player`, after one step toward it; `player` itself if it has none."""
        names = [name for name, present in self.players if present is player]
        return self.approach(self.get_submodule(names[0]), player) if names else player

    @torch.no_grad()
    def approach(self, target: nn.Module, player: nn.Module) -> nn.Module:
        """Move the weights of `target` toward those of `player`, and copy the buffers."""
        torch._foreach_lerp_([*target.parameters()], [*player.parameters()], self.tau)
        for buffer, present in zip(target.buffers(), player.buffers(), strict=True):
            buffer.copy_(present)
        return target
