"""A game with a third player: D2GAN (Nguyen et al. 2017, https://arxiv.org/abs/1709.03831) on a ring of eight modes.

One discriminator D gives high scores to reals, a second one to fakes, and G fools both: with the second, two directions of the
Kullback-Leibler divergence are minimized. `DualTrainer` adds the network and its optimizer to `players`, so that checkpoints,
exact resume and learning-rate schedules include it; `DualGAN.trainer` names it, so that every command that trains takes it.
Prints the modes that 2,500 samples reach, of nsgan and of this game. The paper trains for 25,000 steps.

    python examples/08_three_players.py [--steps 2000] [--out runs/three]
    ganzoo train d2gan --plugin examples/08_three_players.py --set networks.name=mlp --data ring
"""

import argparse
import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

import ganzoo
from ganzoo.batch import Batch, DiscriminatorOutput, Terms
from ganzoo.builder import make_optimizer
from ganzoo.losses import Loss
from ganzoo.networks import initialize
from ganzoo.rng import RngScope
from ganzoo.training.accumulation import MicroBatches
from ganzoo.training.state import Player


class DualTrainer(ganzoo.Trainer):
    """D, a second discriminator, then G: one update of each in a training step."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.second = copy.deepcopy(self.D)
        initialize(self.second, self.config.networks.init, self.config.seed, "second")
        self.opt_second = make_optimizer(self.config.train.discriminator, self.second)

    def players(self) -> dict[str, Player]:
        """The two players of every game, and the third."""
        third = Player(self.second, self.opt_second, self.config.train.discriminator)
        return super().players() | {"second": third}

    def update_order(self) -> None:
        """One update of each player."""
        self.d_step()
        with RngScope(self.seed, "second", self.step, share=self.group.share):
            self.d_terms = self.d_terms | self.second_update(self.reals(self.rows))
        self.g_step()

    def second_update(self, real: Batch) -> Terms:
        """One update of the second discriminator, on new fakes."""
        with torch.no_grad():
            fake = self.fakes(self.G, self.rows, real)
        micro = MicroBatches(self.accumulation, real, fake)
        self.opt_second.zero_grad()
        for reals, fakes in micro:
            micro.backward(self.loss.second_loss(self.judge(self.second, reals), self.judge(self.second, fakes)))
        return self.optimizer_step(self.opt_second, micro)

    def terms_of_g(self, judge: nn.Module, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """G's terms against D and the tricks, and its term against the second discriminator."""
        self.second.requires_grad_(False)
        judged = self.judge_seen(self.second, Batch(fake.images, fake.labels))
        self.second.requires_grad_(True)
        return super().terms_of_g(judge, real, fake) | {"second": self.loss.beta * log_odds(judged.score)}


def log_odds(score: Tensor) -> Tensor:
    """The mean of log D, with D = softplus(score) > 0."""
    return softplus(score).log().mean()


class DualGAN(Loss):
    """Dual discriminator generative adversarial nets. Nguyen et al., 2017, https://arxiv.org/abs/1709.03831

    L_D = -alpha E log D(x) + E D(g)         eq. 1, with D = softplus of the score
    L_D2 = E D2(x) - beta E log D2(g)        eq. 1, of the second discriminator
    L_G = -E D(g) + beta E log D2(g)         eq. 1

    Settings: alpha and beta, the weights of the two divergences.
    """

    name = "d2gan"
    trainer = DualTrainer
    score_border = None

    def __init__(
        self,
        *,
        alpha: float = 0.2,  # weight of the divergence of G's distribution from that of the data
        beta: float = 0.2,  # weight of the other direction
    ) -> None:
        super().__init__()
        self.alpha, self.beta = alpha, beta

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """High scores for reals."""
        return {"real": -self.alpha * log_odds(real.score), "fake": softplus(fake.score).mean()}

    def second_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """High scores for fakes, from the second discriminator."""
        return {"second_real": softplus(real.score).mean(), "second_fake": -self.beta * log_odds(fake.score)}

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """G's term against D."""
        return {"adv": -softplus(fake.score).mean()}


def main() -> None:
    """Train nsgan and D2GAN on the same data, with the same networks and seed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=Path("runs/three"))
    given = parser.parse_args()

    for name in ("nsgan", "d2gan"):
        train = {"steps": given.steps, "batch_size": 128}
        settings = {"extends": "mixtures/nsgan", "loss": {"name": name}, "train": train}
        folder = ganzoo.train(settings, out=given.out / name, seed=0)
        scores = {score.name: score.value for score in ganzoo.evaluate(folder).scores}
        print(f"{name}: " + ", ".join(f"{key} {value:.3g}" for key, value in scores.items()))
    # To continue such a run: ganzoo.resume(folder, steps=4000)


if __name__ == "__main__":
    main()
