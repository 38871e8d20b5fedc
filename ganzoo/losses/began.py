"""Two autoencoding errors held in balance."""

from typing import ClassVar

import torch
from torch import Tensor

from ganzoo.batch import DiscriminatorOutput, Terms
from ganzoo.errors import InputError
from ganzoo.losses.base import Loss

UNKNOWN = -1.0
"""The energy of the reals before D has judged any."""


class BEGAN(Loss):
    """BEGAN: Boundary Equilibrium GANs. Berthelot et al., 2017, https://arxiv.org/abs/1703.10717

    L_D = e(x) - k e(g)                                       section 3.4, e the mean absolute error of D's copy
    L_G = e(g)                                                section 3.4
    k <- clip(k + lambda_k (gamma e(x) - e(g)), 0, 1)         section 3.4, after each step of G; k starts at 0
    M = e(x) + |gamma e(x) - e(g)|                            section 3.4.1, the measure of convergence

    k moves by e(x) of the last D step, the same x as in L_D, and by the fakes of G's step, as in the paper; L_D has fakes of
    its own. k and e(x) are buffers, so they are saved with the module. Settings: gamma, the wanted e(g) / e(x) (0.3 to 0.7 in
    the paper; lower is less diverse).
    """

    name: ClassVar[str] = "began"
    heads: ClassVar[tuple[str, ...]] = ("reconstruction",)
    added_buffers: ClassVar[dict[str, float]] = {"real_energy": UNKNOWN}

    k: Tensor
    convergence: Tensor
    real_energy: Tensor

    def __init__(
        self,
        *,
        gamma: float = 0.5,  # wanted ratio e(g) / e(x)
        lambda_k: float = 0.001,  # step size of k, per unit of e
    ) -> None:
        super().__init__()
        if not (0 < gamma <= 1 and lambda_k > 0):
            raise InputError(f"began: gamma must be in (0, 1] and lambda_k above 0, not {gamma} and {lambda_k}")
        self.gamma, self.lambda_k = gamma, lambda_k
        self.register_buffer("k", torch.zeros(()))
        self.register_buffer("convergence", torch.zeros(()))
        self.register_buffer("real_energy", torch.full((), UNKNOWN))

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """Copy reals well, and fakes badly as far as k says."""
        return {"real": energy(real), "fake": -self.k * energy(fake)}

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """Fakes that D copies well."""
        return {"adv": energy(fake)}

    @torch.no_grad()
    def observe_reals(self, real: DiscriminatorOutput) -> None:
        """Keep e(x) for the balance."""
        self.real_energy.copy_(energy(real))

    @torch.no_grad()
    def after_g_step(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> None:
        """Move k towards the balance and update the measure of convergence.

        A loop without `observe_reals` passes the reals of its D step as `real`.
        """
        if real is not None:
            self.observe_reals(real)
        known = self.real_energy >= 0
        balance = self.gamma * self.real_energy - energy(fake)
        self.k.add_(self.lambda_k * balance * known).clamp_(0, 1)
        self.convergence.copy_(torch.where(known, self.real_energy + balance.abs(), self.convergence))

    def readings(self) -> Terms:
        """`k`, and the measure M of the last step of G: the lower, the nearer to convergence."""
        return {"k": self.k, "convergence": self.convergence}


def energy(judged: DiscriminatorOutput) -> Tensor:
    """Mean absolute error of D's copy over the batch, a scalar in the units of a pixel."""
    return (judged.reconstruction - judged.images).abs().mean()
