"""The values of one log record: loss terms, gradient norms, scores and sample diversity."""

import math

import torch
from torch import nn

from ganzoo.batch import DiscriminatorOutput, Terms
from ganzoo.losses import Loss
from ganzoo.training.trainer import Trainer


def log_terms(trainer: Trainer) -> dict[str, float | None]:
    """All loss terms and the values that the monitor reads, by name; None if a value is not finite."""
    named = {f"g/{name}": value for name, value in trainer.g_terms.items()}
    named |= {f"loss/{name}": value for name, value in trainer.loss.readings().items()}
    for trick in trainer.tricks:
        named |= {f"{trick.name}/{name}": value for name, value in trick.readings().items()}
    named |= gradient_norms("g", trainer.G)
    named |= trainer.probe.measure(trainer.G, trainer.D, trainer.view)
    named |= {} if trainer.is_finite() else {"total": torch.tensor(math.nan)}  # a loss was NaN since the last log
    return discriminator_metrics(trainer) | to_numbers(named)


def discriminator_metrics(trainer: Trainer) -> dict[str, float | None]:
    """Values from D's last update; if D has not stepped since the resume, those saved in the training state."""
    if not trainer.d_terms:
        return trainer.restored_d_metrics
    terms = {f"d/{name}": value for name, value in trainer.d_terms.items()}
    return to_numbers(terms | gradient_norms("d", trainer.D) | score_metrics(trainer.last_judged, trainer.loss))


def to_numbers(named: Terms) -> dict[str, float | None]:
    """Convert to Python numbers in one transfer from the device; None if a value is not finite."""
    values = torch.stack([value.detach().float().reshape(()) for value in named.values()]).tolist()
    return {name: value if math.isfinite(value) else None for name, value in zip(named, values, strict=True)}


def gradient_norms(player: str, network: nn.Module) -> Terms:
    """Euclidean norms of the gradients of the last update of `network`: all parameters, its first and its last weights."""
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    weights = [gradient for gradient in gradients if gradient.ndim > 1]
    if not weights:
        return {}
    ends = {f"norm/{player}.first": weights[0].norm(), f"norm/{player}.last": weights[-1].norm()}
    return {f"norm/{player}": torch.stack(torch._foreach_norm(gradients)).norm(), **ends}


def score_metrics(seen: list[DiscriminatorOutput], loss: Loss) -> Terms:
    """Readings of D's scores of the last reals and fakes, higher = more real.

    Both means; `score/apart`: share of pairs with the real one higher; `score/r_t`: mean of `Loss.real_signs`, if the loss
    has a border between real and fake.
    """
    if not seen or any(judged.score is None for judged in seen):
        return {}
    real, fake = (loss.score_sign * judged.score for judged in seen)
    apart = (real[:, None] > fake).float().mean()
    terms = {"score/real": real.mean(), "score/fake": fake.mean(), "score/apart": apart}
    if loss.score_border is None:
        return terms
    return terms | {"score/r_t": loss.real_signs(*seen).mean()}
