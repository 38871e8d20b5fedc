"""`Trick`, the base class of optional training techniques, and the order in which they apply."""

from enum import IntEnum, auto
from typing import Any, ClassVar

from torch import nn

from ganzoo.batch import Batch, DiscriminatorFn, DiscriminatorOutput, Terms
from ganzoo.losses import Loss
from ganzoo.registry import Registry

Shape = tuple[int, int, int]
"""(C, H, W) of one sample."""

TRICKS: "Registry[type[Trick]]" = Registry("trick")


class Phase(IntEnum):
    """Position of a trick within one training step: tricks apply in this order, and by name within a phase."""

    OPPONENT = auto()
    """Replace a player by a past copy."""
    FAKES = auto()
    """Replace fakes in D's batch."""
    SIDES = auto()
    """Exchange reals and fakes in D's batch."""
    VIEW = auto()
    """Change the samples that D sees."""
    PACK = auto()
    """Combine samples into packs."""
    TERMS = auto()
    """Add loss terms of either player, except gradient penalties."""
    SLOPE_AT = auto()
    """Gradient penalty at reals or at fakes."""
    SLOPE_BETWEEN = auto()
    """Gradient penalty between reals and fakes."""
    SLOPE_AROUND = auto()
    """Gradient penalty around reals."""
    LAST = auto()


class Trick(nn.Module):
    """An optional training technique, with ten hooks that do nothing by default.

    A subclass has a docstring (authors, year, link), a `name`, a `phase` if its order matters, and an `__init__` with keyword
    arguments whose defaults are the source's: this signature is the schema of its config table. State saved in checkpoints
    is a buffer. Random numbers come from `ganzoo.rng` under a name that only this trick uses, so that a neutral trick changes
    nothing. The table of techniques and the contract tests are generated from these attributes.
    """

    name: ClassVar[str]
    phase: ClassVar[Phase] = Phase.LAST
    """Position among the active tricks, independent of the order in the config."""
    neutral: ClassVar[dict[str, Any]] = {}
    """Settings with which training is bitwise identical to training without the trick; empty if no such settings exist."""
    title: ClassVar[str] = ""
    """Name in the table of techniques; default: `name` with spaces."""
    number: ClassVar[int | None] = None
    """Number in the list of known techniques (docs/guide/techniques.md); None if not listed there."""
    heads: ClassVar[tuple[str, ...]] = ()
    """Outputs of D that the trick reads; it requires a loss whose `heads` include them."""
    excludes: ClassVar[tuple[str, ...]] = ()
    """Heads that the trick would train wrongly; it is refused for a loss that requires one of them."""
    images_only: ClassVar[bool] = False
    """True if the trick does not apply to 2D points."""
    reads_labels: ClassVar[bool] = False
    """True if a hook reads the labels of reals; reals have no labels unless some part reads them."""
    drops_labels: bool = False
    """True if `view` removes the labels."""
    replaces_d: ClassVar[bool] = False
    """True if a copy of D judges in every step of G; refused for a loss that reads D's own output after G's step."""
    batch_divisor: int = 1
    """The batch size must be a multiple of this number."""
    g_uses_real: bool = False
    """True if `g_terms` reads D's output on reals."""
    per_sample_gradients: ClassVar[bool] = False
    """True if `d_terms` takes gradients of D per sample, which are wrong with batch norm in D."""

    compares_images: ClassVar[bool] = False
    """True if a term takes distances between images; refused for a pyramid, where a vector holds the images of all levels."""

    subtracts_scores: ClassVar[bool] = False
    """True if a term subtracts nearly equal scores of D, for which bf16 has too few digits."""

    couples_samples: bool = False
    """True if a term is not a mean over samples."""
    capturable: bool = True
    """True if every step runs the same operations on tensors, so that a CUDA graph can repeat it."""

    def __init_subclass__(cls) -> None:
        if "name" in cls.__dict__:
            TRICKS.add(cls.name, cls)

    def attach(self, generator: nn.Module, discriminator: nn.Module, example: Batch) -> None:
        """Called once, before the first step, with both players and one fake of the kind that `mix` receives."""

    def seen_shape(self, shape: Shape) -> Shape:
        """Shape of samples of this shape after `view`; D is built for it."""
        return shape

    def opponent(self, player: nn.Module) -> nn.Module:
        """The network used as the fixed opponent (G in D's step, D in G's step): `player`, or a frozen copy of it.

        Called once per update of the other player, before it.
        """
        return player

    def mix(self, real: Batch, fake: Batch) -> tuple[Batch, Batch]:
        """The batches of a D step, before D sees them (replay, label noise); with packing, each row is a pack."""
        return real, fake

    def view(self, samples: Batch) -> Batch:
        """Any batch as D sees it, in the steps of both players (instance noise, augmentation)."""
        return samples

    def judged_terms(self, judge: DiscriminatorFn, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """D's terms from its output on its batch, as mixed by the tricks; `fake` is detached from G."""
        return {}

    def d_terms(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Terms:
        """D's terms, on reals and fakes as D sees them, before any trick mixes them."""
        return {}

    def g_batch(
        self, loss: Loss, real: DiscriminatorOutput | None, fake: DiscriminatorOutput
    ) -> tuple[DiscriminatorOutput | None, DiscriminatorOutput]:
        """D's output on G's batch as G's loss gets it; `real` is given if the loss or a trick reads it."""
        return real, fake

    def g_terms(self, judge: DiscriminatorFn, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """G's terms, from D's output on G's batch; `real` is given, detached, if `g_uses_real`."""
        return {}

    def after_d_step(self, loss: Loss, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> None:
        """Called after each step of D with its output on its whole batch, from before the update and detached."""

    def after_g_step(self) -> None:
        """Called after each step of G."""

    def readings(self) -> Terms:
        """Values for the log that neither player minimizes."""
        return {}
