"""A linear layer and its activation in one call: the values and derivatives of both layers, and where it is taken."""

from __future__ import annotations

import pytest
import torch
from operator_counts import Operators
from torch import nn
from torch.autograd import grad
from torch.nn import functional as F

from ganzoo.kernels import dispatch, matmul
from ganzoo.networks import layers

pytestmark = pytest.mark.skipif(not matmul.ONEDNN, reason="this PyTorch is without oneDNN")
ACTS = {
    "tanh": (layers.Tanh, torch.tanh),
    "relu": (layers.ReLU, torch.relu),
    "leaky_relu": (layers.LeakyReLU, lambda x: F.leaky_relu(x, 0.2)),
}


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def derivatives(layer, x, w, b):
    """The values, the gradients in all inputs, and those of a penalty on the gradient in x."""
    inputs = [x, w] if b is None else [x, w, b]
    y = layer(x, w, b)
    (slope,) = grad(y.sin().sum(), x, create_graph=True)
    second = grad(slope.square().sum(), inputs, retain_graph=True, allow_unused=True, materialize_grads=True)
    return y, *grad(y.cos().sum(), inputs), slope, *second


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("act", ACTS)
def test_values_and_derivatives_of_both_orders(act, bias):
    x, w, b = numbers(32, 5), numbers(20, 5, seed=1), numbers(20, seed=2) if bias else None
    ours = derivatives(lambda x, w, b: matmul.linear_then(act, x, w, b, 0.2), x, w, b)
    doubles = [None if t is None else t.detach().double().requires_grad_() for t in (x, w, b)]
    exact = derivatives(lambda x, w, b: ACTS[act][1](F.linear(x, w, b)), *doubles)
    assert len(ours) == len(exact) == (8 if bias else 6)
    for mine, true in zip(ours, exact, strict=True):
        torch.testing.assert_close(mine.double(), true, atol=2e-5, rtol=2e-5)


def fused_calls(layer: nn.Module, x: torch.Tensor) -> list[str]:
    """The activations that were computed together with a product."""
    with Operators() as operators:
        layer(x)
    return [args[3] for name, _, args in operators.ran if name == "_linear_pointwise" and args[3] != "none"]


@pytest.mark.parametrize("act", ACTS)
def test_a_layer_without_norm_takes_one_call(act):
    layer = layers.Dense(layers.Linear(5, 20), nn.Identity(), ACTS[act][0]())
    x = numbers(32, 5).detach()
    assert fused_calls(layer, x) == [act]
    assert fused_calls(layer.double(), x.double()) == []
    layer.float()
    with dispatch.plain_operators():
        assert fused_calls(layer, x) == []
        plain = layer(x)
    torch.testing.assert_close(layer(x), plain)
    with torch.autocast("cpu", torch.bfloat16):
        assert fused_calls(layer, x) == []


def test_norms_other_activations_and_narrow_layers_stay_separate():
    x = numbers(32, 5).detach()
    for layer in (
        layers.Dense(layers.Linear(5, 20), layers.LayerNorm(20), layers.ReLU()),
        layers.Dense(layers.Linear(5, 20), nn.Identity(), nn.ELU()),
        layers.Dense(layers.Linear(5, 8), nn.Identity(), layers.ReLU()),
    ):
        assert fused_calls(layer, x) == []
