"""Historical opponents: in some steps a frozen past copy replaces the opponent."""

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
    """Past checkpoints. How to Train a GAN? Chintala et al., 2016, https://github.com/soumith/ganhacks, tip 8

    Every `every` G steps, for `steps` G steps, a frozen copy of G generates the fakes of D's steps, and a frozen copy of D is
    the discriminator of G's steps. A new copy is taken after a swap ends, so it is `every` - `steps` G steps old when it is
    used. The player that is updated is never replaced.
    Settings: 5 of 500 G steps; the source has "occasionally" and "for a few iterations".
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
        """Copy the initial weights."""
        players = {"generator": generator, "discriminator": discriminator}
        # In a tuple, so that the players do not become submodules.
        self.players = tuple((name, players[name]) for name in self.swapped if self.steps)
        for name, player in self.players:
            self.add_module(name, frozen_copy(player))

    def opponent(self, player: nn.Module) -> nn.Module:
        """The past copy of `player` during a swap, else `player`."""
        playing = self.count >= self.every and self.count % self.every < self.steps
        names = [name for name, present in self.players if present is player and playing]
        return self.get_submodule(names[0]) if names else player

    def after_g_step(self) -> None:
        """Count the step, and take new copies when a swap ends."""
        self.count += 1
        if self.count % self.every == self.steps:
            for name, player in self.players:
                self.get_submodule(name).load_state_dict(player.state_dict())

    def get_extra_state(self) -> Tensor:
        """The number of G steps so far; kept on the CPU, so that no step synchronizes with the device."""
        return torch.tensor(self.count)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore the number of G steps."""
        self.count = int(state)


def frozen_copy(player: nn.Module) -> nn.Module:
    """A frozen copy that no forward pass changes; batch norm uses the statistics of the batch, as in training."""
    past = copy.deepcopy(player).eval().requires_grad_(False)
    for layer in past.modules():
        if isinstance(layer, _BatchNorm):
            layer.train()
            layer.track_running_stats = False
    return past
