"""One thread and a cache of its own for every test."""

from __future__ import annotations

import os
import signal
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it puts into the background deaf to Ctrl-C, and the commands that are tested would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

import pytest
import torch

from ganzoo.losses import LOSSES


@pytest.fixture(autouse=True)
def one_thread_and_a_home(tmp_path_factory, monkeypatch):
    """Keep the user's cache out of the tests, and two threads out of each other's way."""
    if "GANZOO_HOME" not in os.environ:
        monkeypatch.setenv("GANZOO_HOME", str(tmp_path_factory.getbasetemp() / "home"))
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def what_a_plugin_adds_is_taken_away():
    """A test that loads a plugin must not leave its loss to those that walk over all of them."""
    before = set(LOSSES)
    yield
    for name in LOSSES.keys() - before:
        del LOSSES[name]


@pytest.fixture
def benchmarks(monkeypatch):
    """The scripts in benchmarks/ can be imported."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
