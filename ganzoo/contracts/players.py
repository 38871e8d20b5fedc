"""A game small enough to check by hand: a loss with a batch and two players without any network of the zoo."""

from collections import Counter
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from ganzoo.batch import Batch, DiscriminatorOutput
from ganzoo.losses import LOSSES, Loss
from ganzoo.mistakes import checked_terms, place_of
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


Terms = dict[tuple[str, str], Tensor]
"""(method, term) -> value."""


class SmallGame:
    """A loss, its small players, `n` reals and `n` fakes, all float64."""

    def __init__(self, name: str, n: int = 6, dtype: torch.dtype = torch.float64) -> None:
        self.loss = LOSSES[name]().to(dtype)
        self.G, self.D = players(self.loss, dtype)
        self.real, self.fake = reals(self.loss, n, dtype), fakes(self.loss, self.G, n)

    def d_terms(self) -> Terms:
        """D's terms, penalties included."""
        return d_terms(self.loss, self.D, self.real, self.fake)

    def g_terms(self) -> Terms:
        """G's terms."""
        return g_terms(self.loss, self.D, self.real, self.fake)

    def start_state(self) -> None:
        """Move scalar state off 0, where it may switch a term off, such as BEGAN's k."""
        for buffer in self.loss.buffers():
            if buffer.is_floating_point() and buffer.shape == () and not buffer:
                buffer.fill_(0.5)

    def place(self, hook: str, term: str = "") -> str:
        """File, line, class and method, for a message."""
        return place_of(self.loss, hook, term)


def d_terms(loss: Loss, D: ToyD, real: Batch, fake: Batch) -> Terms:
    """D's terms of a batch, penalties included."""
    fake = fake.apply(Tensor.detach)
    with SameDraws():
        own, penalty = checked_terms(loss, "d_loss", D(real), D(fake)), checked_terms(loss, "penalty", D, real, fake)
    return {("d_loss", name): term for name, term in own.items()} | {
        ("penalty", k): term for k, term in penalty.items()
    }


def g_terms(loss: Loss, D: ToyD, real: Batch, fake: Batch) -> Terms:
    """G's terms of a batch."""
    with SameDraws():
        found = checked_terms(loss, "g_loss", D(real).detach() if loss.g_uses_real else None, D(fake))
    return {("g_loss", name): term for name, term in found.items()}


def both(loss: Loss, D: ToyD, real: Batch, fake: Batch) -> Terms:
    """The terms of both players."""
    return d_terms(loss, D, real, fake) | g_terms(loss, D, real, fake)


def after_g_step(game: SmallGame) -> None:
    """Call the hook after G's step with D's outputs."""
    real = game.D(game.real).detach() if game.loss.g_uses_real else None
    game.loss.after_g_step(real, game.D(game.fake).detach())


def halved(game: SmallGame) -> Iterator[tuple[Batch, Batch]]:
    """Both halves of the reals and the fakes."""
    half = len(game.real) // 2
    for rows in (slice(half), slice(half, None)):
        yield game.real.apply(lambda t: t[rows]), game.fake.apply(lambda t: t[rows])  # noqa: B023
