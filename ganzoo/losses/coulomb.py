"""The Coulomb GAN loss: D regresses a potential with reals as attracting and fakes as repelling charges."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from ganzoo.batch import DiscriminatorOutput, Terms
from ganzoo.errors import InputError
from ganzoo.losses.base import Loss


class CoulombGAN(Loss):
    """Coulomb GANs. Unterthiner et al., 2017, https://arxiv.org/abs/1708.08819

    L_D = E (D(x) - P(x))^2 + E (D(g) - P(g))^2                algorithm 1
    L_G = -E D(g)                                              algorithm 1
    P(v) = mean_x k(v, x) - mean_g k(v, g)                     treated as a constant (no gradient)
    k(u, v) = (r(u, v)^2 + epsilon^2)^(-(dimension - 2) / 2)   the Plummer kernel

    The signs are the paper's; the authors' code inverts both, which is equivalent.
    Settings: the dimension, epsilon and two switches:
      scale       False: r is the Euclidean distance, which grows with the image size (20 between two MNIST digits). True: r is
                  the root mean square difference per value, at most 2 on [-1, 1]. At dimension 3 the two differ only in a
                  factor of P, if epsilon is divided by the root of the number of values too
      self_terms  True, as in the authors' code: a charge acts on itself. This adds 1 / (N epsilon^(dimension - 2)) to P at
                  each real and subtracts it at each fake, more than the field of the others if N or that field is small.
                  False: P is an unbiased estimate, from which G learns far less (docs/reports/recipes.md)
    """

    name: ClassVar[str] = "coulomb"
    couples_samples: ClassVar[bool] = True  # through P
    label_blind: ClassVar[bool] = True  # P is
    score_border = None

    def __init__(
        self,
        *,
        dimension: float = 3.0,  # dimension d of the kernel: the lower, the farther a charge reaches
        epsilon: float = 1.0,  # smallest distance that the field resolves, in the units of r
        scale: bool = False,  # measure distances as root mean square per value
        self_terms: bool = True,  # a charge feels itself, as in the authors' code
    ) -> None:
        super().__init__()
        if not (dimension > 2 and epsilon > 0):
            raise InputError(f"coulomb: dimension must be above 2 and epsilon above 0, not {dimension} and {epsilon}")
        self.dimension, self.epsilon = dimension, epsilon
        self.scale, self.self_terms = scale, self_terms

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """Mean squared error against the potential of the batch, at the samples that D saw."""
        at_real, at_fake = self.potentials(real.images, fake.images)
        if real.score.shape != at_real.shape:
            raise InputError(f"coulomb: the potential needs one score per image, (N,), not {tuple(real.score.shape)}")
        return {"real": mse_loss(real.score, at_real), "fake": mse_loss(fake.score, at_fake)}

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """The negative mean of D's potential at the fakes."""
        return {"adv": -fake.score.mean()}

    @torch.no_grad()
    def potentials(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """P at the reals and at the fakes, (N,) each, from images (N, ...)."""
        across = self.kernel(real, fake)
        at_real = self._mean_of_own(self.kernel(real, real)) - across.mean(1)
        at_fake = across.mean(0) - self._mean_of_own(self.kernel(fake, fake))
        return at_real, at_fake

    def kernel(self, u: Tensor, v: Tensor) -> Tensor:
        """The kernel of all pairs, (len(u), len(v)), in float32 at least."""
        u, v = (t.flatten(1).to(torch.promote_types(t.dtype, torch.float32)) for t in (u, v))
        # The matrix-product form suffers from cancellation: it is off by 2e-4 on the diagonal.
        square = torch.cdist(u, v, compute_mode="donot_use_mm_for_euclid_dist").square()
        if self.scale:
            square = square / u.shape[1]
        return (square + self.epsilon**2).pow(-(self.dimension - 2) / 2)

    def _mean_of_own(self, kernel: Tensor) -> Tensor:
        if self.self_terms:
            return kernel.mean(1)
        return (kernel.sum(1) - kernel.diagonal()) / max(len(kernel) - 1, 1)
