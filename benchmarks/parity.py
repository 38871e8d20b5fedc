"""Compare five training steps of ganzoo with those of another library, on its own networks.

    python benchmarks/parity.py PEER_CHECKOUT [--only NAME ...] [--steps 5] [--batch 8] [--precision float64|float32]

PEER_CHECKOUT is a folder with mimicry or with pytorch-gan-collections; their other dependencies are not needed. The peer's
initial weights are copied into the networks of the recipe in zoo_configs/peers. Then both update D and G on the same reals,
latents and penalty points, each by its own code: ganzoo by `Trainer.d_update` and `g_update`. After each step the script
prints the differences: of the loss, of the gradient (the largest, relative to the largest gradient of the network) and of
the weights (the largest). Reals are noise in [-1, 1]; the learning rate is 1e-5 in both.

A power iteration of PyTorch's spectral norm updates u before v, one of the peers' v before u, so ganzoo's D is half an
iteration ahead. A D with spectral norm is therefore compared twice: "v first" gives ganzoo's the order of the peer, "own
order" leaves it and lets the peer's D iterate 15 times before, as ganzoo's does when it is built.
Results: docs/reports/parity.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from parity_peers import ADAM, Cell, Layers, Peer, cells
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import _SpectralNorm

from ganzoo.batch import Batch
from ganzoo.builder import resolve_config
from ganzoo.config.recipes import make_config
from ganzoo.config.tables import Table
from ganzoo.data import Dataset
from ganzoo.errors import InputError
from ganzoo.networks.initialization import POWER_ITERATIONS
from ganzoo.rng import Fill, RngScope
from ganzoo.training.accumulation import total_loss
from ganzoo.training.loop import make_trainer
from ganzoo.training.trainer import Trainer


class Given(RngScope):
    """Answers every draw with the tensor that is given for its stream."""

    def __init__(self, **streams: Tensor) -> None:
        super().__init__("given")
        self.streams = streams

    def draw(self, name: str, out: Tensor, fill: Fill) -> Tensor:
        """The numbers of stream `name` in the shape of `out`."""
        return self.streams[name.replace(".", "_")].reshape(out.shape)


class VFirst(_SpectralNorm):
    """Spectral norm whose power iteration updates v before u, as in Miyato et al. 2018, algorithm 1."""

    @torch.no_grad()
    def _power_method(self, weight_mat: Tensor, n_power_iterations: int) -> None:
        for _ in range(n_power_iterations):
            self._v.copy_(F.normalize(weight_mat.T @ self._u, dim=0, eps=self.eps))
            self._u.copy_(F.normalize(weight_mat @ self._v, dim=0, eps=self.eps))


class Difference(NamedTuple):
    """The differences of one update of one player."""

    loss: float
    gradient: float
    weights: float


def make_ours(recipe: str, loss: str, batch: int, tables: Table | None = None, size: int = 32) -> Trainer:
    """Ganzoo's trainer for a recipe with `tables` over it, on images that it will not read."""
    players = {player: {"name": "adam", **ADAM} for player in ("generator", "discriminator")}
    train = {"batch_size": batch, "device": "cpu", "threads": 1, "precision": "float32", **players}
    data = Dataset.from_tensor(torch.zeros(batch, 3, size, size, dtype=torch.uint8), torch.arange(batch) % 2)
    config = make_config(recipe, {"loss": {"name": loss}, "train": train, **(tables or {})})
    return make_trainer(resolve_config(config, data), data)


def pairs(ours: nn.Module, theirs: nn.Module, layers: Layers) -> list[tuple[nn.Module, nn.Module]]:
    """The layers of a player that have the same weights; raises `InputError` if a weight of either is left out."""
    found = [(ours.get_submodule(a), theirs.get_submodule(b)) for a, b in layers.items() if starts_in(ours, a)]
    for side, network in enumerate((ours, theirs)):
        counted = sum(p.numel() for pair in found for p in weights(pair[side]).values())
        if counted != (size := sum(p.numel() for p in network.parameters())):
            raise InputError(f"{type(network).__module__}: {counted:,} of {size:,} weights have a layer in the table")
    return found


def starts_in(network: nn.Module, layer: str) -> bool:
    """True if `layer` belongs to this player: a decoder is G's."""
    return layer.partition(".")[0] in dict(network.named_children())


def weights(layer: nn.Module) -> dict[str, nn.Parameter]:
    """Weight and bias of a layer; of one with spectral norm, the weight before the division."""
    names = {"parametrizations.weight.original": "weight", "weight_orig": "weight"}
    return {names.get(name, name): p for name, p in layer.named_parameters()}


