"""The training step. It knows base types only and names no loss, trick or network."""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn, optim

from ganzoo import rng
from ganzoo.batch import Batch, DiscriminatorOutput, Terms
from ganzoo.builder import GanModules, make_optimizer
from ganzoo.config.batch_split import batch_coupled_parts
from ganzoo.config.schema import ResolvedConfig, Table, parse_ratio
from ganzoo.data import BatchLoader
from ganzoo.latent import generate, generate_from_reals
from ganzoo.losses import Loss
from ganzoo.mistakes import checked_terms
from ganzoo.networks import REFERENCE_BATCH, place_network
from ganzoo.networks.generator import RealConditioned
from ganzoo.optimizers import scheduled_options, set_options
from ganzoo.registry import overrides
from ganzoo.rng import RngScope
from ganzoo.schedules import Varying
from ganzoo.training import ema, precision, schedule
from ganzoo.training.accumulation import GradientAccumulation, MicroBatches, concatenate, total_loss
from ganzoo.training.cuda_graphs import GraphRunner
from ganzoo.training.distributed import SINGLE_PROCESS, ProcessGroup
from ganzoo.training.sample_probe import SampleProbe
from ganzoo.tricks import Trick

COUNTERS = ("step", "d_steps", "g_steps", "images", "rollbacks")


@dataclass(frozen=True)
class Player:
    """A network with its optimizer."""

    network: nn.Module
    optimizer: optim.Optimizer
    table: Table
    """The config of the optimizer, as `make_optimizer` takes it."""
    counter: str = "step"
    """The counter of the steps that the optimizer has taken, one of `COUNTERS`."""


