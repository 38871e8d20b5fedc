"""Checkerboard artifacts of samples relative to real images, measured in the spectrum.

An upsampling layer of stride 2 with uneven overlap leaves a pattern of period 2 in its output, which has period 4 after
one more such layer (Odena et al. 2016, "Deconvolution and checkerboard artifacts"). In the spectrum the pattern lies at
the frequencies pi and pi/2 along rows and columns, spread slightly by the image that it modulates.
"""

import torch
from einops import reduce
from torch import Tensor

from ganzoo.torch_state import default_torch_state

PERIODS = (2, 4)  # pixels: the last stage of stride 2 and the one before
SMALLEST = 8  # pixels: in smaller images the neighborhoods of the frequencies overlap


def periods(height: int, width: int) -> tuple[int, ...]:
    """The periods (in pixels) that can be measured in an image of this size."""
    if min(height, width) < SMALLEST:
        return ()
    return tuple(p for p in PERIODS if height % p == 0 and width % p == 0)


@default_torch_state()
def energies(images: Tensor) -> Tensor:
    """Spectral energies (N, 1 + periods) of images (N, C, H, W): the total without the mean, and the part at each period.

    A Hann window keeps the image's edges from counting as high frequencies.
    """
    height, width = images.shape[2:]
    window = torch.outer(torch.hann_window(height), torch.hann_window(width)).to(images.device)
    mean = (images * window).sum((2, 3), keepdim=True) / window.sum()
    power = reduce(torch.fft.fft2((images - mean) * window).abs().square(), "n c h w -> n h w", "sum")
    masks = [torch.ones(height, width), *(mask(p, height, width) for p in periods(height, width))]
    return torch.einsum("nhw,phw->np", power, torch.stack(masks).to(images.device))


def mask(period: int, height: int, width: int) -> Tensor:
    """Mask (H, W): 1 at the frequencies of `period` and the bins next to them, 0 elsewhere.

    Frequency zero and those shared with a shorter period are left out.
    """
    found = torch.zeros(height, width)
    for i in range(period):
        for j in range(period):
            if i % 2 or j % 2:
                rows = torch.arange(-1, 2) + i * height // period
                columns = torch.arange(-1, 2) + j * width // period
                found[(rows % height)[:, None], columns % width] = 1
    return found


def ratios(samples: Tensor, reference: Tensor) -> Tensor:
    """Ratios (periods,) of the share of energy at each period, samples to reference; both arguments are `energies`."""
    ours, theirs = (bands.double().sum(0) for bands in (samples, reference))
    return (ours[1:] / ours[0]) / (theirs[1:] / theirs[0])
