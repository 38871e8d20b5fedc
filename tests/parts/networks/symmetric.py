"""A decoder whose images are their own mirror images, for faces and other frontal views."""

from __future__ import annotations

from torch import Tensor

from ganzoo.networks import BACKBONES, Backbone, dcgan


class Decoder(dcgan.Decoder):
    """(N, inputs) -> (N, *shape), with the options of dcgan."""

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """The mean of dcgan's image and its mirror image."""
        image = super().forward(x, labels)
        return (image + image.flip(3)) / 2


BACKBONES.add("symmetric", Backbone(Decoder, dcgan.Encoder, init="normal", data="images"))
