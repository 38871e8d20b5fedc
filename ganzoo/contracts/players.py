"""Players small enough to check by hand: a loss is checked without any network of the zoo."""

from collections import Counter
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ganzoo.batch import Batch, DiscriminatorOutput
from ganzoo.losses import Loss
from ganzoo.rng import Fill, RngScope

SHAPE = (1, 4, 4)
CLASSES = 3
LATENT = 5


class SameDraws(RngScope):
    """Random numbers that are all 0.75 (integers 0), so that batches of different size can be compared."""

    def __init__(self) -> None:
        super().__init__("same")
        self.asked = Counter()

    def filled(self, name: str, out: Tensor, fill: Fill) -> Tensor:
        """`out` filled with 0.75."""
        return out.fill_(0.75)


class ToyG(nn.Module):
    """Latents (N, 5) to images (N, 1, 4, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(LATENT, 16), nn.Tanh(), nn.Unflatten(1, SHAPE))

    def forward(self, z: Tensor) -> Tensor:
        """(N, 5) -> (N, 1, 4, 4) in [-1, 1]."""
        images: Tensor = self.layers(z)
        return images


class ToyD(nn.Module):
    """One smooth layer and the heads that the loss asks for."""

    def __init__(self, loss: Loss) -> None:
        super().__init__()
        outputs = {"score": 1, "class_logits": CLASSES, "code_logits": loss.code_outputs, "reconstruction": 16}
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.Tanh())
        self.heads = nn.ModuleDict({name: nn.Linear(8, outputs[name]) for name in loss.heads})

    def forward(self, samples: Batch) -> DiscriminatorOutput:
        """The batch with the outputs of the heads."""
        features = self.encoder(samples.images)
        given = {name: head(features) for name, head in self.heads.items()}
        if "score" in given:
            given["score"] = given["score"].flatten()
        if "reconstruction" in given:
            given["reconstruction"] = given["reconstruction"].view_as(samples.images)
        return DiscriminatorOutput(samples.images, samples.labels, samples.code, features=features, **given)


def players(loss: Loss, dtype: torch.dtype = torch.float64) -> tuple[ToyG, ToyD]:
    """The same G and D at every call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return ToyG().to(dtype), ToyD(loss).to(dtype)


def with_company(loss: Loss, images: Tensor) -> Batch:
    """`images` with the labels and codes that the loss needs."""
    n = len(images)
    labels = torch.arange(n) % CLASSES if "class_logits" in loss.heads or loss.needs_labels else None
    if loss.code is None:
        return Batch(images, labels)
    category = nn.functional.one_hot(torch.arange(n) % loss.code.categorical, loss.code.categorical)
    continuous = torch.linspace(-1, 1, n * loss.code.continuous).view(n, -1)
    return Batch(images, labels, torch.cat([category, continuous], 1).to(images.dtype))


def reals(loss: Loss, n: int, dtype: torch.dtype = torch.float64) -> Batch:
    """The same `n` reals at every call."""
    images = _drawn(torch.rand, 2, n, *SHAPE, dtype=dtype)
    return with_company(loss, images * 2 - 1)


def fakes(loss: Loss, generator: ToyG, n: int) -> Batch:
    """The same `n` fakes at every call, with G's graph."""
    dtype = next(generator.parameters()).dtype
    return with_company(loss, generator(_drawn(torch.randn, 3, n, LATENT, dtype=dtype)))


def _drawn(draw: Callable[..., Tensor], seed: int, *shape: int, dtype: torch.dtype) -> Tensor:
    return draw(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))
