"""The generator G: a decoder with optional conditioning on labels, and an optional encoder."""

from collections.abc import Callable
from typing import Literal, get_args

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from ganzoo.errors import InputError, unknown_name
from ganzoo.networks.backbone import Shape
from ganzoo.networks.layers import Chain
from ganzoo.networks.virtual_batch_norm import REFERENCE_BATCH, initial_reference, is_virtual, set_reference

Condition = Literal["none", "concat", "batch-norm"]


class Generator(nn.Module):
    """Maps latents to images.

    `decoder(inputs, shape, classes)` builds the backbone; `latent` is the length of z plus the code.
    `condition`: "concat" appends an embedding of the label to z (Mirza & Osindero 2014, https://arxiv.org/abs/1411.1784),
    "batch-norm" gives each class separate scales and shifts. Raises `InputError` for a condition without classes.
    `encoder(shape)` builds the backbone of G's encoder, if it has one: `Generator.encoder` maps images to the mean and the
    log-variance of z, (N, 2 latent), see `ganzoo.latent.encode`.
    `reference` (and `reference_labels`): the reference inputs of virtual batch norm; None without it.
    """

    reference: Tensor | None
    reference_labels: Tensor | None

    def __init__(
        self,
        decoder: Callable[[int, Shape, int], nn.Module],
        shape: Shape,
        latent: int,
        classes: int = 0,
        encoder: Callable[[Shape], nn.Module] | None = None,
        *,
        condition: Condition = "none",  # use of the label: joined to z, or as scales and shifts of batch norm
        embedding: PositiveInt = 16,  # length of the label embedding under "concat"
    ) -> None:
        super().__init__()
        if condition not in get_args(Condition):
            raise unknown_name("condition of the generator", condition, get_args(Condition))
        if condition != "none" and not classes:
            raise InputError(f"the generator's condition = {condition!r} needs labels, but the data have no labels")
        self.conditional = condition != "none"
        self.embedding = nn.Embedding(classes, embedding) if condition == "concat" else None
        joined = embedding if condition == "concat" else 0
        self.decoder = decoder(latent + joined, shape, classes if condition == "batch-norm" else 0)
        self.encoder = None if encoder is None else _posterior(encoder(shape), latent)
        virtual = is_virtual(self.decoder)
        labels = torch.arange(REFERENCE_BATCH) % classes if virtual and self.conditional else None
        self.register_buffer("reference", initial_reference(latent) if virtual else None)
        self.register_buffer("reference_labels", labels)

    def refer_to(self, z: Tensor, labels: Tensor | None = None) -> None:
        """Set the reference batch: latents (`REFERENCE_BATCH`, latent) and, if G is conditional, their labels."""
        if self.reference is not None:
            self.reference.copy_(z)
        if self.reference_labels is not None:
            self.reference_labels.copy_(_given(labels))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Latents (N, latent) and, if G is conditional, labels (N,) int64 in [0, classes) -> images (N, C, H, W)."""
        if self.conditional:
            _given(labels)
        if self.reference is None:
            return self._decode(z, labels)
        reference, named = self.reference, self.reference_labels
        with set_reference(self, lambda: self._decode(reference, named)):
            return self._decode(z, labels)

    def _decode(self, z: Tensor, labels: Tensor | None) -> Tensor:
        if self.embedding is not None:
            z = torch.cat([z, self.embedding(labels)], dim=1)
        images: Tensor = self.decoder(z, labels)
        return images


def _posterior(encoder: nn.Module, latent: int) -> nn.Module:
    features: int = encoder.features  # type: ignore[assignment]
    return Chain(features=encoder, posterior=nn.Linear(features, 2 * latent))


class RealConditioned(nn.Module):
    """Base of a generator that makes its training fakes from reals; elsewhere it maps latents to images like any other.

    In training, D sees reals as `reals` gives them and fakes as `fakes` gives them, both of one shape (N, ...). It must also
    judge plain images, for the monitor.
    """

    def reals(self, images: Tensor) -> Tensor:
        """Real images (N, C, H, W) in the form in which D sees them in training."""
        raise NotImplementedError

    def fakes(self, z: Tensor, labels: Tensor | None, reals: Tensor) -> Tensor:
        """Fakes for `reals` (N, ...), both in the form of training, from latents (N, latent) and labels (N,)."""
        raise NotImplementedError


def _given(labels: Tensor | None) -> Tensor:
    if labels is None:
        raise ValueError("a conditional generator needs labels")
    return labels
