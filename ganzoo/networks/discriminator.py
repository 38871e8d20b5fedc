"""The discriminator D (critic for Wasserstein losses): an encoder, optional conditioning on labels, and output heads."""

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
from ganzoo.networks.heads import ClassScore
from ganzoo.networks.layers import LabelConditioned
from ganzoo.networks.minibatch_features import MINIBATCH_FEATURES
from ganzoo.networks.virtual_batch_norm import REFERENCE_BATCH, initial_reference, is_virtual, set_reference

Condition = Literal["none", "channels", "plane", "projection", "product"]


class LabelPlane(nn.Module):
    """A label as one more channel: the one-hot label through a linear layer and ReLU (Denton et al. 2015, section 4.1)."""

    def __init__(self, classes: int, shape: Shape) -> None:
        super().__init__()
        self.classes, self.size = classes, shape[1:]
        self.linear = nn.Linear(classes, shape[1] * shape[2])

    def forward(self, labels: Tensor | None) -> Tensor:
        """(N,) int64 -> (N, 1, H, W)."""
        if labels is None:
            raise ValueError("a conditional network needs labels")
        one_hot = labels[:, None] == torch.arange(self.classes, device=labels.device)
        plane: Tensor = self.linear(one_hot.to(self.linear.weight.dtype)).relu()
        return plane.view(-1, 1, *self.size)


class Discriminator(nn.Module):
    """Maps a `Batch` to a `DiscriminatorOutput`, which the losses read.

    `encoder(shape)` builds the backbone; `heads` maps each field of `DiscriminatorOutput` to a function that builds its head
    from the number of features. `condition`: "channels" appends an embedding of the label to the image as extra channels
    (Mirza & Osindero 2014, https://arxiv.org/abs/1411.1784), "plane" one channel computed from the label (`LabelPlane`),
    "projection" adds <embedding(label), features> to the score (Miyato & Koyama 2018, https://arxiv.org/abs/1802.05637),
    "product" is the score <embedding(label), W features> (R3GAN, Huang et al. 2024, https://arxiv.org/abs/2501.05441).
    `minibatch_features` adds features of the batch's diversity.
    `spectral_norm` divides every weight by its largest singular value (Miyato et al. 2018, https://arxiv.org/abs/1802.05957).
    Raises `InputError` for a condition without classes, and for "projection" and "product" without a score.
    `reference` (and `reference_labels`): the reference samples of virtual batch norm; None without it.
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
        condition: Condition = "none",  # use of the label: as channels of the image, or in the score
        embedding: PositiveInt = 4,  # length of the label embedding under "channels" and "product"
        minibatch_features: Literal["none", "stddev", "discrimination"] = "none",  # features of the batch as a whole
        spectral_norm: bool = False,  # divide every weight by its largest singular value
    ) -> None:
        super().__init__()
        _check(condition, classes, heads)
        self.embedding = nn.Embedding(classes, embedding) if condition == "channels" else None
        self.plane = LabelPlane(classes, shape) if condition == "plane" else None
        extra = embedding if condition == "channels" else int(condition == "plane")
        self.encoder = encoder((shape[0] + extra, *shape[1:]))
        features: int = self.encoder.features  # type: ignore[assignment]
        self.minibatch = None if minibatch_features == "none" else MINIBATCH_FEATURES[minibatch_features](features)
        seen = features + (0 if self.minibatch is None else self.minibatch.extra)
        self.heads = nn.ModuleDict({name: head(seen) for name, head in heads.items()})
        if condition == "product":
            self.heads["score"] = ClassScore(seen, embedding, classes)
        self.projection = nn.Linear(features, classes, bias=False) if condition == "projection" else None
        if spectral_norm:
            _limit(self)
        virtual = is_virtual(self)
        labels = torch.arange(REFERENCE_BATCH) % classes if virtual and condition != "none" else None
        self.register_buffer("reference", initial_reference(*shape) if virtual else None)
        self.register_buffer("reference_labels", labels)

    def refer_to(self, samples: Batch) -> None:
        """Set the reference batch: `REFERENCE_BATCH` samples as D sees them, with labels if D is conditional."""
        if self.reference is not None:
            self.reference.copy_(samples.images)
        if self.reference_labels is not None:
            self.reference_labels.copy_(_labels(samples))

    def forward(self, samples: Batch) -> DiscriminatorOutput:
        """D's output for images (N, C, H, W), with labels (N,) in [0, classes) if D is conditional."""
        if self.reference is None:
            return self._judge(samples)
        reference = Batch(self.reference, self.reference_labels)
        with set_reference(self, lambda: self._judge(reference)):
            return self._judge(samples)

    def _judge(self, samples: Batch) -> DiscriminatorOutput:
        features = self.encoder(self._input(samples))
        seen = features if self.minibatch is None else self.minibatch(features)
        outputs = {
            name: head(seen, samples.labels) if isinstance(head, LabelConditioned) else head(seen)
            for name, head in self.heads.items()
        }
        if self.projection is not None:
            projection = self.projection(features).gather(1, _labels(samples)[:, None])
            outputs["score"] = outputs["score"] + projection.squeeze(1)
        return DiscriminatorOutput(samples.images, samples.labels, samples.code, features=features, **outputs)

    def _input(self, samples: Batch) -> Tensor:
        if self.plane is not None:
            return torch.cat([samples.images, self.plane(_labels(samples))], dim=1)
        if self.embedding is None:
            return samples.images
        height, width = samples.images.shape[2:]
        planes = repeat(self.embedding(_labels(samples)), "n e -> n e h w", h=height, w=width)
        return torch.cat([samples.images, planes], dim=1)


def _check(condition: str, classes: int, heads: Mapping[str, object]) -> None:
    if condition not in get_args(Condition):
        raise unknown_name("condition of the discriminator", condition, get_args(Condition))
    if condition != "none" and not classes:
        raise InputError(f"the discriminator's condition = {condition!r} needs labels, but the data have no labels")
    if condition in ("projection", "product") and "score" not in heads:
        raise InputError(f"the discriminator's condition = {condition!r} changes the score, but this loss has no score")


def _labels(samples: Batch) -> Tensor:
    if samples.labels is None:
        raise ValueError("a conditional discriminator needs labels")
    return samples.labels


def _limit(network: nn.Module) -> None:
    for layer in list(network.modules()):
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.Embedding):
            spectral_norm(layer)
