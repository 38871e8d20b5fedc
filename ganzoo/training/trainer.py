"""The training step. It knows base types only and names no loss, trick or network."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import nn, optim

from ganzoo import rng
from ganzoo.batch import Batch, DiscriminatorOutput, Terms
from ganzoo.losses import Loss
from ganzoo.mistakes import checked_terms
from ganzoo.registry import overrides
from ganzoo.rng import RngScope
from ganzoo.training import ema, schedule
from ganzoo.training.accumulation import MicroBatches, concatenate, total_loss
from ganzoo.training.state import TrainingState


class Trainer(TrainingState):
    """The updates of both players.

    A step is one update of G after the scheduled updates of D (`update_order`); under loss thresholds either player may step
    again. With several processes all take a step together.
    """

    def train_step(self) -> None:
        """One training step; `d_terms` and `g_terms` keep the terms of the last update of each player."""
        self.set_clock()
        self.update_order()
        if self.group.is_first:
            train = self.config.train
            decay, ramp = schedule.ema_decay(self.step, train), train.ema_half_life is None
            ema.update(self.average, self.G, decay, self.step if ramp else None)
        self.step += 1

    def update_order(self) -> None:
        """The updates of one training step: D as often as the schedule says, then G. Override for another order."""
        train, limits = self.config.train, self.config.train.loss_thresholds
        d_steps = schedule.d_steps(self.step, self.ratio, train.critic_warmup)
        for _ in schedule.player_steps(d_steps, limits.d, limits.most, lambda: total_loss(self.d_terms).item()):
            self.d_step()
        for _ in schedule.player_steps(1, limits.g, limits.most, lambda: total_loss(self.g_terms).item()):
            self.g_step()

    def d_step(self) -> None:
        """Run `d_update` on the next reals, with a separate random stream."""
        with RngScope(self.seed, "d", self.d_steps, share=self.group.share):
            self.d_terms = self.graphs.run(self.d_update, self.reals(self.rows))
        self.d_steps, self.images = self.d_steps + 1, self.images + self.config.train.batch_size

    def d_update(self, real: Batch) -> Terms:
        """One discriminator update: loss on the batch as mixed by the tricks, penalties on the clean batch."""
        with torch.no_grad():
            fake = self.fakes(self.opponent(self.G), self.rows, real)
        mixed = self.mix(real, fake) if self.mixes else (real, fake)
        micro, judged, observed = MicroBatches(self.accumulation, real, fake, *mixed), [], []
        self.opt_d.zero_grad()
        for clean_real, clean_fake, mixed_real, mixed_fake in micro:
            d_real, d_fake = self.judge(self.D, mixed_real), self.judge(self.D, mixed_fake)
            penalties = self.penalties(clean_real, clean_fake) if self.penalised else ()
            micro.backward(merge_terms(self.gathered_terms(self.terms_of_d, d_real, d_fake), *penalties))
            judged.append([d_real.detach(), d_fake.detach()])
            if self.observed:
                observed.append(self.judged_reals(self.D, clean_real) if self.mixes else judged[-1][0])
        terms = self.optimizer_step(self.opt_d, micro)
        self.last_judged = judged[-1]
        if self.observed or self.watching:
            self.after_d_update(judged, observed)
        self.loss.after_d_step(self.D)
        return terms

    def g_step(self) -> None:
        """Run `g_update`, on the next reals if G needs any, with a separate random stream."""
        reads, n = self.g_reads_real or self.conditioned is not None, self.config.train.g_batch_multiple
        with RngScope(self.seed, "g", self.g_steps, share=self.group.share):
            self.g_terms = self.graphs.run(self.g_update, self.reals(self.rows * n) if reads else None)
        self.g_steps += 1
        self.images += self.config.train.batch_size * n if self.g_reads_real else 0

    def g_update(self, real: Batch | None) -> Terms:
        """One generator update against the discriminator, or against its stand-in (`Trick.opponent`)."""
        D, n = self.opponent(self.D), self.rows * self.config.train.g_batch_multiple // self.accumulation.count
        micro, judged = MicroBatches(self.accumulation, real), []
        self.D.requires_grad_(False)
        self.opt_g.zero_grad()
        for (part,) in micro:
            d_fake = self.judge(D, self.fakes(self.G, n, part))
            d_real = self.judged_reals(D, part) if part is not None and self.g_reads_real else None
            terms = self.gathered_terms(partial(self.terms_of_g, D), d_real, d_fake)
            micro.backward(merge_terms(terms, *self.reconstruction_terms(D, part, d_real)))
            judged.append((d_real, d_fake.detach()))
        terms = self.optimizer_step(self.opt_g, micro)
        self.D.requires_grad_(True)
        self.after_g_update(judged, by_d=D is self.D)
        return terms

    def terms_of_d(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """D's terms on its batch: those of the loss and of every trick; penalties come on top."""
        judge = partial(self.judge_seen, self.D)
        of_tricks = (self.terms(trick, "judged_terms", judge, real, fake) for trick in self.tricks)
        return merge_terms(self.terms(self.loss, "d_loss", real, fake), *of_tricks)

    def terms_of_g(self, judge: nn.Module, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """G's terms: those of the loss, on the batch that the tricks leave it, and of every trick."""
        chosen = real, fake
        for trick in self.tricks:
            chosen = trick.g_batch(self.loss, *chosen)
        of_tricks = (self.terms(trick, "g_terms", judge, real, fake) for trick in self.tricks)
        return merge_terms(self.terms(self.loss, "g_loss", *chosen), *of_tricks)

    def terms(self, part: nn.Module, hook: str, *arguments: Any) -> Terms:
        """The terms that the method `hook` of a loss or trick returns; a plugin's are checked, at first also for NaN."""
        if part in self.plugins:
            first = not (self.g_steps if hook.startswith("g_") else self.d_steps)
            return checked_terms(part, hook, *arguments, finite=first)
        terms: Terms = getattr(part, hook)(*arguments)
        return terms

    def gathered_terms(
        self, terms_of: Callable[..., Terms], real: DiscriminatorOutput | None, fake: DiscriminatorOutput
    ) -> Terms:
        """Evaluate `terms_of` on this shard, or on the gathered batch if a term compares samples with each other."""
        if not self.couples:
            return terms_of(real, fake)
        with rng.full_batch():
            return terms_of(real and self.group.gather_batch(real), self.group.gather_batch(fake))

    def optimizer_step(self, optimizer: optim.Optimizer, micro: MicroBatches) -> Terms:
        """One step of `optimizer` with the accumulated gradients of `micro`; returns the terms.

        With several processes, gradients, terms and batch norm's statistics are averaged first. Notes the first step whose
        loss is not finite, without waiting for the device.
        """
        terms = micro.terms()
        if self.group.size > 1:
            gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
            self.group.average([*gradients, *terms.values(), *self.accumulation.running])
        finite = total_loss(terms).isfinite()
        self.first_bad.clamp_(max=torch.where(finite, torch.inf, self.clock))
        optimizer.step()
        return terms

    def after_d_update(self, judged: list[list[DiscriminatorOutput]], observed: list[DiscriminatorOutput]) -> None:
        """Run the hooks after D's step that read its output: the loss's, on the clean reals, and the tricks'."""
        if self.observed:
            self.loss.observe_reals(self.group.gather_batch(concatenate(observed)))
        real, fake = (self.group.gather_batch(concatenate(parts)) for parts in zip(*judged, strict=True))
        for trick in self.watching:
            trick.after_d_step(self.loss, real, fake)

    def after_g_update(self, judged: list[tuple[DiscriminatorOutput | None, DiscriminatorOutput]], by_d: bool) -> None:
        """Run the hooks after G's step: the loss's, on the whole batch if D itself judged it, and every trick's."""
        # The output of a past D says nothing about the current state.
        if by_d and overrides(self.loss, Loss, "after_g_step"):
            reals, fakes = zip(*judged, strict=True)
            real, fake = concatenate(reals), concatenate(fakes)
            self.loss.after_g_step(real and self.group.gather_batch(real), self.group.gather_batch(fake))
        for trick in self.tricks:
            trick.after_g_step()

    def reconstruction_terms(
        self, discriminator: nn.Module, real: Batch | None, judged: DiscriminatorOutput | None
    ) -> Iterator[Terms]:
        """G's terms on its reconstructions of reals, for a loss that gives G an encoder."""
        if self.loss.encodes and real is not None and judged is not None:
            made = self.run(lambda: self.loss.reconstruct(self.G, real, judged))
            yield self.terms(self.loss, "g_reconstruction", judged, self.judge(discriminator, made), made)

    def penalties(self, real: Batch, fake: Batch) -> Iterator[Terms]:
        """The terms that run D again, on the clean batch after the `view` hooks."""
        real, fake = self.view(real), self.view(fake)
        yield self.terms(self.loss, "penalty", self.judge_slope, real, fake)
        for trick in self.tricks:
            yield self.terms(trick, "d_terms", self.judge_slope, real, fake)


def merge_terms(*parts: Terms) -> Terms:
    """Merge tables of terms; raises `ValueError` if a name occurs twice."""
    terms: Terms = {}
    for part in parts:
        if twice := terms.keys() & part.keys():
            raise ValueError(f"two terms are called {sorted(twice)}: a penalty is switched on twice")
        terms |= part
    return terms