def state(layer: nn.Module) -> dict[str, Tensor]:
    """The weights of a layer and batch norm's running statistics."""
    running = {name: value for name, value in layer.named_buffers() if name.startswith("running_")}
    return {**weights(layer), **running}


@torch.no_grad()
def copy_weights(ours: nn.Module, theirs: nn.Module, v_first: bool) -> None:
    """Copy the peer's weights and singular vectors into a layer of ganzoo's; with `v_first`, change its power iteration."""
    for name, value in weights(theirs).items():
        weights(ours)[name].copy_(value)
    vectors = dict(theirs.named_buffers())
    if (u := vectors.get("weight_u", vectors.get("sn_u"))) is not None:
        norm: _SpectralNorm = ours.parametrizations.weight[0]  # type: ignore[union-attr, index, assignment]
        norm.__class__ = VFirst if v_first else _SpectralNorm
        norm._u.copy_(u.flatten())
        norm._v.copy_(F.normalize(weights(ours)["weight"].flatten(1).T @ norm._u, dim=0))


def difference(losses: tuple[float, float], layers: list[tuple[nn.Module, nn.Module]]) -> Difference:
    """The differences of losses, gradients and weights after an update."""
    both = [(a, weights(theirs)[name]) for ours, theirs in layers for name, a in weights(ours).items()]
    gradients = [(a.grad, b.grad) for a, b in both]
    largest = max(b.abs().max().item() for _, b in gradients)
    apart = max((a - b).abs().max().item() for a, b in gradients)
    values = [(a, state(theirs)[name]) for ours, theirs in layers for name, a in state(ours).items()]
    moved = max((a - b).abs().max().item() for a, b in values)
    return Difference(abs(losses[0] - losses[1]), apart / (largest or 1), moved)


def compare(trainer: Trainer, peer: Peer, steps: int, v_first: bool = True) -> Iterator[tuple[Difference, Difference]]:
    """The differences of D's and G's update in each of `steps` steps, from the peer's initial weights."""
    players = (trainer.D, peer.d), (trainer.G, peer.g)
    of_d, of_g = (pairs(ours, theirs, peer.layers) for ours, theirs in players)
    batch, shape, dim = trainer.rows, trainer.config.dataset.shape, trainer.config.latent.dim
    g = Generator().manual_seed(0)
    for _ in range(0 if v_first else POWER_ITERATIONS):
        peer.d(torch.zeros(1, *shape))
    for ours, theirs in (*of_d, *of_g):
        copy_weights(ours, theirs, v_first)
    for _ in range(steps):
        real, mix = torch.rand(batch, *shape, generator=g) * 2 - 1, torch.rand(batch, 1, generator=g)
        z = torch.randn(batch, dim, generator=g)
        with Given(z=z, gp_mix=mix):
            mine = total_loss(trainer.d_update(Batch(real))).item()
        d = difference((mine, peer.d_update(real, z, mix)), of_d)
        z = torch.randn(batch * trainer.config.train.g_batch_multiple, dim, generator=g)
        with Given(z=z):
            mine = total_loss(trainer.g_update(None)).item()
        yield d, difference((mine, peer.g_update(z)), of_g)


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """A context in which new tensors and layers have this type."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(usual)


def rows(name: str, cell: Cell, steps: int, batch: int, precision: str) -> Iterator[str]:
    """The rows of one cell, as its steps end."""
    with default_dtype(getattr(torch, precision)):
        for order, v_first in (("v first", True), ("own order", False)):
            trainer = make_ours(cell.recipe, cell.loss, batch)
            limited = trainer.config.networks.discriminator["spectral_norm"]
            if not (v_first or limited):
                return
            torch.manual_seed(0)
            peer = cell.make(trainer.config.latent.dim)
            title = f"{name}, {order}" if limited else name
            for i, (d, g) in enumerate(compare(trainer, peer, steps, v_first), 1):
                yield f"| {title} | `{cell.loss}` | {precision} | {i} | {' | '.join(f'{x:.1e}' for x in (*d, *g))} |"


COLUMNS = ("peer", "loss", "precision", "step", "D loss", "gradient", "weights", "G loss", "gradient", "weights")


def main() -> None:
    """Print the table of a checkout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="cells by name; default: all")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--precision", choices=("float64", "float32"), default="float64")
    given = parser.parse_args()
    try:
        found = cells(given.checkout.resolve())
    except InputError as error:
        parser.error(str(error))
    if unknown := {*(given.only or ())} - found.keys():
        parser.error(f"--only {' '.join(sorted(unknown))}: choose from {', '.join(map(repr, found))}")
    print(f"torch {torch.__version__}\n\n| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|")
    for name in given.only or found:
        for row in rows(name, found[name], given.steps, given.batch, given.precision):
            print(row, flush=True)


if __name__ == "__main__":
    main()
