"""G: a decoder, and how it learns of the label."""

from collections.abc import Callable
from typing import Literal, get_args

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from ganzoo.errors import InputError, unknown_name
from ganzoo.networks.backbone import Shape
from ganzoo.networks.virtual_batch_norm import REFERENCE_BATCH, initial_reference, is_virtual, set_reference

Condition = Literal["none", "concat", "batch-norm"]


class Generator(nn.Module):
    """Images from latents.

    `decoder(inputs, shape, classes)` builds the backbone; `latent` is the length of z with any code joined to it.
    `condition`: "concat" joins an embedding of the label to z (Mirza & Osindero 2014, https://arxiv.org/abs/1411.1784),
    "batch-norm" gives every label its own scales and shifts. Raises `InputError` for a condition without classes.
    With virtual batch norm, `reference` (and `reference_labels`) are inputs that run along; None otherwise.
    """

    reference: Tensor | None
    reference_labels: Tensor | None

    def __init__(
        self,
        decoder: Callable[[int, Shape, int], nn.Module],
        shape: Shape,
        latent: int,
        classes: int = 0,
        *,
        condition: Condition = "none",  # use of the label: joined to z, or as scales and shifts of batch norm
        embedding: PositiveInt = 16,  # length of the label embedding under "concat"
    ) -> None:
        super().__init__()
        if condition not in get_args(Condition):
            raise unknown_name("condition of the generator", condition, get_args(Condition))
        if condition != "none" and not classes:
            raise InputError(f"the generator's condition = {condition!r} needs labels, and the data have none")
        self.conditional = condition != "none"
        self.embedding = nn.Embedding(classes, embedding) if condition == "concat" else None
        joined = embedding if condition == "concat" else 0
        self.decoder = decoder(latent + joined, shape, classes if condition == "batch-norm" else 0)
        virtual = is_virtual(self.decoder)
        labels = torch.arange(REFERENCE_BATCH) % classes if virtual and self.conditional else None
        self.register_buffer("reference", initial_reference(latent) if virtual else None)
        self.register_buffer("reference_labels", labels)

    def refer_to(self, z: Tensor, labels: Tensor | None = None) -> None:
        """Fix the reference: latents (REFERENCES, latent) and, where G is conditional, their labels."""
        if self.reference is not None:
            self.reference.copy_(z)
        if self.reference_labels is not None:
            self.reference_labels.copy_(_given(labels))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Latents (N, latent) and, where G is conditional, labels (N,) int64 in [0, classes) -> images (N, C, H, W)."""
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


def _given(labels: Tensor | None) -> Tensor:
    if labels is None:
        raise ValueError("a conditional generator needs labels")
    return labels
