"""On a CUDA device (`pytest -m gpu`): steps by graph against eager ones, and steps that wait for nothing."""

from __future__ import annotations

import pytest
import torch
from by_graph import agree, is_captured
from test_variants import EVERY

from ganzoo.builder import resolve_config
from ganzoo.config.tables import Table
from ganzoo.training.cuda_graphs import WARMUP_STEPS, GraphRunner
from ganzoo.training.loop import make_trainer
from ganzoo.training.trainer import Trainer
from small_runs import small, toy_data

pytestmark = pytest.mark.gpu


def on_cuda(variant: str, tricks: Table | None = None, **train) -> Trainer:
    data = toy_data()
    config = resolve_config(
        small(variant, tricks=tricks or {}, train={"device": "cuda", "lr_decay_steps": 9} | train), data
    )
    return make_trainer(config, data)


@pytest.fixture
def repeatable(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("variant", EVERY)
def test_every_variant_does_the_same_by_cuda_graph(variant, precision, repeatable):
    a, b = (on_cuda(variant, cuda_graphs=True, precision=precision) for _ in range(2))
    a.graphs = GraphRunner()
    assert agree(a, b, 10) and is_captured(b)


@pytest.mark.parametrize("cuda_graphs", [False, True])
@pytest.mark.parametrize("variant", EVERY)
def test_no_step_waits_for_the_device(variant, cuda_graphs):
    t = on_cuda(variant, cuda_graphs=cuda_graphs)
    for _ in range(WARMUP_STEPS + 1):
        t.train_step()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            t.train_step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert t.is_finite()


def test_replay_with_labels_does_not_wait_either():
    t = on_cuda("cgan", tricks={"replay": {"capacity": 6}})
    t.train_step()
    torch.cuda.set_sync_debug_mode("error")
    try:
        t.train_step()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_products_of_float32_take_tf32():
    on_cuda("nsgan")
    assert torch.get_float32_matmul_precision() == "high"
