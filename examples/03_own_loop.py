"""Use a loss of ganzoo in a plain PyTorch loop, with networks of your own.

A loss knows no network, optimizer or config: it takes a `DiscriminatorOutput`, the batch with the scores that D gave it, and
returns named terms. Prints the terms of WGAN-GP every 20 steps.

    python examples/03_own_loop.py [--steps 60]
"""

import argparse
from itertools import cycle

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ganzoo.batch import Batch, DiscriminatorOutput, Terms
from ganzoo.data import load
from ganzoo.losses import WGANGP

LATENT = 64


def networks() -> tuple[nn.Module, nn.Module]:
    """A generator (N, 64) -> (N, 1, 32, 32) in [-1, 1], and a critic (N, 1, 32, 32) -> (N, 1)."""
    generator = nn.Sequential(
        *(nn.Linear(LATENT, 64 * 8 * 8), nn.ReLU(), nn.Unflatten(1, (64, 8, 8))),
        *(nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(32, 1, 4, 2, 1), nn.Tanh()),
    )
    critic = nn.Sequential(
        *(nn.Conv2d(1, 32, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(32, 64, 4, 2, 1), nn.LeakyReLU(0.2)),
        *(nn.Flatten(), nn.Linear(64 * 8 * 8, 1)),
    )
    return generator, critic


def step(optimizer: torch.optim.Optimizer, terms: Terms) -> None:
    """One update down the sum of the terms."""
    optimizer.zero_grad()
    torch.stack(list(terms.values())).sum().backward()
    optimizer.step()


def main() -> None:
    """Three updates of the critic, then one of the generator."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=60)
    steps = parser.parse_args().steps

    torch.manual_seed(0)
    images = torch.from_numpy(load("digits").images.copy()).float() / 127.5 - 1  # (10000, 1, 32, 32)
    batches = cycle(DataLoader(images, batch_size=64, shuffle=True, drop_last=True))
    G, D = networks()
    opt_g, opt_d = (torch.optim.Adam(player.parameters(), 1e-3, (0.0, 0.9)) for player in (G, D))
    loss = WGANGP(weight=10.0)

    def fakes() -> Batch:
        return Batch(G(torch.randn(64, LATENT)))

    def judge(batch: Batch) -> DiscriminatorOutput:
        score: Tensor = D(batch.images).flatten()  # (N,); of a PatchGAN (N, 1, h, w) as it is
        return DiscriminatorOutput(batch.images, score=score)

    for number in range(1, steps + 1):
        for _ in range(3):
            real, fake = Batch(next(batches)), fakes().apply(Tensor.detach)
            d_terms = loss.d_loss(judge(real), judge(fake)) | loss.penalty(judge, real, fake)
            step(opt_d, d_terms)
            loss.after_d_step(D)  # nothing here; WGAN clips
        g_terms = loss.g_loss(None, judge(fakes()))  # None: this loss reads no reals (`loss.g_uses_real`)
        step(opt_g, g_terms)
        if number % 20 == 0 or number == steps:
            shown = {f"d/{k}": v for k, v in d_terms.items()} | {f"g/{k}": v for k, v in g_terms.items()}
            print(f"step {number}: " + ", ".join(f"{name} {value.item():.3f}" for name, value in shown.items()))


if __name__ == "__main__":
    main()
