"""The Dirac-GAN of Mescheder et al., 2018 (https://arxiv.org/abs/1801.04406): games whose course is known.

The data are one point at 0, G makes the one point theta, D(x) = psi x. Alternating steps of plain gradient descent; time
is the number of steps times the rate.
"""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import nn

from ganzoo.batch import Batch, DiscriminatorOutput, Terms
from ganzoo.losses import NSGAN, WGAN, Loss, Minimax
from ganzoo.tricks import Trick
from ganzoo.tricks.gradient_penalty import R1


class Dirac:
    """Both players and their path; `radius` is the distance from the equilibrium at (0, 0)."""

    def __init__(self, loss: Loss, *tricks: Trick, theta: float = 1.0, psi: float = 0.0) -> None:
        self.loss, self.tricks = loss, tricks
        self.D, self.theta = nn.Linear(1, 1, bias=False, dtype=torch.float64), torch.tensor([[theta]]).double()
        nn.init.constant_(self.D.weight, psi)
        self.path = [(theta, psi)]

    def judge(self, samples: Batch) -> DiscriminatorOutput:
        return DiscriminatorOutput(samples.images, score=self.D(samples.images.flatten(1)).flatten())

    def d_slope(self) -> torch.Tensor:
        real, fake = Batch(torch.zeros_like(self.theta)), Batch(self.theta)
        terms = self.loss.d_loss(self.judge(real), self.judge(fake))
        for trick in self.tricks:
            terms |= trick.d_terms(self.judge, real, fake)
        return self._slope(terms, self.D.weight)

    def g_slope(self) -> torch.Tensor:
        theta = self.theta.clone().requires_grad_()
        return self._slope(self.loss.g_loss(None, self.judge(Batch(theta))), theta)

    def play(self, steps: int, rate: float, alternating: bool = True) -> Dirac:
        for _ in range(steps):
            before = None if alternating else self.g_slope()
            self.D.weight.data -= rate * self.d_slope()
            self.loss.after_d_step(self.D)
            self.theta = self.theta - rate * (self.g_slope() if before is None else before)
            self.path.append((self.theta.item(), self.D.weight.item()))
        return self

    def radius(self, step: int = -1) -> float:
        theta, psi = self.path[step]
        return (theta**2 + psi**2) ** 0.5

    @staticmethod
    def _slope(terms: Terms, of: torch.Tensor) -> torch.Tensor:
        return torch.autograd.grad(sum(terms.values()), of)[0]


def test_minimax_orbits() -> None:
    game = Dirac(Minimax()).play(1500, 0.1)
    radii = [game.radius(i) for i in range(1500)]
    assert min(radii) > 0.9 and max(radii) < 1.1
    turns = sum(a[0] > 0 >= b[0] for a, b in zip(game.path, game.path[1:], strict=False))
    assert 10 <= turns <= 13  # near the centre the angular speed is 1/2: 150 / (4 pi) = 12


def test_minimax_grows_where_both_move_at_once() -> None:
    assert Dirac(Minimax()).play(1500, 0.1, alternating=False).radius() > 1.3


def test_nsgan_creeps_in_as_the_root_of_8_over_t() -> None:
    game = Dirac(NSGAN()).play(2500, 0.2)
    for step in (1250, 2500):
        t = 0.2 * step
        assert abs(game.radius(step) / (8 / t) ** 0.5 - 1) < 0.06


@pytest.mark.parametrize("gamma", [1.0, 10.0])
def test_nsgan_with_r1_converges_exponentially(gamma: float) -> None:
    """In continuous time z^2 + gamma z + 1/4 = 0: critically damped at gamma = 1 (z = -1/2), overdamped at 10 (-0.025).

    The rate is compared with that of the alternating steps themselves, linear near the centre.
    """
    rate = 0.1
    d_move = torch.tensor([[1, 0], [-rate / 2, 1 - rate * gamma]])  # on (theta, psi)
    g_move = torch.tensor([[1, rate / 2], [0, 1]])
    slowest = torch.linalg.eigvals(g_move @ d_move).abs().max().item()
    game = Dirac(NSGAN(), R1(gamma=gamma)).play(600, rate)
    assert log(game.radius(600) / game.radius(300)) / 300 == pytest.approx(log(slowest), rel=0.005)


def test_wgan_oscillates_with_the_amplitude_of_its_clip() -> None:
    for clip in (0.05, 0.1):
        game = Dirac(WGAN(clip=clip), theta=0.3).play(800, 0.05)
        thetas, psis = zip(*game.path[-300:], strict=True)  # more than two turns
        assert max(map(abs, psis)) <= clip
        assert 0.9 * clip < max(thetas) < 1.15 * clip and -1.15 * clip < min(thetas) < -0.9 * clip
