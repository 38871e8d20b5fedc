"""How much more of the checkerboard there is in samples than in real images.

A stage that upsamples by a stride of 2 with uneven overlap leaves a pattern of period 2 in its output, of period 4 after
one more such stage (Odena et al. 2016, "Deconvolution and checkerboard artifacts"). In the spectrum it lies at the
frequencies pi and pi/2 along rows and columns, spread a little by the image that it modulates.
"""

import torch
from einops import reduce
from torch import Tensor

from ganzoo.torch_state import default_torch_state

PERIODS = (2, 4)  # pixels: the last stage of stride 2 and the one before
SMALLEST = 8  # pixels: below, the neighbourhoods of the frequencies overlap


def periods(height: int, width: int) -> tuple[int, ...]:
    """The periods that can be measured in an image of this size."""
    if min(height, width) < SMALLEST:
        return ()
    return tuple(p for p in PERIODS if height % p == 0 and width % p == 0)


@default_torch_state()
def energies(images: Tensor) -> Tensor:
    """(N, 1 + periods): the energy of each image (N, C, H, W) without its mean, and the part of it at each period.

    Under a Hann window, so that the image's edges do not count as high frequencies.
    """
    height, width = images.shape[2:]
    window = torch.outer(torch.hann_window(height), torch.hann_window(width)).to(images.device)
    mean = (images * window).sum((2, 3), keepdim=True) / window.sum()
    power = reduce(torch.fft.fft2((images - mean) * window).abs().square(), "n c h w -> n h w", "sum")
    masks = [torch.ones(height, width), *(mask(p, height, width) for p in periods(height, width))]
    return torch.einsum("nhw,phw->np", power, torch.stack(masks).to(images.device))


def mask(period: int, height: int, width: int) -> Tensor:
    """1 at the frequencies of `period` and the bins next to them, 0 elsewhere; (H, W).

    Frequencies that a shorter period has too, and zero, are left out.
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
    """(periods,): the share of the energy at each, relative to the reference's; of `energies` of both."""
    ours, theirs = (bands.double().sum(0) for bands in (samples, reference))
    return (ours[1:] / ours[0]) / (theirs[1:] / theirs[0])
