"""The relativistic average least-squares GAN loss."""

from typing import ClassVar

from torch import Tensor

from ganzoo.losses.rahinge import RelativisticAverage


class RaLSGAN(RelativisticAverage):
    """Relativistic average LSGAN. Jolicoeur-Martineau, 2018, https://arxiv.org/abs/1807.00734

    L_D = E (D(x) - E D(g) - 1)^2 + E (D(g) - E D(x) + 1)^2
    L_G = E (D(g) - E D(x) - 1)^2 + E (D(x) - E D(g) + 1)^2

    The authors' code halves both losses. No settings.
    """

    name: ClassVar[str] = "ralsgan"

    def shortfall(self, above: Tensor, below: Tensor) -> Tensor:
        """The squared error."""
        return (above - below.mean() - 1).square().mean()
