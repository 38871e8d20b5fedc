"""Operator dispatch for the layers: PyTorch's operator, or a faster one with the same result.

Layers, weights and checkpoints do not depend on it. The choice depends only on shape, device and precision, never on a
timing, so runs are reproducible. Inside `plain_operators` every operator is PyTorch's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.kernels import activations, matmul
from ganzoo.kernels.autograd import transformed
from ganzoo.kernels.convolution import convolution, transposed_convolution

Resample = Literal["none", "nearest", "mean"]
"""Resampling at a convolution: nearest-neighbor upsampling before it, or the mean of 2x2 pixels after it."""

_rewriting: ContextVar[bool] = ContextVar("ganzoo_rewriting", default=True)


@contextmanager
def plain_operators() -> Iterator[None]:
    """Context in which networks use PyTorch's operators only."""
    token = _rewriting.set(False)
    try:
        yield
    finally:
        _rewriting.reset(token)


def rewrite_enabled(x: Tensor) -> bool:
    """True if operators on `x` are rewritten: for non-empty tensors on a CPU, the device on which the rewrites were measured.

    Compilers, exporters and transforms such as those of torch.func require PyTorch's operators.
    """
    return (
        _rewriting.get()
        and x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.float64, torch.bfloat16)
        and x.numel() > 0
        and not torch.compiler.is_compiling()
        and not transformed(x)
    )


def conv2d(x: Tensor, w: Tensor, b: Tensor | None, stride: int = 1, padding: int = 0, groups: int = 1) -> Tensor:
    """`F.conv2d` for x (N, C, H, W), w (O, C / groups, k, k), b (O,)."""
    if rewrite_enabled(x) and shapes_match(*(asked := like_input(x, w, b)), inputs=1, groups=groups):
        return convolution(*asked, stride, padding, groups)
    return F.conv2d(to_memory_format(x), w, b, stride, padding, 1, groups)


def conv_transpose2d(
    x: Tensor,
    w: Tensor,
    b: Tensor | None,
    stride: int,
    padding: int,
    output_padding: int = 0,
    groups: int = 1,
) -> Tensor:
    """`F.conv_transpose2d` for x (N, C, H, W), w (C, O / groups, k, k), b (O,)."""
    if rewrite_enabled(x) and shapes_match(*(asked := like_input(x, w, b)), inputs=0, groups=groups):
        return transposed_convolution(*asked, stride, padding, output_padding, groups)
    return F.conv_transpose2d(to_memory_format(x), w, b, stride, padding, output_padding, groups)


def to_memory_format(x: Tensor) -> Tensor:
    """`x` in the memory format of the kernels: on CUDA, maps (N, C, H, W) are channels-last, as tensor cores read them."""
    last = x.is_cuda and x.ndim == 4 and _rewriting.get()
    return x.contiguous(memory_format=torch.channels_last) if last else x


def place_network(network: nn.Module, device: torch.device) -> nn.Module:
    """Move `network` to `device`; on CUDA its kernels become channels-last once, instead of being converted in each pass."""
    network = network.to(device)
    return network.to(memory_format=torch.channels_last) if device.type == "cuda" else network


