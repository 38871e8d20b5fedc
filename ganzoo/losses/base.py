"""`Loss`, the base class of all objectives, for the trainer and for custom training loops."""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ganzoo.batch import Batch, CodeSpec, DiscriminatorFn, DiscriminatorOutput, Reconstruction, Terms
from ganzoo.latent import GeneratorInputs
from ganzoo.registry import Registry, overrides

LOSSES: "Registry[type[Loss]]" = Registry("loss")

CLASSIFIES = ("d-has-won", "d-is-fooled")
"""Failure rules for a D that classifies; they do not apply to a critic, an energy or a potential."""


HARD_TARGETS = (0.0, 2 * math.log(2))
"""`Loss.d_loss_bounds` of cross-entropy with targets 1 and 0."""


class Loss(nn.Module):
    """Both objectives of one paper, computed from D's outputs. Independent of networks, optimizers and config.

    A subclass has a docstring (authors, year, link, both objectives), a `name`, and an `__init__` with keyword arguments
    whose defaults are the paper's: this signature is the schema of its config table. State saved in checkpoints is a buffer.

    In your own loop a score may also be (N, 1, h, w), as a PatchGAN gives it: terms are means over all patches, and penalties
    take the slope of a sample's sum of scores. `coulomb` alone refuses it.
    """

    name: ClassVar[str]
    heads: ClassVar[tuple[str, ...]] = ("score",)
    """Outputs that the loss requires of D; see `ganzoo.networks.heads`."""
    g_uses_real: ClassVar[bool] = False
    """True if `g_loss` or `after_g_step` reads D's output on reals."""
    encodes: ClassVar[bool] = False
    """True if G has an encoder, trained with G: each step of G then calls `reconstruct` and `g_reconstruction`."""
    needs_labels: ClassVar[bool] = False
    """True if the fakes need labels, so the data must have labels and G must be conditional."""
    per_sample_gradients: ClassVar[bool] = False
    """True if `penalty` takes gradients of D per sample, which are wrong with batch norm in D."""
    couples_samples: ClassVar[bool] = False
    """True if a term is not a mean over samples, so the loss of a batch is not the mean over its micro-batches."""
    label_blind: ClassVar[bool] = False
    """True if D's objective ignores labels, so conditional networks would learn nothing from them."""
    classifies: ClassVar[bool] = False
    """True if the purpose of D is classification; its error on the test split is then logged at each save."""
    penalties: ClassVar[tuple[str, ...]] = ()
    """Terms of `penalty` that also exist as tricks; these tricks are refused, because the term would count twice."""
    capturable: ClassVar[bool] = True
    """True if every step runs the same operations on tensors, so that a CUDA graph can repeat it."""
    added_buffers: ClassVar[dict[str, float]] = {}
    """Scalar buffers that training states of older versions lack, with the value to use instead."""
    watch: ClassVar[tuple[str, ...]] = (
        "not-finite",
        "loss-explodes",
        "gradient-explodes",
        "gradient-vanishes",
        "d-loss-spreads",
        "d-memorises",
        "samples-alike",
        "oscillates",
    )
    """The rules of `ganzoo.training.failure_rules` that apply; a loss whose D classifies adds `CLASSIFIES`."""
    score_sign: int = 1
    """-1 if D is trained with inverted labels, so that a lower score means more real; else 1."""
    score_border: float | None = 0.0
    """D's score for a sample that may be either; None if only differences of scores have a meaning, as those of a critic."""
    trainer: ClassVar[type[Any] | None] = None
    """A subclass of `ganzoo.Trainer` that trains with this loss, for a game with other updates or a third player."""
    code: CodeSpec | None = None
    """The latent code that G takes in addition to z, if the loss needs one."""
    code_outputs: int = 0
    """Number of values per sample in D's `code_logits`, if `heads` contains it."""

    def __init_subclass__(cls) -> None:
        if "name" in cls.__dict__:
            LOSSES.add(cls.name, cls)

    @property
    def d_loss_bounds(self) -> tuple[float, float]:
        """D's loss on reals plus fakes: its lowest possible value, and its value if D cannot distinguish the two.

        The scale of the rule `d-has-won`. Default: cross-entropy with targets 1 and 0.
        """
        return HARD_TARGETS

    @property
    def has_penalty(self) -> bool:
        """True if `penalty` may return terms."""
        return overrides(self, Loss, "penalty")

    def real_signs(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """1 for each real that D takes for real, -1 for the others, in the shape of the scores.

        The mean is r_t of Karras et al. 2020, https://arxiv.org/abs/2006.06676, eq. 1: near 1 if D memorizes its reals.
        Without a `score_border`, the middle between the mean scores of both batches is the border.
        """
        border = self.score_border
        if border is None:
            return (real.score - (real.score.mean() + fake.score.mean()) / 2).sign()
        return self.score_sign * (real.score - border).sign()

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """The terms that D minimizes; `fake` is detached from G."""
        raise NotImplementedError

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """The terms that G minimizes; `real` is given, detached, if `g_uses_real`."""
        raise NotImplementedError

    def fake_inputs(self, generator: nn.Module, inputs: GeneratorInputs, real: Batch | None) -> GeneratorInputs:
        """The inputs of the fakes of an update: `inputs`, drawn from the prior, or latents of the update's reals."""
        return inputs

    def reconstruct(self, generator: nn.Module, real: Batch, judged: DiscriminatorOutput) -> Reconstruction:
        """G's reconstructions of the reals of its update, if `encodes`; `judged` is D's output on them, detached."""
        raise NotImplementedError

    def g_reconstruction(self, real: DiscriminatorOutput, fake: DiscriminatorOutput, made: Reconstruction) -> Terms:
        """G's terms on its reconstructions `made`, from D's output on them and on the reals, if `encodes`."""
        raise NotImplementedError

    def penalty(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Terms:
        """D's terms that need another pass through D, on reals and fakes as D sees them, before any trick mixes them."""
        return {}

    def observe_reals(self, real: DiscriminatorOutput) -> None:
        """Called in each D step with D's output, before the update, on the whole batch of reals (used by BEGAN).

        The reals are as D sees them, before any trick mixes them; the output is detached.
        """

    def after_d_step(self, discriminator: nn.Module) -> None:
        """Called after each step of D's optimizer (WGAN clips weights here)."""

    def after_g_step(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> None:
        """Called after each G step with D's output on G's whole batch (BEGAN updates k here).

        Not called after steps in which a past copy of D played. `real` is given if `g_uses_real`.
        """

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        for name, value in self.added_buffers.items():
            state_dict.setdefault(f"{prefix}{name}", torch.tensor(value))
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def readings(self) -> Terms:
        """Values for the log that neither player minimizes."""
        return {}
