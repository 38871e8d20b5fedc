"""PyTorch's global state while ganzoo computes: its defaults, whatever the caller has set.

Default dtype and device, autocast, grad mode and the switches for determinism and reduced precision all change numbers, so a
seed's image and a training would depend on them.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch


@dataclass(frozen=True)
class Setting:
    """One global of PyTorch, and its value while ganzoo computes."""

    get: Callable[[], Any]
    put: Callable[[Any], Any]
    value: Any

    def read(self) -> Any:
        """The value now; `value` where old and new interface for precision were mixed, which PyTorch refuses to read."""
        try:
            return self.get()
        except RuntimeError:
            return self.value


def flag(where: str, name: str, value: Any) -> Iterator[Setting]:
    """The attribute `name` of torch.backends.`where`; nothing in a PyTorch without it."""
    holder: Any = torch.backends
    for part in where.split("."):
        holder = getattr(holder, part, None)
    if hasattr(holder, name):
        yield Setting(partial(getattr, holder, name), partial(setattr, holder, name), value)


def flushes_denormals() -> bool:
    """Whether this thread takes denormal numbers for 0, for which PyTorch has no function."""
    return not torch.tensor([1e-40], dtype=torch.float32, device="cpu").mul(1).item()


SETTINGS = (
    Setting(torch.get_default_dtype, torch.set_default_dtype, torch.float32),
    Setting(torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode, 0),
    Setting(flushes_denormals, torch.set_flush_denormal, False),
    Setting(torch.is_autocast_cache_enabled, torch.set_autocast_cache_enabled, True),
    *(
        Setting(partial(torch.is_autocast_enabled, kind), partial(torch.set_autocast_enabled, kind), False)
        for kind in ("cpu", "cuda", "mps")
    ),
    *flag("cudnn", "enabled", True),
    *flag("cudnn", "benchmark", False),  # it picks kernels by their time
    *flag("cudnn", "deterministic", True),  # the one that is no default: a resume is to give the same bytes
    *flag("mkldnn", "enabled", True),
    # The old interface for precision goes before the new one, which it writes too.
    Setting(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest"),
    *flag("cudnn", "allow_tf32", False),
    *(
        setting
        for where in ("cuda.matmul", "cudnn.conv", "cudnn.rnn", "mkldnn.matmul", "mkldnn.conv", "mkldnn.rnn")
        for setting in flag(where, "fp32_precision", "ieee")
    ),
)


@contextmanager
def default_torch_state() -> Iterator[None]:
    """A block, or by `@pinned()` a function, in which PyTorch computes by its defaults; restores the caller's state after it.

    The number of threads is restored too, but stays as it is in the block.
    """
    before, threads = [setting.read() for setting in SETTINGS], torch.get_num_threads()
    try:
        for setting in SETTINGS:
            setting.put(setting.value)
        with torch.inference_mode(False), torch.enable_grad(), ExitStack() as stack:
            if torch.get_default_device().type != "cpu":  # otherwise it would only cost time at each call
                stack.enter_context(torch.device("cpu"))
            yield
    finally:
        for setting, value in zip(SETTINGS, before, strict=True):
            setting.put(value)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


def allow_tf32() -> None:
    """Let CUDA multiply and convolve in TF32, until the `default_torch_state` block ends."""
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = True
