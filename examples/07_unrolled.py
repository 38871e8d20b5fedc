"""Train G through D's next steps: Unrolled GAN (Metz et al. 2017, https://arxiv.org/abs/1611.02163) on a ring of eight modes.

`Unrolled` changes the order of the updates: before G's, it prepares a judge that copies D, lets the copy take K steps against
G's images, and returns the scores of the copy. G's gradient passes through these steps. They are plain gradient descent; the
paper unrolls Adam, and trains for 25,000 steps. Prints the modes that 2,500 samples of both runs reach.

    python examples/07_unrolled.py [--steps 2000] [--out runs/unrolled]
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

import ganzoo
from ganzoo.batch import Batch, DiscriminatorOutput, Terms
from ganzoo.losses import Loss

UNROLLED_STEPS, RATE = 5, 0.1


class UnrolledJudge(nn.Module):
    """D after `UNROLLED_STEPS` more steps against the images that it is asked to judge."""

    def __init__(self, discriminator: nn.Module, loss: Loss, real: Batch) -> None:
        super().__init__()
        self.discriminator, self.loss, self.real = discriminator, loss, real

    def forward(self, fake: Batch) -> DiscriminatorOutput:
        """D's output for `fake`, with G's gradient through every step of D."""
        weights = {name: p.detach().requires_grad_() for name, p in self.discriminator.named_parameters()}
        for _ in range(UNROLLED_STEPS):
            terms = self.loss.d_loss(self.judged(weights, self.real), self.judged(weights, fake))
            slopes = torch.autograd.grad(torch.stack([*terms.values()]).sum(), [*weights.values()], create_graph=True)
            weights = {name: w - RATE * slope for (name, w), slope in zip(weights.items(), slopes, strict=True)}
        self.seen_real = self.judged(weights, self.real)
        return self.judged(weights, fake)

    def judged(self, weights: Mapping[str, Tensor], samples: Batch) -> DiscriminatorOutput:
        """The output of D with these weights."""
        found: DiscriminatorOutput = functional_call(self.discriminator, dict(weights), (samples,))
        return found


class Unrolled(ganzoo.Trainer):
    """G meets D as it will be after its next steps."""

    def update_order(self) -> None:
        """D steps, then G against the unrolled D."""
        self.d_step()
        self.ahead = UnrolledJudge(self.D, self.loss, self.reals(self.rows))
        self.g_step()

    def opponent(self, player: nn.Module) -> nn.Module:
        """The network that judges or draws for the other player."""
        return self.ahead if player is self.D else super().opponent(player)

    def terms_of_g(self, judge: nn.Module, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """G raises D's loss, also that on reals, which G's images change through D's steps."""
        return {"adv": -torch.stack([*self.loss.d_loss(self.ahead.seen_real, fake).values()]).sum()}


def main() -> None:
    """Train with and without unrolling on the same data, networks and seed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=Path("runs/unrolled"))
    given = parser.parse_args()

    trainers: dict[str, Any] = {"alternating": ganzoo.Trainer, "unrolled": Unrolled}
    for name, trainer in trainers.items():
        settings = {"extends": "mixtures/minimax", "train": {"steps": given.steps, "batch_size": 128}}
        folder = ganzoo.train(settings, out=given.out / name, seed=0, trainer=trainer)
        scores = {score.name: score.value for score in ganzoo.evaluate(folder).scores}
        print(f"{name}: " + ", ".join(f"{key} {value:.3g}" for key, value in scores.items()))


if __name__ == "__main__":
    main()
