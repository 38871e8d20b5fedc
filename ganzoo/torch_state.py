"""PyTorch's global state at its defaults while ganzoo computes, regardless of the caller's settings.

Default dtype and device, autocast, grad mode and the switches for determinism and reduced precision all change numbers, so
without this the image of a seed and a run would depend on them.
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
        """The current value; `value` if PyTorch refuses to read it, because old and new precision settings were mixed."""
        try:
            return self.get()
        except RuntimeError:
            return self.value


def flag(where: str, name: str, value: Any) -> Iterator[Setting]:
    """The setting `name` of torch.backends.`where`; yields nothing if this PyTorch lacks it."""
    holder: Any = torch.backends
    for part in where.split("."):
        holder = getattr(holder, part, None)
    if hasattr(holder, name):
        yield Setting(partial(getattr, holder, name), partial(setattr, holder, name), value)


def flushes_denormals() -> bool:
    """True if this thread flushes denormal numbers to 0; PyTorch has no function that reads this setting."""
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
    *flag("cudnn", "benchmark", False),  # True would choose kernels by their measured time
    *flag("cudnn", "deterministic", True),  # the only value that is not PyTorch's default: a resume must be bit-exact
    *flag("mkldnn", "enabled", True),
    # The old precision setting comes before the new ones, because writing it changes them.
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
    """Run a block, or a decorated function, with PyTorch's default state; restores the caller's state afterwards.

    The number of threads is also restored afterwards, but not changed on entry.
    """
    before, threads = [setting.read() for setting in SETTINGS], torch.get_num_threads()
    try:
        for setting in SETTINGS:
            setting.put(setting.value)
        with torch.inference_mode(False), torch.enable_grad(), ExitStack() as stack:
            if torch.get_default_device().type != "cpu":  # skipped otherwise, because it slows down every call
                stack.enter_context(torch.device("cpu"))
            yield
    finally:
        for setting, value in zip(SETTINGS, before, strict=True):
            setting.put(value)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


def allow_tf32() -> None:
    """Allow TF32 for CUDA matrix products and convolutions until the `default_torch_state` block ends."""
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = True
