"""The networks and updates of mimicry and pytorch-gan-collections, from a checkout that the user names.

None of their code is in this repository. The tables pair each layer of ganzoo's networks with the peer's layer.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from unittest.mock import MagicMock, patch

import torch
from torch import Tensor, nn, optim

from ganzoo.errors import InputError

Layers = dict[str, str]
"""Layer of ganzoo's G or D -> the peer's layer with the same weights."""

ADAM: dict[str, Any] = {"lr": 1e-5, "betas": (0.0, 0.9)}
"""The optimizer of both libraries, with a twentieth of their learning rate.

With 2e-4, Adam's first step moves the scores of mimicry's DCGAN by 100, and softplus has no gradient left to compare.
"""


def expanded(name: str) -> list[str]:
    """`name` with each of the numbers in its braces: `a{1,2}.b` -> `a1.b`, `a2.b`."""
    head, brace, rest = name.partition("{")
    numbers, _, tail = rest.partition("}")
    return [head + number + tail for number in numbers.split(",")] if brace else [name]


def layers(table: str) -> Layers:
    """The pairs of a table with a layer of ganzoo's and one of the peer's in each line."""
    lines = [map(expanded, line.split()) for line in table.splitlines() if line.strip()]
    return {ours: theirs for pair in lines for ours, theirs in zip(*pair, strict=True)}


MIMICRY = layers("""
    decoder.stem.linear                       l1
    decoder.block{1,2,3}.residual.norm1       block{2,3,4}.b1
    decoder.block{1,2,3}.residual.first.conv  block{2,3,4}.c1
    decoder.block{1,2,3}.residual.norm2       block{2,3,4}.b2
    decoder.block{1,2,3}.residual.last        block{2,3,4}.c2
    decoder.block{1,2,3}.shortcut.conv        block{2,3,4}.c_sc
    decoder.image.norm                        b5
    decoder.image.conv                        c5
    encoder.block{1,2}.residual.first         block{1,2}.c1
    encoder.block{1,2}.residual.last.conv     block{1,2}.c2
    encoder.block1.shortcut.conv              block1.c_sc
    encoder.block2.shortcut.resample.conv     block2.c_sc
    encoder.plain{1,2}.residual.first         block{3,4}.c1
    encoder.plain{1,2}.residual.last          block{3,4}.c2
    heads.score                               l5
""")
COLLECTIONS_RESNET = layers("""
    decoder.stem.linear                       linear
    decoder.block{1,2,3}.residual.norm1       blocks.{0,1,2}.residual.0
    decoder.block{1,2,3}.residual.first.conv  blocks.{0,1,2}.residual.3
    decoder.block{1,2,3}.residual.norm2       blocks.{0,1,2}.residual.4
    decoder.block{1,2,3}.residual.last        blocks.{0,1,2}.residual.6
    decoder.block{1,2,3}.shortcut.conv        blocks.{0,1,2}.shortcut.1
    decoder.image.norm                        output.0
    decoder.image.conv                        output.2
    encoder.block1.residual.first             model.0.residual.0
    encoder.block1.residual.last.conv         model.0.residual.2
    encoder.block1.shortcut.conv              model.0.shortcut.1
    encoder.block2.residual.first             model.1.residual.1
    encoder.block2.residual.last.conv         model.1.residual.3
    encoder.block2.shortcut.conv              model.1.shortcut.0
    encoder.plain{1,2}.residual.first         model.{2,3}.residual.1
    encoder.plain{1,2}.residual.last          model.{2,3}.residual.3
    heads.score                               linear
""")
COLLECTIONS_CNN = layers("""
    decoder.stem.project.linear  linear
    decoder.stem.norm            main.0
    decoder.stage{1,2,3}.up      main.{2,5,8}
    decoder.stage{1,2,3}.norm    main.{3,6,9}
    decoder.image.conv           main.11
    encoder.image.conv           main.0
    encoder.stage{1,2,3}.down    main.{2,6,10}
    encoder.stage{1,2,3}.conv    main.{4,8,12}
    heads.score                  linear
""")


class Peer:
    """The networks of a peer, with one update of each player as in the scripts of pytorch-gan-collections.

    `loss(real, fake)` is D's loss of scores (N, 1), `loss(fake)` that of G. `penalty(d, real, fake)`, times `weight`, is
    added to D's, and draws with `torch.rand`. An update returns the loss and leaves the gradients.
    """

    def __init__(
        self,
        g: nn.Module,
        d: nn.Module,
        layers: Layers,
        loss: Callable[..., Tensor],
        penalty: Callable[[nn.Module, Tensor, Tensor], Tensor] | None = None,
        weight: float = 10.0,
    ) -> None:
        self.g, self.d, self.layers, self.loss, self.penalty, self.weight = g, d, layers, loss, penalty, weight
        self.opt_g, self.opt_d = (optim.Adam(network.parameters(), **ADAM) for network in (g, d))

    def d_update(self, real: Tensor, z: Tensor, mix: Tensor) -> float:
        """One update of D on reals (N, C, H, W) and fakes of `z`; `mix` (N, 1) places the points of the penalty."""
        with torch.no_grad():
            fake = self.g(z)
        loss = self.loss(self.d(real), self.d(fake))
        if self.penalty is not None:
            with draws(z, mix):
                loss = loss + self.weight * self.penalty(self.d, real, fake)
        return step(self.opt_d, loss)

    def g_update(self, z: Tensor) -> float:
        """One update of G against the current D."""
        return step(self.opt_g, self.loss(self.d(self.g(z))))


class MimicryPeer(Peer):
    """Networks of mimicry, whose updates and losses are methods."""

    def __init__(self, g: nn.Module, d: nn.Module) -> None:
        super().__init__(g, d, MIMICRY, loss=lambda *scores: scores[0])
        self.penalties: list[float] = []
        if own := getattr(d, "compute_gradient_penalty_loss", None):
            d.compute_gradient_penalty_loss = lambda **given: self.kept(own(**given))

    def kept(self, penalty: Tensor) -> Tensor:
        """`penalty`, kept because mimicry logs D's loss without it."""
        self.penalties.append(penalty.item())
        return penalty

    def d_update(self, real: Tensor, z: Tensor, mix: Tensor) -> float:
        """One update of D by its method `train_step`."""
        log = MagicMock()
        self.penalties.clear()
        with draws(z, mix):
            self.d.train_step((real, None), netG=self.g, optD=self.opt_d, log_data=log)
        return logged(log, "errD") + sum(self.penalties)

    def g_update(self, z: Tensor) -> float:
        """One update of G by its method `train_step`."""
        log = MagicMock()
        with draws(z, z):
            self.g.train_step((z, None), netD=self.d, optG=self.opt_g, log_data=log)
        return logged(log, "errG")


