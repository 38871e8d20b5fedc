"""Freed memory that is kept: fewer page faults, unless the user or the platform says otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ganzoo import api, cpu_threads
from ganzoo.training import loop
from small_runs import small, toy_data

PROGRAM = """
import resource, sys
import torch
from ganzoo.cpu_threads import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

torch.set_num_threads(1)
kept = "keep" in sys.argv and keep_freed_memory()
for repeat in range(2):  # in the first the heap grows
    before = faults()
    for _ in range(20):
        torch.ones(16 << 20)  # 64 MiB
print(int(kept), faults() - before)
"""
GLIBC = sys.platform.startswith("linux") and "glibc" in os.confstr("CS_GNU_LIBC_VERSION")


def run(*words: str, **environment: str) -> tuple[int, int]:
    """Whether memory is kept, and the page faults of 20 tensors of 64 MiB, in another process."""
    env = {name: value for name, value in os.environ.items() if name not in cpu_threads.OWN_SETTINGS} | environment
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], env=env, capture_output=True, text=True, check=True)
    kept, faults = map(int, done.stdout.split())
    return kept, faults


@pytest.mark.skipif(not GLIBC, reason="needs glibc")
def test_freed_memory_is_used_again():
    (off, many), (on, few) = run(), run("keep")
    assert (off, on) == (0, 1)
    assert few * 10 < many


@pytest.mark.skipif(not GLIBC, reason="needs glibc")
@pytest.mark.parametrize("name", cpu_threads.OWN_SETTINGS)
def test_the_users_own_setting_is_left_alone(name):
    value = "glibc.malloc.mmap_threshold=65536" if name == "GLIBC_TUNABLES" else "65536"
    assert run("keep", **{name: value})[0] == 0


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_platforms_are_left_alone(platform, monkeypatch):
    monkeypatch.setattr(sys, "platform", platform)
    assert not cpu_threads.keep_freed_memory.__wrapped__()


def test_a_library_without_mallopt_is_left_alone(monkeypatch):
    for name in cpu_threads.OWN_SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cpu_threads.ctypes, "CDLL", lambda name: object())
    assert not cpu_threads.keep_freed_memory.__wrapped__()


def test_training_on_the_cpu_turns_it_on(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(loop, "keep_freed_memory", lambda: asked.append(True))
    api.train(small("nsgan", train={"steps": 1}), toy_data(), tmp_path / "run")
    assert asked
