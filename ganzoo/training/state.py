"""The state that a training step reads and changes, and the passes through both networks.

It knows base types only and names no loss, trick or network.
"""

import copy
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn, optim

from ganzoo import rng
from ganzoo.batch import Batch, DiscriminatorOutput, Terms
from ganzoo.builder import GanModules, make_optimizer
from ganzoo.config.batch_split import batch_coupled_parts
from ganzoo.config.parsing import parse_ratio
from ganzoo.config.schema import ResolvedConfig
from ganzoo.config.tables import Table
from ganzoo.data import BatchLoader
from ganzoo.latent import generate, generate_from_reals
from ganzoo.losses import Loss
from ganzoo.mistakes import is_ganzoo
from ganzoo.networks import REFERENCE_BATCH, place_network
from ganzoo.networks.generator import RealConditioned
from ganzoo.optimizers import scheduled_options, set_options
from ganzoo.registry import overrides
from ganzoo.rng import RngScope
from ganzoo.schedules import Varying
from ganzoo.training import precision, schedule
from ganzoo.training.accumulation import GradientAccumulation
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


class TrainingState:
    """Both players, their optimizers, the data and the counters: everything that a training step reads and changes.

    `images` counts the reals that D judges, in updates of D and in those of G that use reals. `last_judged` holds D's output
    for the reals and fakes of its last update (the last micro-batch), `restored_d_metrics` D's last logged metrics from the
    checkpoint. With a `group` of processes each one has a shard of every batch.
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
        self.plugins = {part for part in (self.loss, *self.tricks) if not is_ganzoo(type(part).__module__)}
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

    @property
    def seed(self) -> int | str:
        """Seed of the random streams; changes after each rollback."""
        return f"{self.config.seed}.{self.rollbacks}" if self.rollbacks else self.config.seed

    def set_clock(self) -> None:
        """Set the learning rates, all other scheduled settings and the step number on the device for this step."""
        train = self.config.train
        factor = schedule.lr_factor(self.step, train) * train.rollback_lr_factor**self.rollbacks
        for player in self.players().values():
            set_options(player.optimizer, factor, scheduled_options(player.table, self.step, train.batch_size))
        for varying in self.varying:
            varying.set_step(self.step, train.batch_size)
        self.clock.fill_(self.step)

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

    def reals(self, n: int) -> Batch:
        """The next `n` reals, as D sees them in training."""
        return self.as_trained(self.batches.next(n))

    @torch.no_grad()
    def as_trained(self, samples: Batch) -> Batch:
        """`samples` in the form of training; only a generator that is conditioned on reals has another than images."""
        return samples.with_images(self.conditioned.reals(samples.images)) if self.conditioned is not None else samples

    def fakes(self, generator: nn.Module, n: int, real: Batch | None) -> Batch:
        """Draw `n` fakes from G with new latents, with the labels of the reals if all reals have one."""
        labels = real.labels if real is not None and self.labelled else None
        inputs = self.game.latent.draw(n, labels, self.device)
        if self.conditioned is not None and real is not None:
            return self.run(lambda: generate_from_reals(generator, inputs, real))
        return self.run(lambda: generate(generator, self.loss.fake_inputs(generator, inputs, real)))

    def opponent(self, player: nn.Module) -> nn.Module:
        """The network that stands in for `player` in the other player's update."""
        for trick in self.tricks:
            player = trick.opponent(player)
        return player

    def mix(self, real: Batch, fake: Batch) -> tuple[Batch, Batch]:
        """D's batch after the `mix` hooks, which see the packed rows of all processes."""
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
        seen = self.view(samples)
        judged: DiscriminatorOutput = self.run(lambda: discriminator(seen))
        return judged

    def judge_seen(self, discriminator: nn.Module, seen: Batch) -> DiscriminatorOutput:
        """The output of `discriminator` for a batch that the `view` hooks have changed already."""
        judged: DiscriminatorOutput = self.run(lambda: discriminator(seen))
        return judged

    @torch.no_grad()
    def judged_reals(self, discriminator: nn.Module, real: Batch) -> DiscriminatorOutput:
        """D's output for reals without a gradient, for losses of G that use it."""
        return self.judge(discriminator, real)

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
