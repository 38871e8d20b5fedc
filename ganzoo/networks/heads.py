"""What D can be asked: `HEADS[name](features, ends)` builds the module that answers from the features.

A head has the name of the field of `DiscriminatorOutput` that it fills; its keyword-only parameters are options in D's table.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from ganzoo.errors import InputError
from ganzoo.networks.backbone import Shape
from ganzoo.networks.layers import Chain
from ganzoo.registry import Registry


@dataclass(frozen=True)
class HeadSpec:
    """What the heads must know beside the number of features."""

    shape: Shape
    """Of the images to copy."""
    classes: int = 0
    code_outputs: int = 0
    """The length of `DiscriminatorOutput.code_logits`."""
    decoder: Callable[[int, Shape], nn.Module] | None = None
    """Builds the decoder of D's backbone, where it has one."""


HEADS: Registry[Callable[..., nn.Module]] = Registry("head of D")


class Score(nn.Linear):
    """One raw number a sample."""

    def __init__(self, features: int) -> None:
        super().__init__(features, 1)

    def forward(self, features: Tensor) -> Tensor:
        """(N, F) -> (N,)."""
        # Losses of pairs subtract scores, which share more than bfloat16 has digits for.
        with torch.autocast(features.device.type, enabled=False):
            return super().forward(features.to(self.weight.dtype)).squeeze(1)


def score(features: int, ends: HeadSpec) -> nn.Module:
    """(N, F) -> (N,); higher = more real."""
    return Score(features)


def class_logits(features: int, ends: HeadSpec) -> nn.Module:
    """(N, F) -> (N, classes), Odena et al. 2017, https://arxiv.org/abs/1610.09585; `InputError` without classes."""
    if not ends.classes:
        raise InputError("a class head needs labels, and the data have none")
    return nn.Linear(features, ends.classes)


def code_logits(features: int, ends: HeadSpec) -> nn.Module:
    """(N, F) -> (N, code_outputs), Chen et al. 2016, https://arxiv.org/abs/1606.03657; `InputError` without a code."""
    if not ends.code_outputs:
        raise InputError("a code head needs a latent code, and the loss has none")
    return nn.Linear(features, ends.code_outputs)


def reconstruction(
    features: int,
    ends: HeadSpec,
    *,
    bottleneck: PositiveInt = 64,  # length of the code of an autoencoding D
) -> nn.Module:
    """(N, F) -> (N, C, H, W) through `bottleneck` numbers, Berthelot et al. 2017, https://arxiv.org/abs/1703.10717, fig. 1.

    Raises `InputError` where the backbone has no decoder.
    """
    if ends.decoder is None:
        raise InputError("a reconstruction head needs a backbone with a decoder, and this one has none")
    # No bias: two linear layers meet here, and the decoder's has one.
    return Chain(code=nn.Linear(features, bottleneck, bias=False), decoder=ends.decoder(bottleneck, ends.shape))


for head in (score, class_logits, code_logits, reconstruction):
    HEADS.add(head.__name__, head)
