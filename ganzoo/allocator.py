"""Settings of the C library's allocator for training on the CPU."""

import ctypes
import os
import sys
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # parameters of mallopt, from glibc's malloc.h
TRIM_THRESHOLD, MMAP_THRESHOLD = 2**31 - 1, 2**30  # bytes; the largest int, and more than any tensor of a training step
OWN_SETTINGS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES")
"""Environment variables with which a user sets the thresholds."""


@cache
def keep_freed_memory() -> bool:
    """Let glibc keep freed memory for the next tensor; True if it does.

    By default it returns large blocks to the system and gets them back page by page in the next step. The setting holds for
    the whole process. Without glibc, or if the user has set the thresholds, nothing changes.
    """
    if not sys.platform.startswith("linux") or any(name in os.environ for name in OWN_SETTINGS):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # absent in musl
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD) and mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD))
