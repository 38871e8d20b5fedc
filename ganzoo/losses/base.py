"""What a loss is to the trainer, and to anybody's own loop."""

import math
from typing import Any, ClassVar

import torch
from torch import nn

from ganzoo.batch import Batch, CodeSpec, DiscriminatorFn, DiscriminatorOutput, Terms
from ganzoo.registry import Registry

LOSSES: "Registry[type[Loss]]" = Registry("loss")

CLASSIFIES = ("d-has-won", "d-is-fooled")
"""The rules on D's loss and on who is ahead, which mean nothing for a critic, an energy or a potential."""


HARD_TARGETS = (0.0, 2 * math.log(2))
"""`Loss.d_loss_bounds` of a cross-entropy with the targets 1 and 0."""


class Loss(nn.Module):
    """Both objectives of one paper, over judged batches. Knows no network, optimiser or config.

    A subclass has a docstring (authors, year, link, both objectives), a `name`, and an `__init__` whose keywords carry the
    paper's defaults: that signature is the schema of its config table. State that must survive a checkpoint is a buffer.

    In your own loop a score may also be (N, 1, h, w), as a PatchGAN gives it: terms are means over all patches, and penalties
    take the slope of a sample's sum of scores. `coulomb` alone refuses it.
    """

    name: ClassVar[str]
    heads: ClassVar[tuple[str, ...]] = ("score",)
    """What D must give; see `ganzoo.networks.heads`."""
    g_uses_real: ClassVar[bool] = False
    """Whether `g_loss` or `after_g_step` reads judged reals."""
    needs_labels: ClassVar[bool] = False
    """Whether the fakes must carry labels (so the data must have them and G must be conditional)."""
    per_sample_gradients: ClassVar[bool] = False
    """Whether `penalty` differentiates D per sample, which batch norm in D would make wrong."""
    couples_samples: ClassVar[bool] = False
    """Whether a term is not a mean over samples (a large batch is then not the mean of small ones)."""
    label_blind: ClassVar[bool] = False
    """Whether D's goal does not depend on labels, so that a conditional player would learn nothing of them."""
    classifies: ClassVar[bool] = False
    """Whether D is wanted as a classifier: its error on the test split is then logged at each save."""
    penalties: ClassVar[tuple[str, ...]] = ()
    """The terms of `penalty` that are also tricks: those would count twice, and are refused."""
    capturable: ClassVar[bool] = True
    """Whether each step computes the same on numbers that lie in tensors, so that a CUDA graph can repeat it."""
    added_buffers: ClassVar[dict[str, float]] = {}
    """Scalar buffers that states of older versions lack, and their value where one is missing."""
    watch: ClassVar[tuple[str, ...]] = (
        "not-finite",
        "loss-explodes",
        "gradient-explodes",
        "gradient-vanishes",
        "d-loss-spreads",
        "samples-alike",
        "oscillates",
    )
    """The rules of `ganzoo.training.failure_rules` that mean something here; a D that classifies adds `CLASSIFIES`."""
    score_sign: int = 1
    """-1 where D is trained the other way round, so that a lower score means more real."""
    code: CodeSpec | None = None
    """The latent code that G takes beside z, where the loss asks for one."""
    code_outputs: int = 0
    """How many values D's `code_logits` have a sample, where `heads` asks for them."""

    def __init_subclass__(cls) -> None:
        if "name" in cls.__dict__:
            LOSSES.add(cls.name, cls)

    @property
    def d_loss_bounds(self) -> tuple[float, float]:
        """The sum of D's terms on reals and fakes at its lowest, and where D cannot tell them apart.

        The rule `d-has-won` takes its measure from both; where a subclass says nothing, from those of the targets 1 and 0.
        """
        return HARD_TARGETS

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """The terms that D minimises; `fake` is cut off from G."""
        raise NotImplementedError

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """The terms that G minimises; `real` is given (cut out of the graph) where `g_uses_real`."""
        raise NotImplementedError

    def penalty(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Terms:
        """Terms of D that must run D again, on the clean reals and fakes as D views them, before any trick mixed them."""
        return {}

    def observe_reals(self, real: DiscriminatorOutput) -> None:
        """Called in each step of D with its whole batch of reals as judged before the update (BEGAN's balance).

        The reals are clean: before any trick mixed them, as D views them. They are cut out of the graph.
        """

    def after_d_step(self, discriminator: nn.Module) -> None:
        """Called after each step of D's optimiser (WGAN clips)."""

    def after_g_step(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> None:
        """Called after each step of G that D itself judged, with G's whole batch as judged (BEGAN moves k).

        `real` is given where `g_uses_real`.
        """

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        for name, value in self.added_buffers.items():
            state_dict.setdefault(f"{prefix}{name}", torch.tensor(value))
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def readings(self) -> Terms:
        """Figures for the log that no player minimises."""
        return {}
