"""The cheap net's game as a demo of Unrolled GAN's authors has it: both move at once, from orthogonal weights; prints a table.

    python benchmarks/simultaneous.py [--seeds 3] [--like-ours turns|fakes|weights|first ...] [--data ring grid]

The demo of Unrolled GAN's authors (github.com/poolio/unrolled_gan) without unrolling: D and G of toy/minimax and their rates,
but one batch of fakes serves both, and neither sees the other's step. ganzoo's trainer lets D move first, draws new fakes for
G, and begins with weights as in He et al. 2015: `--like-ours` takes over one of these or several, "first" those weights in
the first layer of D alone. So one sees which makes the difference (docs/results/mixtures.md). One thread; two to three minutes
for a seed and a set.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from statistics import mean

import torch
from torch import Tensor, nn
from torch.autograd import grad
from torch.nn import functional as F

from ganzoo.data.sources.mixtures import MIXTURES
from ganzoo.evaluation import modes
from ganzoo.networks.layers import Linear, Tanh

STEPS, BATCH, LATENT, WIDTH, GAIN = 25_000, 512, 256, 128, 1.4
OURS = ("turns", "fakes", "weights", "first")
FACTORS = {"modes": 1, "high_quality": 100, "reverse_kl": 1}


def net(inputs: int, outputs: int, init: Callable[[Tensor], Tensor]) -> nn.Sequential:
    """Two hidden layers of tanh."""
    layers = [Linear(inputs, WIDTH), Linear(WIDTH, WIDTH), Linear(WIDTH, outputs)]
    for layer in layers:
        init(layer.weight)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], Tanh(), layers[1], Tanh(), layers[2])


class Player:
    """A network with its optimiser."""

    def __init__(self, network: nn.Sequential, rate: float) -> None:
        self.network, self.weights = network, list(network.parameters())
        self.adam = torch.optim.Adam(self.weights, rate, (0.5, 0.999))

    def move(self, slopes: Sequence[Tensor]) -> None:
        """One step down."""
        for weight, slope in zip(self.weights, slopes, strict=True):
            weight.grad = slope
        self.adam.step()


def play(data: str, seed: int, ours: Sequence[str]) -> dict[str, float]:
    """The scores of 2,500 samples after the last step."""
    rng = torch.manual_seed(seed)
    init = nn.init.kaiming_normal_ if "weights" in ours else partial(nn.init.orthogonal_, gain=GAIN)
    g, d = Player(net(LATENT, 2, init), 1e-3), Player(net(2, 1, init), 1e-4)
    if "first" in ours:
        nn.init.kaiming_normal_(d.weights[0])
    for _ in range(STEPS):
        step(g, d, torch.from_numpy(MIXTURES[data].draw(BATCH, rng)[0]), ours)
    with torch.no_grad():
        return modes.count_modes(data, g.network(torch.randn(2500, LATENT)).view(-1, 2, 1, 1))


def step(g: Player, d: Player, real: Tensor, ours: Sequence[str]) -> None:
    """D descends the loss and G ascends it."""
    fake = g.network(torch.randn(BATCH, LATENT))
    loss = F.softplus(-d.network(real)).mean() + F.softplus(d.network(fake.detach())).mean()
    down = grad(loss, d.weights)
    if "turns" in ours:
        d.move(down)
    if "fakes" in ours:
        fake = g.network(torch.randn(BATCH, LATENT))
    g.move(grad(-F.softplus(d.network(fake)).mean(), g.weights))
    if "turns" not in ours:
        d.move(down)


def main() -> None:
    """Play on both sets and print mean and range of each score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--like-ours", nargs="*", default=[], choices=OURS)
    parser.add_argument("--data", nargs="*", default=["ring", "grid"], choices=["ring", "grid"])
    given = parser.parse_args()
    torch.set_num_threads(1)
    print("| like ours | set | modes | HQ % | rKL |\n|---|---|---|---|---|")
    for data in given.data:
        found = [play(data, seed, given.like_ours) for seed in range(given.seeds)]
        columns = [[factor * score[key] for score in found] for key, factor in FACTORS.items()]
        told = (f"{mean(c):.3g} ({min(c):.3g} to {max(c):.3g})" for c in columns)
        print("|", " | ".join([", ".join(given.like_ours), data, *told]), "|", flush=True)


if __name__ == "__main__":
    main()