def step(optimizer: optim.Optimizer, loss: Tensor) -> float:
    """One step down `loss`."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@contextmanager
def draws(z: Tensor, mix: Tensor) -> Iterator[None]:
    """A context in which `torch.randn` gives `z`, and `torch.rand` gives `mix` in the shape that is asked for."""
    with patch("torch.randn", lambda *_, **__: z), patch("torch.rand", lambda *shape: mix.reshape(shape)):
        yield


def logged(log: MagicMock, name: str) -> float:
    """The number that an update of mimicry logged as `name`."""
    return next(
        float(torch.as_tensor(call.args[1]).detach()) for call in log.add_metric.call_args_list if call.args[0] == name
    )


class Cell(NamedTuple):
    """A peer and the loss and recipe of ganzoo that must do the same."""

    loss: str
    recipe: str
    make: Callable[[int], Peer]
    """Builds the peer for the length of z."""


def cells(checkout: Path) -> dict[str, Cell]:
    """The comparisons that a checkout allows; raises `InputError` if it is of neither peer."""
    if (checkout / "torch_mimicry/nets").is_dir():
        return mimicry_cells(checkout)
    if (checkout / "source/models").is_dir():
        return collections_cells(checkout)
    raise InputError(
        f"{checkout} has neither torch_mimicry/nets nor source/models: name a checkout of one of the peers"
    )


def mimicry_cells(checkout: Path) -> dict[str, Cell]:
    """The three losses of mimicry's ResNet at 32 pixels, and its `loss_type="gan"`, whose G has the same loss without 1e-8."""
    package = ModuleType("torch_mimicry")  # without its __init__, which imports TensorFlow for metrics
    package.__path__ = [str(checkout / "torch_mimicry")]
    sys.modules["torch_mimicry"] = package

    def cell(loss: str, recipe: str, name: str, **options: str) -> Cell:
        module = importlib.import_module(f"torch_mimicry.nets.{recipe.replace('-', '_')}")
        g, d = (getattr(module, f"{name}{player}32") for player in ("Generator", "Discriminator"))
        return Cell(loss, f"peers/mimicry-{recipe}", lambda z: MimicryPeer(g(nz=z, **options), d(**options)))

    return {
        "DCGAN": cell("nsgan", "dcgan", "DCGAN"),
        "DCGAN, loss_type gan": cell("nsgan", "dcgan", "DCGAN", loss_type="gan"),
        "SNGAN": cell("hinge", "sngan", "SNGAN"),
        "WGAN-GP": cell("wgan-gp", "wgan-gp", "WGANGP"),
    }


def collections_cells(checkout: Path) -> dict[str, Cell]:
    """The networks of sngan.py and wgangp.py with the losses that these scripts take."""
    sys.path.insert(0, str(checkout))
    for name in ("absl", "tensorboardX", "pytorch_gan_metrics", "tqdm", "torchvision"):
        if find_spec(name) is None:  # only the scripts' training needs it
            sys.modules[name] = sys.modules[f"{name}.utils"] = MagicMock()
    losses, script = importlib.import_module("source.losses"), importlib.import_module("wgangp")
    made = {name: importlib.import_module(f"source.models.{name}") for name in ("sngan", "wgangp")}

    def cell(loss: str, models: str, prefix: str, own: str) -> Cell:
        g, d = (getattr(made[models], f"{prefix}{player}32") for player in ("Generator", "Discriminator"))
        table = COLLECTIONS_RESNET if prefix else COLLECTIONS_CNN
        penalty = script.cacl_gradient_penalty if loss == "wgan-gp" else None
        recipe = f"peers/collections-{'sngan' if models == 'sngan' else 'wgan-gp'}-{'resnet' if prefix else 'cnn'}"
        return Cell(loss, recipe, lambda z: Peer(g(z), d(), table, getattr(losses, own)(), penalty))

    found = {}
    for arch, prefix in (("cnn32", ""), ("res32", "Res")):
        found[f"{arch}, sngan.py --loss bce"] = cell("nsgan", "sngan", prefix, "BCEWithLogits")
        found[f"{arch}, sngan.py --loss hinge"] = cell("hinge", "sngan", prefix, "Hinge")
        found[f"{arch}, wgangp.py"] = cell("wgan-gp", "wgangp", prefix, "Wasserstein")
    return found
