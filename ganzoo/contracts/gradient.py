"""Checks of a loss's gradients: of the right value, for the right player, through every layer."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ganzoo.contracts.base import listed, require
from ganzoo.contracts.players import SameDraws, SmallGame, after_g_step, d_terms, fakes, g_terms
from ganzoo.mistakes import checked_terms

STEP = 1e-5
"""Length of a central difference; its error is of the order of the square."""


def gradients_are_those_of_the_values(name: str) -> None:
    """Gradients agree with finite differences in float64."""
    game = SmallGame(name)
    game.start_state()
    for hook, network in (("d_loss", game.D), ("g_loss", game.G)):
        slope, expected = slopes(game, hook, network)
        close = abs(slope - expected) <= 1e-5 * max(1.0, abs(expected))
        advice = "an input is detached, or a value is computed outside torch"
        require(close, f"{game.place(hook)}: the gradient is {slope:.6g}, by differences {expected:.6g}; {advice}")


def slopes(game: SmallGame, hook: str, network: nn.Module) -> tuple[float, float]:
    """The derivative along a fixed direction in weight space: by autograd, and by a central difference."""

    def total() -> Tensor:
        fake = fakes(game.loss, game.G, len(game.real))
        find = d_terms if hook == "d_loss" else g_terms
        return torch.stack([*find(game.loss, game.D, game.real, fake).values()]).sum()

    weights, g = list(network.parameters()), torch.Generator().manual_seed(4)
    direction = [torch.randn(p.shape, generator=g, dtype=p.dtype) for p in weights]
    gradients = torch.autograd.grad(total(), weights, allow_unused=True)
    slope = sum((d * v).sum().item() for d, v in zip(gradients, direction, strict=True) if d is not None)
    values = []
    for factor in (STEP, -2 * STEP):
        with torch.no_grad():
            for p, v in zip(weights, direction, strict=True):
                p.add_(v, alpha=factor)
        values.append(total().item())
    return slope, (values[0] - values[1]) / (2 * STEP)


def d_step_reaches_every_layer_of_d(name: str) -> None:
    """D's terms have a gradient for every layer of D."""
    game = SmallGame(name)
    game.start_state()
    backward(game, "d_loss", game.d_terms().values())
    # Biases may cancel: a critic's last one does.
    still = [key for key, p in game.D.named_parameters() if p.grad is None or (p.ndim > 1 and not p.grad.abs().max())]
    require(not still, f"{game.place('d_loss')}: no gradient for D's {listed(still)}")


def d_terms_leave_g_alone(name: str) -> None:
    """The penalty has no gradient for G."""
    game = SmallGame(name)
    with SameDraws():
        found = checked_terms(game.loss, "penalty", game.D, game.real, game.fake)
    for term, value in found.items():
        value.backward(retain_graph=True)
        moved = any(p.grad is not None for p in game.G.parameters())
        require(not moved, f"{game.place('penalty', term)}: term {term!r} has a gradient for G; detach the fakes")


def g_step_reaches_every_layer_of_g(name: str) -> None:
    """G's terms have a gradient for every layer of G and change no buffer of D."""
    game = SmallGame(name)
    game.D.requires_grad_(False)
    before = {key: value.clone() for key, value in game.D.state_dict().items()}
    backward(game, "g_loss", game.g_terms().values())
    after_g_step(game)
    still = [key for key, p in game.G.named_parameters() if p.grad is None or not p.grad.abs().max()]
    require(not still, f"{game.place('g_loss')}: no gradient for G's {listed(still)}")
    changed = [key for key, value in game.D.state_dict().items() if not torch.equal(value, before[key])]
    require(not changed, f"{game.place('after_g_step')}: G's step changes D's {listed(changed)}")


def backward(game: SmallGame, hook: str, terms: Iterable[Tensor]) -> None:
    """Backpropagate the sum of `terms`."""
    total = torch.stack(list(terms)).sum()
    require(total.requires_grad, f"{game.place(hook)}: no term has a gradient")
    total.backward()


def after_d_step_leaves_d_trainable(name: str) -> None:
    """After D's step all weights of D are trainable."""
    game = SmallGame(name)
    game.loss.after_d_step(game.D)
    fixed = [key for key, p in game.D.named_parameters() if not (p.requires_grad and p.is_leaf)]
    require(not fixed, f"{game.place('after_d_step')}: D's {listed(fixed)} can no longer be trained")
