"""The cheap net's game as a demo of Unrolled GAN's authors has it: both move at once, from orthogonal weights; prints a table.

    python benchmarks/simultaneous.py [--seeds 3]

The demo of Unrolled GAN's authors (github.com/poolio/unrolled_gan) without unrolling: D and G of toy/minimax and their rates,
but one batch of fakes serves both, and neither sees the other's step. ganzoo's trainer moves one after the other; this loop
is here to see what that changes (docs/results/mixtures.md). One thread; about two minutes for a seed and a set.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from statistics import mean

import torch
from torch import Tensor, nn
from torch.autograd import grad
from torch.nn import functional as F

from ganzoo.data.mixtures import MIXTURES
from ganzoo.evaluation import modes

STEPS, BATCH, LATENT, WIDTH, GAIN = 25_000, 512, 256, 128, 1.4
FACTORS = {"modes": 1, "high_quality": 100, "reverse_kl": 1}


def net(inputs: int, outputs: int) -> nn.Sequential:
    """Two hidden layers of tanh."""
    layers = [nn.Linear(inputs, WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, outputs)]
    for layer in layers:
        nn.init.orthogonal_(layer.weight, GAIN)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], nn.Tanh(), layers[1], nn.Tanh(), layers[2])


def play(data: str, seed: int) -> dict[str, float]:
    """The scores of 2,500 samples after the last step."""
    rng = torch.manual_seed(seed)
    g, d = net(LATENT, 2), net(2, 1)
    optimisers = [torch.optim.Adam(p.parameters(), rate, (0.5, 0.999)) for p, rate in ((g, 1e-3), (d, 1e-4))]
    for _ in range(STEPS):
        step(g, d, torch.from_numpy(MIXTURES[data].draw(BATCH, rng)[0]), optimisers)
    with torch.no_grad():
        return modes.measure(data, g(torch.randn(2500, LATENT)).view(-1, 2, 1, 1))


def step(g: nn.Module, d: nn.Module, real: Tensor, optimisers: Sequence[torch.optim.Optimizer]) -> None:
    """D descends the loss and G ascends it, both from where they were."""
    on_fake = F.softplus(d(g(torch.randn(BATCH, LATENT)))).mean()
    loss = F.softplus(-d(real)).mean() + on_fake
    down = grad(loss, list(d.parameters()), retain_graph=True)
    up = grad(-on_fake, list(g.parameters()))
    for player, slopes, optimiser in zip((g, d), (up, down), optimisers, strict=True):
        for weight, slope in zip(player.parameters(), slopes, strict=True):
            weight.grad = slope
        optimiser.step()


def main() -> None:
    """Play on both sets and print mean and range of each score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print("| set | modes | HQ % | rKL |\n|---|---|---|---|")
    for data in ("ring", "grid"):
        found = [play(data, seed) for seed in range(given.seeds)]
        columns = [[factor * score[key] for score in found] for key, factor in FACTORS.items()]
        print("|", data, "|", " | ".join(f"{mean(c):.3g} ({min(c):.3g} to {max(c):.3g})" for c in columns), "|")


if __name__ == "__main__":
    main()
