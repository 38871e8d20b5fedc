"""Output heads of D: `HEADS[name](features, ends)` builds the module that maps features to an output.

A head has the name of the field of `DiscriminatorOutput` that it fills; its keyword-only parameters are options in D's table.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from ganzoo.errors import InputError
from ganzoo.networks.backbone import Shape
from ganzoo.networks.layers import Chain, LabelConditioned
from ganzoo.registry import Registry


@dataclass(frozen=True)
class HeadSpec:
    """Sizes that the heads need in addition to the number of features."""

    shape: Shape
    """Shape of the images to reconstruct."""
    classes: int = 0
    code_outputs: int = 0
    """The length of `DiscriminatorOutput.code_logits`."""
    decoder: Callable[[int, Shape], nn.Module] | None = None
    """Builds the decoder of D's backbone, if it has one."""


HEADS: Registry[Callable[..., nn.Module]] = Registry("head of D")


class Score(nn.Linear):
    """One unnormalized number per sample."""

    def __init__(self, features: int, bias: bool = True) -> None:
        super().__init__(features, 1, bias)

    def forward(self, features: Tensor) -> Tensor:
        """(N, F) -> (N,)."""
        # Relativistic losses subtract nearly equal scores, for which bfloat16 has too few digits.
        with torch.autocast(features.device.type, enabled=False):
            return super().forward(features.to(self.weight.dtype)).squeeze(1)


class ClassScore(LabelConditioned):
    """<embedding(label), W features>: the score of a conditional D in R3GAN's code (Huang et al. 2024)."""

    def __init__(self, features: int, embedding: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, embedding, bias=False)
        self.embedding = nn.Embedding(classes, embedding)
        self.embedding.gain = embedding**-0.5  # of its weights under `init = "fixup"`

    def forward(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """(N, F), labels (N,) -> (N,)."""
        if labels is None:
            raise ValueError("a conditional discriminator needs labels")
        with torch.autocast(features.device.type, enabled=False):
            product: Tensor = self.linear(features.to(self.linear.weight.dtype)) * self.embedding(labels)
            return product.sum(1)


def score(
    features: int,
    ends: HeadSpec,
    *,
    score_bias: bool = True,  # a bias in the score
) -> nn.Module:
    """(N, F) -> (N,); higher = more real."""
    return Score(features, score_bias)


def class_logits(features: int, ends: HeadSpec) -> nn.Module:
    """(N, F) -> (N, classes), Odena et al. 2017, https://arxiv.org/abs/1610.09585; `InputError` without classes."""
    if not ends.classes:
        raise InputError("a class head needs labels, but the data have no labels")
    return nn.Linear(features, ends.classes)


def code_logits(features: int, ends: HeadSpec) -> nn.Module:
    """(N, F) -> (N, code_outputs), Chen et al. 2016, https://arxiv.org/abs/1606.03657; `InputError` without a code."""
    if not ends.code_outputs:
        raise InputError("a code head needs a latent code, but the loss has no code")
    return nn.Linear(features, ends.code_outputs)


def reconstruction(
    features: int,
    ends: HeadSpec,
    *,
    bottleneck: PositiveInt = 64,  # length of the code of an autoencoding D
) -> nn.Module:
    """(N, F) -> (N, C, H, W) through `bottleneck` numbers, Berthelot et al. 2017, https://arxiv.org/abs/1703.10717, fig. 1.

    Raises `InputError` if the backbone has no decoder.
    """
    if ends.decoder is None:
        raise InputError("a reconstruction head needs a backbone with a decoder; this backbone has no decoder")
    # No bias: the decoder starts with another linear layer, which has a bias.
    return Chain(code=nn.Linear(features, bottleneck, bias=False), decoder=ends.decoder(bottleneck, ends.shape))


for head in (score, class_logits, code_logits, reconstruction):
    HEADS.add(head.__name__, head)
