"""Players small enough to follow by hand: a loss is tested without any network of the zoo."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.batch import Batch, DiscriminatorFn, DiscriminatorOutput
from ganzoo.losses import Loss

SHAPE = (1, 4, 4)
CLASSES = 3
LATENT = 5


class ToyG(nn.Module):
    """A latent in, an image out."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(LATENT, 16), nn.Tanh(), nn.Unflatten(1, SHAPE))

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


class ToyD(nn.Module):
    """One smooth layer and the heads that the loss asks for."""

    def __init__(self, loss: Loss) -> None:
        super().__init__()
        outputs = {"score": 1, "class_logits": CLASSES, "code_logits": loss.code_outputs, "reconstruction": 16}
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.Tanh())
        self.heads = nn.ModuleDict({name: nn.Linear(8, outputs[name]) for name in loss.heads})

    def forward(self, samples: Batch) -> DiscriminatorOutput:
        features = self.encoder(samples.images)
        said = {name: head(features) for name, head in self.heads.items()}
        if "score" in said:
            said["score"] = said["score"].flatten()
        if "reconstruction" in said:
            said["reconstruction"] = said["reconstruction"].view_as(samples.images)
        return DiscriminatorOutput(samples.images, samples.labels, samples.code, features=features, **said)


def players(loss: Loss, dtype: torch.dtype = torch.float64) -> tuple[ToyG, ToyD]:
    """The same G and D for every test."""
    torch.manual_seed(1)
    return ToyG().to(dtype), ToyD(loss).to(dtype)


def with_company(loss: Loss, images: Tensor) -> Batch:
    """Images with the labels and codes that the loss needs."""
    n = len(images)
    labels = torch.arange(n) % CLASSES if "class_logits" in loss.heads else None
    if loss.code is None:
        return Batch(images, labels)
    category = nn.functional.one_hot(torch.arange(n) % loss.code.categorical, loss.code.categorical)
    continuous = torch.linspace(-1, 1, n * loss.code.continuous).view(n, -1)
    return Batch(images, labels, torch.cat([category, continuous], 1).to(images.dtype))


def reals(loss: Loss, n: int, dtype: torch.dtype = torch.float64) -> Batch:
    """The same reals for every test."""
    torch.manual_seed(2)
    return with_company(loss, torch.rand(n, *SHAPE, dtype=dtype) * 2 - 1)


def fakes(loss: Loss, generator: ToyG, n: int) -> Batch:
    """The same fakes for every test, with G's graph."""
    torch.manual_seed(3)
    return with_company(loss, generator(torch.randn(n, LATENT, dtype=generator.layers[0].weight.dtype)))


def scored(*scores: float) -> DiscriminatorOutput:
    """A judged batch of which only the scores matter."""
    return DiscriminatorOutput(torch.zeros(len(scores), *SHAPE), score=torch.tensor(scores, dtype=torch.float64))


def linear(weight: Tensor) -> DiscriminatorFn:
    """D(x) = w . x over all values of a sample."""
    return lambda samples: DiscriminatorOutput(samples.images, score=samples.images.flatten(1) @ weight)


def quadratic(samples: Batch) -> DiscriminatorOutput:
    """D(x) = |x|^2 / 2, whose gradient at x is x."""
    return DiscriminatorOutput(samples.images, score=samples.images.flatten(1).square().sum(1) / 2)
