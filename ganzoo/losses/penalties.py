"""Penalties on the gradient of D's score: differentiable means over samples, without the weight.

The gradient is per sample only if D does not mix samples: no batch norm and no minibatch features.
"""

from typing import Literal

import torch
from torch import Tensor

from ganzoo import rng
from ganzoo.batch import Batch, DiscriminatorFn

Noise = Literal["uniform", "gaussian", "one-sided"]
"""Kinds of noise in `around`; `ganzoo.losses.DRAGAN` lists their sources."""


def gradient(judge: DiscriminatorFn, at: Batch) -> Tensor:
    """The gradient of D's raw score at each sample, (N, values), in float32 or higher."""
    precise = torch.promote_types(at.images.dtype, torch.float32)
    images = at.images.detach().to(precise).requires_grad_()
    # In half precision squares of small gradients underflow, and their second derivatives even earlier.
    with torch.autocast(images.device.type, enabled=False):
        score = judge(at.with_images(images)).score
        (slope,) = torch.autograd.grad(score.sum(), images, create_graph=True)
    return slope.flatten(1)


def gradient_norm(judge: DiscriminatorFn, at: Batch) -> Tensor:
    """||grad D||_2 per sample, (N,); at zero its derivative is zero, not NaN."""
    norm: Tensor = torch.linalg.vector_norm(gradient(judge, at), dim=1)
    return norm


def gradient_square(judge: DiscriminatorFn, at: Batch) -> Tensor:
    """||grad D||_2^2 per sample, (N,)."""
    return gradient(judge, at).square().sum(1)


def per_sample(name: str, x: Tensor) -> Tensor:
    """One random factor in [0, 1) per sample, (N, 1, ...) with as many axes as `x`, so that it broadcasts over samples."""
    return rng.uniform(name, len(x), *(1,) * (x.ndim - 1), device=x.device)


def between(real: Batch, fake: Batch) -> Batch:
    """Random points on the lines from the i-th real to the i-th fake, with the labels of the reals."""
    x, g = real.images, fake.images
    a = per_sample("gp.mix", x)
    return real.with_images(a * x + (1 - a) * g)


def around(real: Batch, noise: Noise) -> Batch:
    """Noisy copies of the reals, with their labels; std(x) is one number over all values of the batch."""
    x = real.images
    if noise == "gaussian":
        return real.with_images(x + 0.08 * rng.normal("dragan.noise", *x.shape, device=x.device))
    u = rng.uniform("dragan.noise", *x.shape, device=x.device)
    if noise == "one-sided":
        return real.with_images(x + 0.5 * x.std(correction=0) * per_sample("dragan.mix", x) * u)
    near = x + x.std(correction=0) * (u - 0.5)
    # 2D points have no fixed range; noise or augmentation may have moved images out of [-1, 1].
    low, high = x.amin().clamp(max=-1), x.amax().clamp(min=1)
    return real.with_images(near if x[0, 0].numel() == 1 else near.clamp(low, high))


def gradient_penalty(judge: DiscriminatorFn, real: Batch, fake: Batch) -> Tensor:
    """E (||grad D(a x + (1 - a) g)|| - 1)^2. Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028, eq. 3."""
    return (gradient_norm(judge, between(real, fake)) - 1).square().mean()


def dragan_penalty(judge: DiscriminatorFn, real: Batch, k: float = 1.0, noise: Noise = "uniform") -> Tensor:
    """E (||grad D(x + d)|| - k)^2. Kodali et al., 2017, https://arxiv.org/abs/1705.07215, algorithm 1."""
    return (gradient_norm(judge, around(real, noise)) - k).square().mean()


def r1(judge: DiscriminatorFn, real: Batch) -> Tensor:
    """E ||grad D(x)||^2, before gamma/2. Mescheder et al., 2018, https://arxiv.org/abs/1801.04406, eq. 9."""
    return gradient_square(judge, real).mean()


def r2(judge: DiscriminatorFn, fake: Batch) -> Tensor:
    """E ||grad D(g)||^2, before gamma/2: r1 on fakes (same source, section 4.1)."""
    return gradient_square(judge, fake).mean()