class Trainer:
    """Both players, their optimizers, the data and the counters: everything that a training step reads and changes.

    A step is one update of G after the scheduled updates of D (`update_order`); under loss thresholds either player may step
    again. `images` counts the reals that D judges, in updates of D and in those of G that use reals. `last_judged` holds D's
    output for the reals and fakes of its last update (the last micro-batch), `restored_d_metrics` D's last logged metrics from
    the checkpoint. With a `group` of processes each one has a shard of every batch, and all take a step together.
    """

    def __init__(
        self, game: GanModules, batches: BatchLoader, config: ResolvedConfig, group: ProcessGroup = SINGLE_PROCESS
    ) -> None:
        self.game, self.batches, self.config, self.group = game, batches, config, group
        self.device = torch.device(config.train.device)
        self.G, self.D = place_network(game.generator, self.device), place_network(game.discriminator, self.device)
        self.loss, self.tricks = game.loss.to(self.device), [trick.to(self.device) for trick in game.tricks]
        self.conditioned = self.G if isinstance(self.G, RealConditioned) else None
        self.average = copy.deepcopy(self.G).eval().requires_grad_(False)
        self.pack = math.prod(trick.batch_divisor for trick in self.tricks)
        self.set_reference(REFERENCE_BATCH * self.pack)
        example = self.example()
        for trick in self.tricks:
            trick.attach(self.G, self.D, example)
        self.opt_g = make_optimizer(config.train.generator, self.G)
        self.opt_d = make_optimizer(config.train.discriminator, self.D)
        self.probe = SampleProbe(batches.dataset, game.latent, self.pack, config.seed).to(self.device)
        self.ratio = parse_ratio(config.train.ratio)
        self.run = precision.autocast_runner(config.train.precision, self.device.type)
        self.judge_slope = precision.autocast_judge(precision.of_penalties(config.train), self.device.type, self.D)
        self.accumulation = GradientAccumulation(config.train.gradient_accumulation, self.G, self.D)
        self.rows = config.train.batch_size // group.size
        self.g_reads_real = game.g_reads_real
        self.observed = overrides(self.loss, Loss, "observe_reals")
        self.couples = bool(batch_coupled_parts(game.loss, game.tricks, batches.dataset.unlabelled))
        self.labelled = bool(game.latent.classes) and not batches.dataset.unlabelled
        self.batches.with_labels = reads_labels(game)
        self.mixes = any(overrides(trick, Trick, "mix") for trick in self.tricks)
        d_terms = any(overrides(trick, Trick, "d_terms") for trick in self.tricks)
        self.penalised = d_terms or overrides(self.loss, Loss, "penalty")
        self.watching = [trick for trick in self.tricks if overrides(trick, Trick, "after_d_step")]
        parts = (self.loss, *self.tricks)
        self.varying = [each for part in parts for each in part.modules() if isinstance(each, Varying)]
        self.step = self.d_steps = self.g_steps = self.images = self.rollbacks = 0
        self.d_terms, self.g_terms = Terms(), Terms()
        self.last_judged: list[DiscriminatorOutput] = []
        self.restored_d_metrics: dict[str, float | None] = {}
        self.first_bad = torch.full((), torch.inf, device=self.device)
        self.clock = torch.zeros((), device=self.device)  # `step`, for what runs there
        self.graphs = GraphRunner.made(config.train, [self.loss, *self.tricks], group.size, (self.opt_g, self.opt_d))

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

    def set_clock(self) -> None:
        """Set the learning rates, all other scheduled settings and the step number on the device for this step."""
        train = self.config.train
        factor = schedule.lr_factor(self.step, train) * train.rollback_lr_factor**self.rollbacks
        for player in self.players().values():
            set_options(player.optimizer, factor, scheduled_options(player.table, self.step, train.batch_size))
        for varying in self.varying:
            varying.set_step(self.step, train.batch_size)
        self.clock.fill_(self.step)

    @property
    def seed(self) -> int | str:
        """Seed of the random streams; changes after each rollback."""
        return f"{self.config.seed}.{self.rollbacks}" if self.rollbacks else self.config.seed

    def d_step(self) -> None:
        """Run `d_update` on the next reals, with a separate random stream."""
        with RngScope(self.seed, "d", self.d_steps, share=self.group.share):
            self.d_terms = self.graphs.run(self.d_update, self.reals(self.rows))
        self.d_steps, self.images = self.d_steps + 1, self.images + self.config.train.batch_size

    def d_update(self, real: Batch) -> Terms:
        """One discriminator update: loss on the batch as mixed by the tricks, penalties on the clean batch."""
        with torch.no_grad():
            fake = self.fakes(self.opponent(self.G), self.rows, real)
        micro, judged, observed = MicroBatches(self.accumulation, real, fake, *self.mix(real, fake)), [], []
        self.opt_d.zero_grad()
        for clean_real, clean_fake, mixed_real, mixed_fake in micro:
            d_real, d_fake = self.judge(self.D, mixed_real), self.judge(self.D, mixed_fake)
            terms = self.gathered_terms(self.terms_of_d, d_real, d_fake)
            terms = merge_terms(terms, *self.penalties(clean_real, clean_fake))
            self.last_judged = [d_real.detach(), d_fake.detach()]
            judged.append(self.last_judged)
            if self.observed:
                observed.append(self.observed_reals(clean_real))
            micro.backward(terms)
        terms = self.optimizer_step(self.opt_d, micro)
        if self.observed:
            self.loss.observe_reals(self.group.gather_batch(concatenate(observed)))
        self.after_d_update(judged)
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
        """The terms that the method `hook` of a loss or trick returns, checked; in a player's first update also for NaN."""
        first = not (self.g_steps if hook.startswith("g_") else self.d_steps)
        return checked_terms(part, hook, *arguments, finite=first)

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

    def observed_reals(self, real: Batch) -> DiscriminatorOutput:
        """D's output for the clean reals, for a loss that observes them."""
        return self.judged_reals(self.D, real) if self.mixes else self.last_judged[0]

    def after_d_update(self, judged: list[list[DiscriminatorOutput]]) -> None:
        """Run the hooks after D's step: the loss's, and those of the tricks that watch D, on the whole batch."""
        self.loss.after_d_step(self.D)
        if self.watching:
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

    def reals(self, n: int) -> Batch:
        """The next `n` reals, as D sees them in training."""
        return self.as_trained(self.batches.next(n))

    @torch.no_grad()
    def as_trained(self, samples: Batch) -> Batch:
        """`samples` in the form of training; only a generator that is conditioned on reals has another than images."""
        return samples.with_images(self.conditioned.reals(samples.images)) if self.conditioned is not None else samples

    @torch.no_grad()
    def judged_reals(self, discriminator: nn.Module, real: Batch) -> DiscriminatorOutput:
        """D's output for reals without a gradient, for losses of G that use it."""
        return self.judge(discriminator, real)

    def fakes(self, generator: nn.Module, n: int, real: Batch | None) -> Batch:
        """Draw `n` fakes from G with new latents, with the labels of the reals if all reals have one."""
        labels = real.labels if real is not None and self.labelled else None
        inputs = self.game.latent.draw(n, labels, self.device)
        if self.conditioned is not None and real is not None:
            return self.run(lambda: generate_from_reals(generator, inputs, real))
        return self.run(lambda: generate(generator, self.loss.fake_inputs(generator, inputs, real)))

    def reconstruction_terms(
        self, discriminator: nn.Module, real: Batch | None, judged: DiscriminatorOutput | None
    ) -> Iterator[Terms]:
        """G's terms on its reconstructions of reals, for a loss that gives G an encoder."""
        if self.loss.encodes and real is not None and judged is not None:
            made = self.run(lambda: self.loss.reconstruct(self.G, real, judged))
            yield self.terms(self.loss, "g_reconstruction", judged, self.judge(discriminator, made), made)

    def opponent(self, player: nn.Module) -> nn.Module:
        """The network that stands in for `player` in the other player's update."""
        for trick in self.tricks:
            player = trick.opponent(player)
        return player

    @torch.no_grad()
    def set_reference(self, n: int) -> None:
        """Set the reference batch of D's virtual batch norm to the first `n` reals; the data position does not advance."""
        judge: Any = self.D
        if getattr(judge, "reference", None) is not None:
            position = self.batches.position
            with RngScope(self.config.seed, "reference"):
                judge.refer_to(self.view(self.reals(n)))
            self.batches.position = position

    @torch.no_grad()
    def example(self) -> Batch:
        """One fake (or pack) of the averaged G; advances no counter."""
        with RngScope(self.config.seed, "example"):
            fake = generate(self.average, self.game.latent.draw(self.pack, device=self.device))
            return self.as_trained(fake).pack(self.pack)

    def mix(self, real: Batch, fake: Batch) -> tuple[Batch, Batch]:
        """D's batch after the `mix` hooks, which see the packed rows of all processes."""
        if not self.mixes:
            return real, fake
        real, fake = (self.group.gather_batch(samples).pack(self.pack) for samples in (real, fake))
        with rng.full_batch():
            for trick in self.tricks:
                real, fake = trick.mix(real, fake)
        return self.group.local_shard(real.unpack(self.pack)), self.group.local_shard(fake.unpack(self.pack))

    def view(self, samples: Batch) -> Batch:
        """The batch as D receives it, after the `view` hooks."""
        for trick in self.tricks:
            samples = trick.view(samples)
        return samples

    def judge(self, discriminator: nn.Module, samples: Batch) -> DiscriminatorOutput:
        """The output of `discriminator` for a batch, after the `view` hooks."""
        return self.judge_seen(discriminator, self.view(samples))

    def judge_seen(self, discriminator: nn.Module, seen: Batch) -> DiscriminatorOutput:
        """The output of `discriminator` for a batch that the `view` hooks have changed already."""
        judged: DiscriminatorOutput = self.run(lambda: discriminator(seen))
        return judged

    def penalties(self, real: Batch, fake: Batch) -> Iterator[Terms]:
        """The terms that run D again, on the clean batch after the `view` hooks."""
        if not self.penalised:
            return
        real, fake = self.view(real), self.view(fake)
        yield self.terms(self.loss, "penalty", self.judge_slope, real, fake)
        for trick in self.tricks:
            yield self.terms(trick, "d_terms", self.judge_slope, real, fake)

    def is_finite(self) -> bool:
        """True if every loss so far was finite; waits for the device."""
        return bool(torch.isinf(self.first_bad))

    def last_finite_step(self) -> int:
        """The last step up to which every loss was finite."""
        return self.step - 1 if self.is_finite() else int(self.first_bad)

    def reset_after_rollback(self, rollbacks: int) -> None:
        """Reset after a rollback: clear the record of non-finite losses, switch random stream and learning rates."""
        self.rollbacks = rollbacks
        self.first_bad.fill_(torch.inf)
        self.d_terms, self.g_terms, self.last_judged = {}, {}, []

    def players(self) -> dict[str, Player]:
        """Every network with its own optimizer, by its name in a checkpoint. Extend for a game with a third player.

        All players have the learning rates of the schedule, and are part of the training state.
        """
        train = self.config.train
        return {
            "generator": Player(self.G, self.opt_g, train.generator, "g_steps"),
            "discriminator": Player(self.D, self.opt_d, train.discriminator, "d_steps"),
        }

    def modules(self) -> dict[str, torch.nn.Module]:
        """Every module with a state, by its name in a checkpoint."""
        tricks = {f"trick.{trick.name}": trick for trick in self.tricks}
        players = {name: player.network for name, player in self.players().items()}
        return (
            {"generator": self.G, "average": self.average} | players | {"loss": self.loss, "probe": self.probe} | tricks
        )

    def optimizers(self) -> dict[str, optim.Optimizer]:
        """The optimizer of each player, by its name in a checkpoint."""
        return {f"optimiser.{name}": player.optimizer for name, player in self.players().items()}

    def counters(self) -> dict[str, int]:
        """The integers of the training state."""
        return {name: getattr(self, name) for name in COUNTERS} | {"position": self.batches.position}

    def set_counters(self, counters: dict[str, int]) -> None:
        """Restore `counters`."""
        self.batches.position = counters["position"]
        for name in COUNTERS:
            setattr(self, name, counters[name])
        self.graphs.forget()


def reads_labels(game: GanModules) -> bool:
    """True if a network, the loss or a trick reads the labels of reals."""
    loss = game.loss.needs_labels or "class_logits" in game.loss.heads
    return loss or game.latent.classes > 0 or any(trick.reads_labels for trick in game.tricks)


def merge_terms(*parts: Terms) -> Terms:
    """Merge tables of terms; raises `ValueError` if a name occurs twice."""
    terms: Terms = {}
    for part in parts:
        if twice := terms.keys() & part.keys():
            raise ValueError(f"two terms are called {sorted(twice)}: a penalty is switched on twice")
        terms |= part
    return terms
