"""The training step. Knows base types only: no variant's, loss's or trick's name occurs here."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, optim

from ganzoo.build import Game, make_optimiser
from ganzoo.config import Config
from ganzoo.data import Batches
from ganzoo.latent import generate
from ganzoo.optimisers import set_rate
from ganzoo.records import Judged, Samples, Terms
from ganzoo.streams import Stream
from ganzoo.training import ema, schedule

COUNTERS = ("step", "d_steps", "g_steps", "images")


class Trainer:
    """Both players with their optimisers, the data and the counters: all that a step reads and changes.

    One step is one G step preceded by the D steps that the schedule gives it. `images` counts the reals shown to D.
    """

    def __init__(self, game: Game, batches: Batches, config: Config) -> None:
        self.game, self.batches, self.config = game, batches, config
        self.device = torch.device(config.train.device)
        self.G, self.D = game.generator.to(self.device), game.discriminator.to(self.device)
        self.loss, self.tricks = game.loss.to(self.device), [trick.to(self.device) for trick in game.tricks]
        self.average = copy.deepcopy(self.G).eval().requires_grad_(False)
        example = self.example()
        for trick in self.tricks:
            trick.attach(self.G, self.D, example)
        self.opt_g = make_optimiser(config.train.generator, self.G)
        self.opt_d = make_optimiser(config.train.discriminator, self.D)
        self.ratio = schedule.ratio(config.train.ratio)
        self.g_reads_real = self.loss.g_uses_real or any(trick.g_uses_real for trick in self.tricks)
        self.step = self.d_steps = self.g_steps = self.images = 0
        self.d_terms: Terms = {}
        self.g_terms: Terms = {}
        self.first_bad = torch.full((), torch.inf, device=self.device)

    def train_step(self) -> None:
        """One G step with its D steps; the terms of the last of each stay in `d_terms` and `g_terms`."""
        factor = schedule.rate(self.step, self.config.train)
        for optimiser in (self.opt_d, self.opt_g):
            set_rate(optimiser, factor)
        for _ in range(schedule.d_steps(self.step, self.ratio, self.config.train.warmup)):
            with Stream(self.config.seed, "d", self.d_steps):
                self.d_terms = self.d_step()
        with Stream(self.config.seed, "g", self.g_steps):
            self.g_terms = self.g_step()
        ema.update(self.average, self.G, self.config.train.ema, self.step)
        self.step += 1

    def d_step(self) -> Terms:
        """D learns to tell one batch of reals from as many fakes."""
        real = self.reals(self.config.train.batch)
        with torch.no_grad():
            fake = self.fakes(len(real), real.labels if self.game.d_labelled else None)
        judged = [self.judge(samples) for samples in self.mix(real, fake)]
        terms = merge(self.loss.d_loss(*judged), *self.penalties(real, fake))
        self.descend(self.opt_d, terms)
        self.loss.after_d_step(self.D)
        self.d_steps, self.images = self.d_steps + 1, self.images + len(real)
        return terms

    def g_step(self) -> Terms:
        """G learns to make what D takes for real."""
        self.D.requires_grad_(False)
        fake = self.judge(self.fakes(self.config.train.batch * self.config.train.g_batch))
        real = self.judged_reals(len(fake)) if self.g_reads_real else None
        terms = merge(self.loss.g_loss(real, fake), *(trick.g_terms(self.D, real, fake) for trick in self.tricks))
        self.descend(self.opt_g, terms)
        self.D.requires_grad_(True)
        self.loss.after_g_step(real, fake.detach())
        for trick in self.tricks:
            trick.after_g_step()
        self.g_steps += 1
        return terms

    def reals(self, n: int) -> Samples:
        """The next `n` reals."""
        return self.batches.next(n)

    @torch.no_grad()
    def judged_reals(self, n: int) -> Judged:
        """The next `n` reals as D sees them, for losses of G that read them; nothing of G depends on them."""
        return self.judge(self.reals(n))

    def fakes(self, n: int, labels: Tensor | None = None) -> Samples:
        """`n` images of G from fresh latents."""
        return generate(self.G, self.game.latent.draw(n, labels, self.device))

    @torch.no_grad()
    def example(self) -> Samples:
        """One fake, of the averaged G, which counts nothing."""
        with Stream(self.config.seed, "example"):
            return generate(self.average, self.game.latent.draw(1, device=self.device))

    def mix(self, real: Samples, fake: Samples) -> tuple[Samples, Samples]:
        """D's batch as the tricks exchange it."""
        for trick in self.tricks:
            real, fake = trick.mix(real, fake)
        return real, fake

    def view(self, samples: Samples) -> Samples:
        """A batch as D sees it."""
        for trick in self.tricks:
            samples = trick.view(samples)
        return samples

    def judge(self, samples: Samples) -> Judged:
        """What D says of a batch as it sees it."""
        return self.D(self.view(samples))

    def penalties(self, real: Samples, fake: Samples) -> Iterator[Terms]:
        """The terms that run D again, on the clean batch as D views it."""
        real, fake = self.view(real), self.view(fake)
        yield self.loss.penalty(self.D, real, fake)
        for trick in self.tricks:
            yield trick.d_terms(self.D, real, fake)

    def descend(self, optimiser: optim.Optimizer, terms: Terms) -> None:
        """One optimiser step down the sum of the terms; notes the first step whose sum is not finite, without waiting."""
        total = torch.stack(list(terms.values())).sum()
        self.first_bad = torch.where(total.detach().isfinite(), self.first_bad, self.first_bad.clamp(max=self.step))
        optimiser.zero_grad()
        total.backward()
        optimiser.step()

    def modules(self) -> dict[str, torch.nn.Module]:
        """Every module with a state, by its name in a checkpoint."""
        tricks = {f"trick.{trick.name}": trick for trick in self.tricks}
        return {"generator": self.G, "average": self.average, "discriminator": self.D, "loss": self.loss, **tricks}

    def optimisers(self) -> dict[str, optim.Optimizer]:
        """Both optimisers, by their name in a checkpoint."""
        return {"optimiser.generator": self.opt_g, "optimiser.discriminator": self.opt_d}

    def counters(self) -> dict[str, int]:
        """The integers that a resume needs."""
        return {name: getattr(self, name) for name in COUNTERS} | {"position": self.batches.position}

    def set_counters(self, counters: dict[str, int]) -> None:
        """Go on from `counters`."""
        self.batches.position = counters["position"]
        for name in COUNTERS:
            setattr(self, name, counters[name])


def merge(*parts: Terms) -> Terms:
    """One table of terms; a name that occurs twice is a `ValueError`."""
    terms: Terms = {}
    for part in parts:
        if twice := terms.keys() & part.keys():
            raise ValueError(f"two terms are called {sorted(twice)}: a penalty is switched on twice")
        terms |= part
    return terms
