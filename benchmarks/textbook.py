"""Textbook training loop in plain eager PyTorch: losses as in the papers, Adam with default options."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn, optim
from torch.nn import functional as F

from ganzoo.batch import Batch
from ganzoo.kernels.dispatch import plain_operators
from ganzoo.training.trainer import Trainer

CRITIC_STEPS = {"wgan-gp": 5}


class Textbook:
    """The textbook loop over copies of a trainer's networks, with Adam for both players."""

    def __init__(self, made: Trainer, loss: str, lr: float = 2e-4, betas: tuple[float, float] = (0.5, 0.999)) -> None:
        self.G, self.D = copy.deepcopy(made.G), copy.deepcopy(made.D)
        self.terms, self.critic_steps = LOSSES[loss](self.D), CRITIC_STEPS.get(loss, 1)
        self.z, self.batch, self.device = made.game.latent.size, made.config.train.batch_size, made.device
        self.opt_g, self.opt_d = (optim.Adam(net.parameters(), lr, betas) for net in (self.G, self.D))
        self.images = batches(made)

    def cycle(self) -> None:
        """Do D's steps, then G's."""
        with plain_operators():
            for _ in range(self.critic_steps):
                real, fake = next(self.images), self.G(torch.randn(self.batch, self.z, device=self.device)).detach()
                self.step(self.opt_d, self.terms.of_d(real, fake))
            self.step(self.opt_g, self.terms.of_g(self.G(torch.randn(self.batch, self.z, device=self.device))))

    def step(self, optimizer: optim.Optimizer, loss: Tensor) -> None:
        """Do one gradient step."""
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def batches(made: Trainer) -> Iterator[Tensor]:
    """Endless batches of real images."""
    while True:
        yield made.batches.next(made.config.train.batch_size).images


class NSGAN:
    """Non-saturating loss of Goodfellow et al. 2014."""

    def __init__(self, discriminator: nn.Module) -> None:
        self.discriminator = discriminator

    def score(self, images: Tensor) -> Tensor:
        """D's logit."""
        return self.discriminator(Batch(images)).score

    def of_d(self, real: Tensor, fake: Tensor) -> Tensor:
        """D's loss."""
        return F.softplus(-self.score(real)).mean() + F.softplus(self.score(fake)).mean()

    def of_g(self, fake: Tensor) -> Tensor:
        """G's loss."""
        return F.softplus(-self.score(fake)).mean()

    def penalty(self, at: Tensor) -> Tensor:
        """10 E (||grad D|| - 1)^2."""
        at = at.requires_grad_()
        (slope,) = torch.autograd.grad(self.score(at).sum(), at, create_graph=True)
        return 10 * (slope.flatten(1).norm(dim=1) - 1).square().mean()


class WGANGP(NSGAN):
    """WGAN-GP, Gulrajani et al. 2017, algorithm 1."""

    def of_d(self, real: Tensor, fake: Tensor) -> Tensor:
        """D's loss."""
        a = torch.rand(len(real), 1, 1, 1, device=real.device)
        return self.score(fake).mean() - self.score(real).mean() + self.penalty(a * real + (1 - a) * fake)

    def of_g(self, fake: Tensor) -> Tensor:
        """G's loss."""
        return -self.score(fake).mean()


class DRAGAN(NSGAN):
    """DRAGAN, Kodali et al. 2017, algorithm 1."""

    def of_d(self, real: Tensor, fake: Tensor) -> Tensor:
        """D's loss."""
        near = real + real.std() * (torch.rand_like(real) - 0.5)
        return super().of_d(real, fake) + self.penalty(near.clamp(-1, 1))


class BEGAN(NSGAN):
    """BEGAN, Berthelot et al. 2017, section 3.4."""

    k = 0.0

    def energy(self, images: Tensor) -> Tensor:
        """The mean absolute reconstruction error of D."""
        return (self.discriminator(Batch(images)).reconstruction - images).abs().mean()

    def of_d(self, real: Tensor, fake: Tensor) -> Tensor:
        """D's loss; also updates k with the same energies."""
        of_real, of_fake = self.energy(real), self.energy(fake)
        self.k = min(max(self.k + 0.001 * (0.5 * of_real.item() - of_fake.item()), 0), 1)
        return of_real - self.k * of_fake

    def of_g(self, fake: Tensor) -> Tensor:
        """G's loss."""
        return self.energy(fake)


LOSSES = {"nsgan": NSGAN, "wgan-gp": WGANGP, "dragan": DRAGAN, "began": BEGAN}
