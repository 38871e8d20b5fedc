"""What is added to training and is not the loss."""

from enum import IntEnum, auto
from typing import Any, ClassVar

from torch import nn

from ganzoo.batch import Batch, DiscriminatorFn, DiscriminatorOutput, Terms
from ganzoo.registry import Registry

Shape = tuple[int, int, int]
"""(C, H, W) of one sample."""

TRICKS: "Registry[type[Trick]]" = Registry("trick")


class Phase(IntEnum):
    """Position of a trick within a training step: tricks apply in this order, two of one phase by their names."""

    OPPONENT = auto()
    """Which player the other one meets."""
    FAKES = auto()
    """Which fakes D meets."""
    SIDES = auto()
    """Which samples pass for real and which for fake."""
    VIEW = auto()
    """Appearance of a sample to D."""
    PACK = auto()
    """Packs instead of samples."""
    TERMS = auto()
    """Terms of either player but penalties on D's slope."""
    SLOPE_AT = auto()
    """Penalty on the slope at reals or at fakes."""
    SLOPE_BETWEEN = auto()
    """Penalty on the slope between reals and fakes."""
    SLOPE_AROUND = auto()
    """Penalty on the slope around reals."""
    LAST = auto()


class Trick(nn.Module):
    """A switch of training, in six hooks that do nothing unless a subclass says otherwise.

    A subclass has a docstring (authors, year, link), a `name`, where its place matters a `phase`, and an `__init__` whose
    keywords carry the source's defaults: that signature is the schema of its config table. State that must survive a
    checkpoint is a buffer. Random numbers come from `ganzoo.rng` under a name of the trick's own, so that a neutral trick
    changes nothing. Its row in the table of techniques and the tests of all tricks are made from these attributes.
    """

    name: ClassVar[str]
    phase: ClassVar[Phase] = Phase.LAST
    """Position among the tricks that are on, whatever the order in the config."""
    neutral: ClassVar[dict[str, Any]] = {}
    """Settings under which training is bit for bit as without the trick; empty if there are none."""
    title: ClassVar[str] = ""
    """Name in the table of techniques, if it is not `name` with spaces."""
    number: ClassVar[int | None] = None
    """Position in the field's collected advice (docs/techniques.md); None for a trick that is not in it."""
    heads: ClassVar[tuple[str, ...]] = ()
    """What the trick reads of D: it suits a loss whose `heads` have these."""
    excludes: ClassVar[tuple[str, ...]] = ()
    """Heads that the trick would mislead: it is refused for a loss that asks for one."""
    images_only: ClassVar[bool] = False
    """Whether the trick means nothing for points in the plane."""
    reads_labels: ClassVar[bool] = False
    """Whether a hook reads the labels of reals; where nothing else does, they are otherwise left out."""
    drops_labels: bool = False
    """Whether `view` leaves the labels out."""
    batch_divisor: int = 1
    """What the batch must be a multiple of."""
    g_uses_real: bool = False
    """Whether `g_terms` reads judged reals."""
    per_sample_gradients: ClassVar[bool] = False
    """Whether `d_terms` differentiates D per sample, which batch norm in D would make wrong."""

    couples_samples: bool = False
    """Whether a term is not a mean over samples."""
    capturable: bool = True
    """Whether each step computes the same on numbers that lie in tensors, so that a CUDA graph can repeat it."""

    def __init_subclass__(cls) -> None:
        if "name" in cls.__dict__:
            TRICKS.add(cls.name, cls)

    def attach(self, generator: nn.Module, discriminator: nn.Module, example: Batch) -> None:
        """Called once, before the first step: both players, and one fake that shows what `mix` gets."""

    def seen_shape(self, shape: Shape) -> Shape:
        """What `view` makes of samples of this shape: D is built for it."""
        return shape

    def opponent(self, player: nn.Module) -> nn.Module:
        """Who plays against the one that moves: `player` (G in D's step, D in G's) itself, or a frozen one of its past."""
        return player

    def mix(self, real: Batch, fake: Batch) -> tuple[Batch, Batch]:
        """The batches of a D step before D sees them (replay, label noise); under packing a row is a pack."""
        return real, fake

    def view(self, samples: Batch) -> Batch:
        """Any batch on its way into D, in both players' steps (instance noise, augmentation)."""
        return samples

    def d_terms(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Terms:
        """Terms of D, on the clean reals and fakes as D views them, before any trick mixed them."""
        return {}

    def g_terms(self, judge: DiscriminatorFn, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """Terms of G, on G's batch as judged; `real` is given (cut out of the graph) where `g_uses_real`."""
        return {}

    def after_g_step(self) -> None:
        """Called after each step of G."""
