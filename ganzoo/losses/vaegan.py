"""The VAE/GAN loss: a variational autoencoder whose error is measured in D's features, and whose decoder is G."""

from typing import ClassVar, Literal

import torch
from torch import nn

from ganzoo.batch import Batch, DiscriminatorFn, DiscriminatorOutput, Reconstruction, Terms
from ganzoo.errors import InputError
from ganzoo.latent import GeneratorInputs, encode
from ganzoo.losses.base import LOSSES, Loss

TRAITS = "couples_samples per_sample_gradients label_blind penalties capturable watch score_sign score_border".split()
"""Attributes that the hybrid has from its adversarial part."""


class VAEGAN(Loss):
    """Autoencoding beyond pixels using a learned similarity metric. Larsen et al., 2016, https://arxiv.org/abs/1512.09300

    L_D = the adversarial loss's                             algorithm 1; of the fakes half are Dec(z), half Dec(E(x))
    L_G = weight the adversarial loss's + gamma / F L_llike + L_prior
    L_llike = E 1/2 ||f(x) - f(Dec(E(x)))||_2^2              section 2.3; f is the encoder of D, with F features
    L_prior = E KL(q(z|x) || N(0, I))                        section 2.1

    G is a decoder Dec with an encoder E, which states the mean and variance of q(z|x). The three groups of weights have
    separate gradients: E minimizes L_prior + L_llike, Dec weight L_adv + gamma / F L_llike, D the adversarial loss alone.
    The paper has as many fakes of each kind as reals, and its adversarial part is the minimax game. Its code weights the
    likelihood by 1e-5 with 16,384 features on CelebA: gamma = 0.16. `weight = 0` and `likelihood = "pixels"` is a plain VAE.
    Settings: the adversarial loss, by name and with its defaults; its weight in L_G; gamma; the likelihood.
    """

    name: ClassVar[str] = "vaegan"
    encodes: ClassVar[bool] = True
    g_uses_real: ClassVar[bool] = True

    def __init__(
        self,
        *,
        adversarial: str = "minimax",  # adversarial loss: any loss on a score, with its default settings
        weight: float = 1.0,  # weight of the adversarial loss in G's; 0 = a VAE
        gamma: float = 0.16,  # weight of the likelihood per feature (or pixel) for the decoder
        likelihood: Literal["features", "pixels"] = "features",  # compare reconstructions in D's features, or in pixels
    ) -> None:
        super().__init__()
        if not (weight >= 0 and gamma > 0):
            raise InputError(f"vaegan: weight must be at least 0 and gamma above 0, not {weight} and {gamma}")
        if LOSSES[adversarial].heads != ("score",) or LOSSES[adversarial].encodes or LOSSES[adversarial].trainer:
            raise InputError(f"vaegan: adversarial must be a loss on a score alone, not {adversarial!r}")
        self.adversarial = LOSSES[adversarial]()
        self.weight, self.gamma, self.likelihood = weight, gamma, likelihood
        for trait in TRAITS:
            setattr(self, trait, getattr(self.adversarial, trait))

    @property
    def d_loss_bounds(self) -> tuple[float, float]:
        """Those of the adversarial loss."""
        return self.adversarial.d_loss_bounds

    @property
    def has_penalty(self) -> bool:
        """True if the adversarial loss has a penalty."""
        return self.adversarial.has_penalty

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """The terms of the adversarial loss."""
        return self.adversarial.d_loss(real, fake)

    def penalty(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Terms:
        """The penalties of the adversarial loss."""
        return self.adversarial.penalty(judge, real, fake)

    def after_d_step(self, discriminator: nn.Module) -> None:
        """Run the adversarial loss's own hook, such as a clipping of weights."""
        self.adversarial.after_d_step(discriminator)

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """The weighted terms of the adversarial loss, for the decoder alone: the latents of `fake` are detached."""
        return {name: self.weight * term for name, term in self.adversarial.g_loss(real, fake).items()}

    @torch.no_grad()
    def fake_inputs(self, generator: nn.Module, inputs: GeneratorInputs, real: Batch | None) -> GeneratorInputs:
        """Replace every second z by a latent of the real in the same row, without a gradient."""
        assert real is not None  # g_uses_real
        z = encode(generator, real.images).draw()
        odd = torch.arange(len(z), device=z.device)[:, None] % 2 == 1  # also the rows of a part of the batch
        return inputs._replace(z=torch.where(odd, z.to(inputs.z.dtype), inputs.z))

    def reconstruct(self, generator: nn.Module, real: Batch, judged: DiscriminatorOutput) -> Reconstruction:
        """Decode one latent of each real; the encoder's gradient through it is that of L_llike, not of gamma / F L_llike."""
        posterior = encode(generator, real.images)
        z = posterior.draw()
        compared = judged.features if self.likelihood == "features" else real.images
        z.register_hook(lambda gradient: gradient * (compared[0].numel() / self.gamma))
        return Reconstruction(generator(z), reals=real.images, mean=posterior.mean, log_variance=posterior.log_variance)

    def g_reconstruction(self, real: DiscriminatorOutput, fake: DiscriminatorOutput, made: Reconstruction) -> Terms:
        """The divergence of the posterior from N(0, I), in nats, and the weighted squared error, a mean over features."""
        features = self.likelihood == "features"
        target, found = (real.features, fake.features) if features else (made.reals, made.images)
        excess = made.mean.square() + made.log_variance.exp() - made.log_variance - 1
        return {
            "prior": excess.sum(1).mean() / 2,
            "llike": self.gamma * (found - target).square().mean() / 2,
        }
