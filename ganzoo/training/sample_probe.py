"""Diversity and oscillation of the samples, and memorization by D, from fixed latents and fixed reals at each log."""

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
from ganzoo.training.accumulation import concatenate
from ganzoo.training.ema import in_eval_mode

PROBE_SAMPLES = 32  # images
HELD_OUT_SAMPLES = 64  # held-out reals, and training reals that they are compared with
SAMPLES_PER_CLASS = 4  # images of each class, for a conditional G
THUMBNAIL_SIZE = 8  # pixels, height and width of the thumbnails kept
HISTORY = 30  # logs whose thumbnails are kept
RECENT_LAG = 5  # logs back


class SampleProbe(nn.Module):
    """Diversity and movement of G's images of a fixed batch of latents, in units of the mean distance of two reals.

    Its thumbnails are part of the training state, so a resumed run logs the same values as an uninterrupted one.
    """

    past: Tensor
    count: Tensor

    def __init__(self, dataset: Dataset, latent: Latent, pack: int, seed: int) -> None:
        super().__init__()
        self.dataset, self.latent, self.pack, self.seed = dataset, latent, pack, seed
        self.held_out: Dataset | None = None
        self.score_sign = 1
        self.index = probe_indices(dataset, PROBE_SAMPLES, grouped=latent.classes > 0)
        self.index = self.index[: len(self.index) // pack * pack]
        side = min(THUMBNAIL_SIZE, dataset.shape[1])
        self.register_buffer("past", torch.zeros(HISTORY, len(self.index), dataset.shape[0], side, side))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    def hold_out(self, dataset: Dataset | None, score_sign: int) -> None:
        """Compare D's scores of training reals with those of `dataset`, reals that D does not train on, if any.

        `score_sign` is the loss's.
        """
        self.held_out, self.score_sign = dataset, score_sign

    @torch.no_grad()
    def measure(self, generator: nn.Module, discriminator: nn.Module, view: Callable[[Batch], Batch]) -> Terms:
        """Scalars on the device, with both networks in eval mode. Changes no weights and advances no random stream.

        Every value is divided by the mean distance of two reals, and is 1 if all reals are identical. `variety/...`: mean
        distance of two images in pixels or D's features, within a class if G is conditional. `unrest/lately`: distance
        that a latent's image moved since 5 logs ago. The other two concern the log, among the last 29, to which the images
        returned most: `unrest/away` is their largest distance from it in between, `unrest/back` their distance now.
        `score/held_out`, with held-out reals: share of pairs in which the training real scores above the held-out one.
        """
        real = self.dataset.samples(self.index, self.past.device)
        labels = real.labels if self.latent.classes else None
        with RngScope(self.seed, "probe"), in_eval_mode(generator, discriminator):
            fake = generate(generator, self.latent.draw(len(real), labels, self.past.device))
            of_fake, of_real = (discriminator(view(samples)).features for samples in (fake, real))
            held_out = self._held_out_share(discriminator, view)
        return {
            "variety/pixels": spread_ratio(fake.images, real.images, labels),
            "variety/features": spread_ratio(of_fake, of_real, labels),
            **self._unrest(thumbnails(fake.images, self.past), spread(thumbnails(real.images, self.past))),
            **held_out,
        }

    def _held_out_share(self, discriminator: nn.Module, view: Callable[[Batch], Batch]) -> Terms:
        sets = [] if self.held_out is None else [self.dataset, self.held_out]
        n = min([HELD_OUT_SAMPLES, *map(len, sets)]) // self.pack * self.pack
        if not (sets and n):
            return {}
        reals = concatenate([each.samples(probe_indices(each, n), self.past.device) for each in sets])
        seen, held = (self.score_sign * discriminator(view(reals)).score).chunk(2)
        above, equal = (compared.float().mean() for compared in (seen[:, None] > held, seen[:, None] == held))
        return {"score/held_out": above + equal / 2}

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
    """The strongest return to an earlier image, from the distances `moved` to the images 1, 2, ... logs ago.

    Returns the largest distance in between and the distance now. Detects periods from 2 logs to the whole history.
    """
    away, back = torch.stack(list(accumulate(moved, torch.maximum))[:-1]), torch.stack(moved[1:])
    best = (away - back).argmax()
    return away.take(best), back.take(best)


def probe_indices(dataset: Dataset, n: int, grouped: bool = False) -> np.ndarray:
    """Indices of `n` evenly spaced samples; `grouped` takes several of each of the first classes, `n` at most in total."""
    if not grouped or dataset.labels is None:
        return np.arange(n) * len(dataset) // n
    members = [np.flatnonzero(dataset.labels == c) for c in range(dataset.classes)]
    several = [found for found in members if len(found) > 1][: n // SAMPLES_PER_CLASS]
    if not several:  # no class has two samples: compare across classes
        return np.arange(n) * len(dataset) // n
    return np.concatenate([found[: n // len(several)] for found in several])


def spread_ratio(fake: Tensor, real: Tensor, labels: Tensor | None) -> Tensor:
    """Mean distance of two of `fake`, divided by that of two of `real`."""
    return relative_to_reals(spread(fake, labels), spread(real, labels))


def relative_to_reals(distance: Tensor, of_reals: Tensor) -> Tensor:
    """`distance` divided by `of_reals`, the mean distance of two reals; 1 if `of_reals` is 0."""
    return torch.where(of_reals > 0, distance / of_reals, 1.0)


def spread(batch: Tensor, labels: Tensor | None = None) -> Tensor:
    """Mean Euclidean distance of two samples of (N, ...), within a class if `labels` (N,) match the batch size."""
    flat = batch.flatten(1).float()
    distance = torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist")
    pairs = ~torch.eye(len(batch), dtype=torch.bool, device=batch.device)
    if labels is not None and len(labels) == len(batch):
        pairs &= labels[:, None] == labels
    return (distance * pairs).sum() / pairs.sum().clamp(min=1)


def thumbnails(images: Tensor, like: Tensor) -> Tensor:
    """Images (N, C, H, W) average-pooled to the height and width of `like`."""
    # On MPS, older versions of PyTorch pool by whole factors only.
    place = "cpu" if images.device.type == "mps" else images.device
    return F.adaptive_avg_pool2d(images.float().to(place), like.shape[-1]).to(images.device)
