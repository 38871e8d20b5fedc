"""Each player now and then meets the other as it was."""

import copy
from typing import Any, ClassVar, Literal

import torch
from pydantic import NonNegativeInt, PositiveInt
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ganzoo.batch import Batch
from ganzoo.errors import InputError
from ganzoo.tricks.base import Phase, Trick


class HistoricalOpponents(Trick):
    """How to Train a GAN? Chintala et al., 2016, https://github.com/soumith/ganhacks, tip 8: swap in checkpoints of the past

    In every `every`-th G step, for `steps` of them, a frozen copy of G makes the fakes of D's steps, and a frozen copy of D
    judges in G's steps. A copy is taken when the one before has played, so it enters `every` - `steps` G steps old. The
    players that learn are never replaced.
    Settings: "occasionally" and "for a few iterations" in the source; 5 of 500 here.
    """

    name: ClassVar[str] = "past_players"
    phase: ClassVar[Phase] = Phase.OPPONENT
    neutral: ClassVar[dict[str, Any]] = {"steps": 0}
    number: ClassVar[int | None] = 10
    capturable = False

    def __init__(
        self,
        *,
        every: PositiveInt = 500,  # G steps from one swap to the next
        steps: NonNegativeInt = 5,  # G steps that a swap lasts; 0 = never
        player: Literal["generator", "discriminator", "both"] = "both",  # player that its past replaces
    ) -> None:
        super().__init__()
        if steps >= every:
            raise InputError(f"past_players: steps must be less than every, not {steps} and {every}")
        self.every, self.steps = every, steps
        self.swapped = ("generator", "discriminator") if player == "both" else (player,)
        self.count = 0

    def attach(self, generator: nn.Module, discriminator: nn.Module, example: Batch) -> None:
        """The first copies are of the first weights."""
        players = {"generator": generator, "discriminator": discriminator}
        # By name and not as modules, so that the players do not become parts of this one.
        self.players = tuple((name, players[name]) for name in self.swapped if self.steps)
        for name, player in self.players:
            self.add_module(name, frozen_copy(player))

    def opponent(self, player: nn.Module) -> nn.Module:
        """The copy of `player` in the steps that belong to the past."""
        playing = self.count >= self.every and self.count % self.every < self.steps
        names = [name for name, present in self.players if present is player and playing]
        return self.get_submodule(names[0]) if names else player

    def after_g_step(self) -> None:
        """Count, and take new copies where the old ones have just played."""
        self.count += 1
        if self.count % self.every == self.steps:
            for name, player in self.players:
                self.get_submodule(name).load_state_dict(player.state_dict())

    def get_extra_state(self) -> Tensor:
        """The G steps so far: a number of the host's, so that no step waits for the device."""
        return torch.tensor(self.count)

    def set_extra_state(self, state: Tensor) -> None:
        """Go on from there."""
        self.count = int(state)


def frozen_copy(player: nn.Module) -> nn.Module:
    """A copy that no forward pass changes; batch norm still takes its statistics from the batch, as in training."""
    past = copy.deepcopy(player).eval().requires_grad_(False)
    for layer in past.modules():
        if isinstance(layer, _BatchNorm):
            layer.train()
            layer.track_running_stats = False
    return past