def like_input(x: Tensor, w: Tensor, b: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """The tensors cast as autocast would cast them, if it is on; autocast itself handles PyTorch's operators only."""
    if not torch.is_autocast_enabled("cpu"):
        return x, w, b
    return to_autocast_dtype(x), to_autocast_dtype(w), None if b is None else to_autocast_dtype(b)


def to_autocast_dtype(x: Tensor) -> Tensor:
    """`x` in autocast's precision; float64 is unchanged, as with autocast itself."""
    return x if x.dtype == torch.float64 else x.to(torch.get_autocast_dtype("cpu"))


def shapes_match(x: Tensor, w: Tensor, b: Tensor | None, inputs: int, groups: int = 1) -> bool:
    """True if batch, square kernel (its input channels on axis `inputs`) and bias fit; if not, PyTorch reports the error."""
    if not (x.ndim == w.ndim == 4 and w.shape[2] == w.shape[3] and len(w) % groups == 0):
        return False
    channels = len(w), w.shape[1] * groups  # axis 1 has the channels of one group
    return x.shape[1] == channels[inputs] and x.dtype == w.dtype and is_bias(b, w, channels[1 - inputs])


def is_bias(b: Tensor | None, w: Tensor, outputs: int) -> bool:
    """True without a bias `b`, or if it has one value for each of the `outputs` of a layer with weights `w`."""
    return b is None or (b.shape == (outputs,) and b.dtype == w.dtype)


def linear(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
    """`F.linear` for x (N, inputs), w (outputs, inputs), b (outputs,)."""
    # In bfloat16 PyTorch already uses the faster library.
    wide = x.ndim == w.ndim == 2 and min(w.shape) >= NARROW
    if wide and rewrite_enabled(x) and is_bias(b, w, len(w)) and not torch.is_autocast_enabled("cpu"):
        return matmul.linear(x, w, b)
    return F.linear(x, w, b)


def fuses_activation(x: Tensor, w: Tensor, b: Tensor | None) -> bool:
    """True if `matmul.linear_then` computes a linear layer and its activation: for vectors in float32."""
    vectors = x.ndim == 2 and x.dtype == w.dtype == torch.float32 and len(w) >= NARROW and is_bias(b, w, len(w))
    return vectors and matmul.ONEDNN and rewrite_enabled(x) and not torch.is_autocast_enabled("cpu")


NARROW = 16
"""Layers with fewer inputs or outputs use PyTorch: a layer of 128 to 1 took 19 µs, with oneDNN 63 µs (batch 512)."""


def leaky_relu(x: Tensor, slope: float) -> Tensor:
    """max(x, slope x); ReLU if `slope` is 0."""
    if rewrite_enabled(x):
        return activations.leaky_relu(x, slope)
    return F.leaky_relu(x, slope) if slope else F.relu(x)


def maxout_max(x: Tensor, groups: int) -> Tensor:
    """(N, groups x C) -> (N, C): the maximum over the groups."""
    return activations.max_of_pieces(x, groups) if rewrite_enabled(x) else x.unflatten(1, (groups, -1)).amax(1)


def tanh(x: Tensor) -> Tensor:
    """`x.tanh()`; for images always PyTorch's, because the convolutions dominate the time there."""
    vectors = x.ndim == 2 and x.dtype == torch.float32 and matmul.ONEDNN
    return activations.tanh(x) if vectors and rewrite_enabled(x) else x.tanh()


def same_conv(x: Tensor, w: Tensor, b: Tensor | None, resample: Resample = "none") -> Tensor:
    """A convolution with stride 1 that keeps height and width, also for even kernels, combined with `resample`."""
    kernel = w.shape[-1]
    if (
        rewrite_enabled(x)
        and resample != "none"
        and kernel % 2
        and shapes_match(*(asked := like_input(x, w, b)), inputs=1)
    ):
        rewrite = nearest_then_conv if resample == "nearest" else conv_then_mean
        return rewrite(*asked)
    if resample == "nearest":
        x = upsample_twice(x)
    y = conv2d(x, w, b, padding=kernel // 2)
    # With symmetric padding an even kernel gives one row and column too many.
    y = y if kernel % 2 else y[..., :-1, :-1]
    return downsample_by_half(y) if resample == "mean" else y


def nearest_then_conv(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
    """One transposed convolution with stride 2, instead of nearest upsampling and a convolution with an odd kernel.

    Each pixel of x occurs four times, so it contributes through w shifted by 0 or 1 in each direction: together a kernel
    one wider. An output pixel needs a quarter of its taps: 4 instead of 9 for k = 3. A 1x1 kernel is applied first.
    """
    kernel = w.shape[-1]
    if kernel == 1:
        return upsample_twice(convolution(x, w, b, 1, 0))
    wider = widen_kernel(w.flip(2, 3)).transpose(0, 1)
    return transposed_convolution(x, wider, b, 2, kernel // 2, 0)


def conv_then_mean(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
    """One convolution with stride 2, instead of a convolution with an odd kernel and the mean of 2x2 pixels.

    The four outputs come from w shifted by 0 or 1 in each direction. Their mean is the output of a kernel one wider: 16 taps
    instead of 36 for k = 3. A 1x1 kernel is applied after the mean.
    """
    kernel = w.shape[-1]
    if kernel == 1:
        return convolution(downsample_by_half(x), w, b, 1, 0)
    return convolution(x, widen_kernel(w) / 4, b, 2, kernel // 2)


def widen_kernel(w: Tensor) -> Tensor:
    """(O, C, k, k) -> (O, C, k + 1, k + 1): the sum of w shifted by 0 or 1 in each direction."""
    kernel = w.shape[-1]
    wide: Tensor = (w.flatten(2) @ kernel_shifts(kernel, w.dtype)).unflatten(2, (kernel + 1, kernel + 1))
    return wide


@cache
@torch.inference_mode(False)  # A constant created in inference mode could not be used in training.
def kernel_shifts(kernel: int, dtype: torch.dtype) -> Tensor:
    """The matrix (k k, (k + 1)(k + 1)) of `widen_kernel`: a product is faster than four paddings, forward and backward."""
    one = torch.eye(kernel, kernel + 1, dtype=dtype)
    along = one + one.roll(1, 1)
    return torch.kron(along, along)


def upsample_twice(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, 2H, 2W) by nearest-neighbor interpolation."""
    return F.interpolate(x, scale_factor=2, mode="nearest")


def downsample_by_half(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, H / 2, W / 2): the mean of 2x2 pixels; ignores a last odd row or column."""
    even = x.ndim == 4 and x.shape[2] % 2 == x.shape[3] % 2 == 0
    return activations.average_pool_2x2(x) if rewrite_enabled(x) and even else F.avg_pool2d(x, 2)
