"""D: an encoder, how it learns of the label, and the heads that were asked for."""

from collections.abc import Callable, Mapping
from typing import Literal, get_args

import torch
from einops import repeat
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ganzoo.batch import Batch, DiscriminatorOutput
from ganzoo.errors import InputError, unknown_name
from ganzoo.networks.backbone import Shape
from ganzoo.networks.minibatch_features import MINIBATCH_FEATURES
from ganzoo.networks.virtual_batch_norm import REFERENCE_BATCH, initial_reference, is_virtual, set_reference

Condition = Literal["none", "channels", "projection"]


class Discriminator(nn.Module):
    """What D says of a batch, in the record that the losses read.

    `encoder(shape)` builds the backbone; `heads` maps each field of `DiscriminatorOutput` to a builder of its head from
    the number of features. `condition`: "channels" makes an embedding of the label extra channels of the image (Mirza &
    Osindero 2014, https://arxiv.org/abs/1411.1784), "projection" adds <embedding(label), features> to the score (Miyato &
    Koyama 2018, https://arxiv.org/abs/1802.05637). `minibatch_features` lets the heads see how much a batch differs.
    `spectral_norm` divides every weight by its largest singular value (Miyato et al. 2018, https://arxiv.org/abs/1802.05957).
    Raises `InputError` for a condition that lacks classes or a score. With virtual batch norm, `reference` (and
    `reference_labels`) are samples that run along; None otherwise.
    """

    reference: Tensor | None
    reference_labels: Tensor | None

    def __init__(
        self,
        encoder: Callable[[Shape], nn.Module],
        shape: Shape,
        heads: Mapping[str, Callable[[int], nn.Module]],
        classes: int = 0,
        *,
        condition: Condition = "none",  # use of the label: as channels of the image, or added to the score
        embedding: PositiveInt = 4,  # length of the label embedding under "channels"
        minibatch_features: Literal["none", "stddev", "discrimination"] = "none",  # features of the batch as a whole
        spectral_norm: bool = False,  # divide every weight by its largest singular value
    ) -> None:
        super().__init__()
        _check(condition, classes, heads)
        self.embedding = nn.Embedding(classes, embedding) if condition == "channels" else None
        extra = embedding if condition == "channels" else 0
        self.encoder = encoder((shape[0] + extra, *shape[1:]))
        features: int = self.encoder.features  # type: ignore[assignment]
        self.minibatch = None if minibatch_features == "none" else MINIBATCH_FEATURES[minibatch_features](features)
        seen = features + (0 if self.minibatch is None else self.minibatch.extra)
        self.heads = nn.ModuleDict({name: head(seen) for name, head in heads.items()})
        self.projection = nn.Linear(features, classes, bias=False) if condition == "projection" else None
        if spectral_norm:
            _limit(self)
        virtual = is_virtual(self)
        labels = torch.arange(REFERENCE_BATCH) % classes if virtual and condition != "none" else None
        self.register_buffer("reference", initial_reference(*shape) if virtual else None)
        self.register_buffer("reference_labels", labels)

    def refer_to(self, samples: Batch) -> None:
        """Fix the reference: REFERENCES samples as D sees them, with labels where D is conditional."""
        if self.reference is not None:
            self.reference.copy_(samples.images)
        if self.reference_labels is not None:
            self.reference_labels.copy_(_labels(samples))

    def forward(self, samples: Batch) -> DiscriminatorOutput:
        """Samples with images (N, C, H, W), and labels (N,) in [0, classes) where D is conditional."""
        if self.reference is None:
            return self._judge(samples)
        reference = Batch(self.reference, self.reference_labels)
        with set_reference(self, lambda: self._judge(reference)):
            return self._judge(samples)

    def _judge(self, samples: Batch) -> DiscriminatorOutput:
        features = self.encoder(self._input(samples))
        seen = features if self.minibatch is None else self.minibatch(features)
        said = {name: head(seen) for name, head in self.heads.items()}
        if self.projection is not None:
            towards = self.projection(features).gather(1, _labels(samples)[:, None])
            said["score"] = said["score"] + towards.squeeze(1)
        return DiscriminatorOutput(samples.images, samples.labels, samples.code, features=features, **said)

    def _input(self, samples: Batch) -> Tensor:
        if self.embedding is None:
            return samples.images
        height, width = samples.images.shape[2:]
        planes = repeat(self.embedding(_labels(samples)), "n e -> n e h w", h=height, w=width)
        return torch.cat([samples.images, planes], dim=1)


def _check(condition: str, classes: int, heads: Mapping[str, object]) -> None:
    if condition not in get_args(Condition):
        raise unknown_name("condition of the discriminator", condition, get_args(Condition))
    if condition != "none" and not classes:
        raise InputError(f"the discriminator's condition = {condition!r} needs labels, and the data have none")
    if condition == "projection" and "score" not in heads:
        raise InputError("the discriminator's condition = 'projection' adds to a score, and this loss asks for none")


def _labels(samples: Batch) -> Tensor:
    if samples.labels is None:
        raise ValueError("a conditional discriminator needs labels")
    return samples.labels


def _limit(network: nn.Module) -> None:
    for layer in list(network.modules()):
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.Embedding):
            spectral_norm(layer)
