"""Two autoencoding errors held in balance."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ganzoo.errors import InputError
from ganzoo.losses.base import Loss
from ganzoo.records import Judged, Terms


class BEGAN(Loss):
    """BEGAN: Boundary Equilibrium GANs. Berthelot et al., 2017, https://arxiv.org/abs/1703.10717

    L_D = e(x) - k e(g)                                       section 3.4, e the mean absolute error of D's copy
    L_G = e(g)                                                section 3.4
    k <- clip(k + lambda_k (gamma e(x) - e(g)), 0, 1)         section 3.4, after each step of G; k starts at 0
    M = e(x) + |gamma e(x) - e(g)|                            section 3.4.1, the measure of convergence

    k moves by the clean reals and the fakes of G's step, as in the paper; L_D has fakes of its own. k is a buffer, so it is
    saved with the module. Settings: gamma, the wanted e(g) / e(x) (0.3 to 0.7 in the paper; lower is less diverse).
    """

    name: ClassVar[str] = "began"
    heads: ClassVar[tuple[str, ...]] = ("reconstruction",)
    g_uses_real: ClassVar[bool] = True  # k's step does

    k: Tensor
    convergence: Tensor

    def __init__(
        self,
        *,
        gamma: float = 0.5,  # wanted ratio e(g) / e(x)
        lambda_k: float = 0.001,  # k's step, per unit of e
    ) -> None:
        super().__init__()
        if not (0 < gamma <= 1 and lambda_k > 0):
            raise InputError(f"began: gamma must be in (0, 1] and lambda_k above 0, not {gamma} and {lambda_k}")
        self.gamma, self.lambda_k = gamma, lambda_k
        self.register_buffer("k", torch.zeros(()))
        self.register_buffer("convergence", torch.zeros(()))

    def d_loss(self, real: Judged, fake: Judged) -> Terms:
        """Copy reals well, and fakes badly as far as k says."""
        return {"real": energy(real), "fake": -self.k * energy(fake)}

    def g_loss(self, real: Judged | None, fake: Judged) -> Terms:
        """Fakes that D copies well."""
        return {"adv": energy(fake)}

    @torch.no_grad()
    def after_g_step(self, real: Judged | None, fake: Judged) -> None:
        """Move k towards the balance and take the measure of convergence."""
        assert real is not None  # g_uses_real
        e_real = energy(real)
        balance = self.gamma * e_real - energy(fake)
        self.k.add_(self.lambda_k * balance).clamp_(0, 1)
        self.convergence.copy_(e_real + balance.abs())

    def readings(self) -> Terms:
        """`k`, and the measure M of the last step of G: the lower, the nearer to convergence."""
        return {"k": self.k, "convergence": self.convergence}


def energy(judged: Judged) -> Tensor:
    """Mean absolute error of D's copy over the batch, a scalar in the units of a pixel."""
    return (judged.reconstruction - judged.images).abs().mean()
