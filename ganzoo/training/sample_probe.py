"""What the monitor looks at beside the losses: one fixed batch of latents and one of reals, seen anew at each log."""

from collections.abc import Callable
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.batch import Batch, Terms
from ganzoo.data import Dataset
from ganzoo.latent import Latent, generate
from ganzoo.rng import RngScope
from ganzoo.training.ema import in_eval_mode

PROBE_SAMPLES = 32  # images
SAMPLES_PER_CLASS = 4  # images of one class, where G knows classes
THUMBNAIL_SIZE = 8  # pixels of the pictures that are remembered
HISTORY = 30  # logs that are remembered
RECENT_LAG = 5  # logs back


class SampleProbe(nn.Module):
    """How varied and how restless G's images of a fixed batch of latents are; 1 = as far apart as two reals.

    The pictures that are remembered for it are part of the state, so that a resumed run logs what an unbroken one does.
    """

    past: Tensor
    count: Tensor

    def __init__(self, dataset: Dataset, latent: Latent, pack: int, seed: int) -> None:
        super().__init__()
        self.dataset, self.latent, self.seed = dataset, latent, seed
        self.index = probe_indices(dataset, PROBE_SAMPLES, grouped=latent.classes > 0)
        self.index = self.index[: len(self.index) // pack * pack]
        side = min(THUMBNAIL_SIZE, dataset.shape[1])
        self.register_buffer("past", torch.zeros(HISTORY, len(self.index), dataset.shape[0], side, side))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def measure(self, generator: nn.Module, discriminator: nn.Module, view: Callable[[Batch], Batch]) -> Terms:
        """Scalars on the device, of the players as they would be sampled; neither changes, and no random stream moves.

        `variety/...`: mean distance of two images, in pixels or D's features, over that of two reals; of one class, where
        G is conditional. `unrest/lately`: how far a latent's image moved since 5 logs ago; `unrest/away`: how far it was away
        in the meantime, and `unrest/back`: how far it is from where it was, of the log among the last 29 to which it came
        back by the most; all over the mean distance of two reals. All are 1 where no two reals differ.
        """
        real = self.dataset.samples(self.index, self.past.device)
        labels = real.labels if self.latent.classes else None
        with RngScope(self.seed, "probe"), in_eval_mode(generator, discriminator):
            fake = generate(generator, self.latent.draw(len(real), labels, self.past.device))
            of_fake, of_real = (discriminator(view(samples)).features for samples in (fake, real))
        return {
            "variety/pixels": spread_ratio(fake.images, real.images, labels),
            "variety/features": spread_ratio(of_fake, of_real, labels),
            **self._unrest(thumbnails(fake.images, self.past), spread(thumbnails(real.images, self.past))),
        }

    def _unrest(self, now: Tensor, scale: Tensor) -> Terms:
        count = int(self.count)
        lags = range(1, min(count, HISTORY - 1) + 1)
        moved = [(now - self.past[(count - lag) % HISTORY]).flatten(1).norm(dim=1).mean() for lag in lags]
        self.past[count % HISTORY] = now
        self.count += 1
        if len(moved) < RECENT_LAG:
            return {}
        away, back = nearest_return(moved)
        unrest = {"unrest/lately": moved[RECENT_LAG - 1], "unrest/away": away, "unrest/back": back}
        return {name: relative_to_reals(value, scale) for name, value in unrest.items()}


def nearest_return(moved: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The return that brought an image nearer by the most, from its distances to where it was 1, 2, ... logs ago.

    Gives how far it was away in the meantime and how near it came. Every period from 2 logs to all of them can show.
    """
    away, back = torch.stack(list(accumulate(moved, torch.maximum))[:-1]), torch.stack(moved[1:])
    best = (away - back).argmax()
    return away.take(best), back.take(best)


def probe_indices(dataset: Dataset, n: int, grouped: bool) -> np.ndarray:
    """The indices of `n` samples, evenly spaced; `grouped` takes several of each of the first classes, `n` at most."""
    if not grouped or dataset.labels is None:
        return np.arange(n) * len(dataset) // n
    members = [np.flatnonzero(dataset.labels == c) for c in range(dataset.classes)]
    several = [found for found in members if len(found) > 1][: n // SAMPLES_PER_CLASS]
    if not several:  # no two to be compared: all are, whatever their class
        return np.arange(n) * len(dataset) // n
    return np.concatenate([found[: n // len(several)] for found in several])


def spread_ratio(fake: Tensor, real: Tensor, labels: Tensor | None) -> Tensor:
    """How far apart two of `fake` are, over how far two of `real` are."""
    return relative_to_reals(spread(fake, labels), spread(real, labels))


def relative_to_reals(distance: Tensor, of_reals: Tensor) -> Tensor:
    """A distance over that of two reals; 1 where no two reals differ, for their distance is then no measure."""
    return torch.where(of_reals > 0, distance / of_reals, 1.0)


def spread(batch: Tensor, labels: Tensor | None = None) -> Tensor:
    """Mean Euclidean distance of two samples of (N, ...), of one label where labels (N,) fit the batch."""
    flat = batch.flatten(1).float()
    distance = torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist")
    pairs = ~torch.eye(len(batch), dtype=torch.bool, device=batch.device)
    if labels is not None and len(labels) == len(batch):
        pairs &= labels[:, None] == labels
    return (distance * pairs).sum() / pairs.sum().clamp(min=1)


def thumbnails(images: Tensor, like: Tensor) -> Tensor:
    """Images (N, C, H, W) at the size of the pictures that are remembered."""
    # On MPS older versions of PyTorch shrink by whole factors only.
    place = "cpu" if images.device.type == "mps" else images.device
    return F.adaptive_avg_pool2d(images.float().to(place), like.shape[-1]).to(images.device)
