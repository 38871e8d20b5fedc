"""Kernels with channels last, as on CUDA, through steps, states and resumes; here on a CPU."""

from __future__ import annotations

import pytest
import torch
from test_variants import trainer

from ganzoo.training import checkpoint


@pytest.fixture
def last(monkeypatch):
    """Every network that a trainer gets."""
    laid = lambda network, device: network.to(device).to(memory_format=torch.channels_last)  # noqa: E731
    monkeypatch.setattr("ganzoo.training.state.place_network", laid)


def kept(t):
    """What the optimisers keep of each weight, with the weight."""
    optimisers = t.optimizers().values()
    pairs = [(w, v) for o in optimisers for w, state in o.state.items() for v in state.values() if v.shape == w.shape]
    assert any(w.ndim == 4 and not w.is_contiguous() for w, _ in pairs)
    return pairs


@pytest.mark.parametrize("variant", ["nsgan", "wgan", "hinge"])
def test_a_resume_lays_what_the_optimisers_keep_as_the_weights(variant, last, tmp_path):
    a, b = trainer(variant), trainer(variant)
    a.train_step()
    checkpoint.restore_trainer(b, checkpoint.save_state(a, tmp_path, {"seconds": 0.0}))
    assert all(w.stride() == v.stride() for w, v in kept(b)) and all(map(has_strides_of_average, [a, b]))
    for t in (a, b):
        t.train_step()
    ours, theirs = (checkpoint.state_tensors(t) for t in (a, b))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def has_strides_of_average(t):
    return [p.stride() for p in t.G.parameters()] == [p.stride() for p in t.average.parameters()]
