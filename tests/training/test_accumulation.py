"""A batch in parts gives the gradients of the whole, or is refused."""

from __future__ import annotations

import pytest
import torch
from split_steps import COMPARE, MEANS, TRICKS, data, outcome, trainer

from ganzoo import rng
from ganzoo.builder import resolve_config
from ganzoo.config.batch_split import batch_split_incompatibilities
from ganzoo.config.schema import with_train
from ganzoo.config.tables import merge
from ganzoo.data import BatchLoader
from ganzoo.errors import InputError
from ganzoo.rng import BatchShard, RngScope
from ganzoo.training.distributed import ProcessGroup
from ganzoo.training.loop import make_trainer
from small_runs import small, switched, toy_data


@pytest.fixture
def in_float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


CASES = {**MEANS, **{name: ("nsgan", tables) for name, tables in TRICKS.items()}}


@pytest.mark.parametrize("case", CASES)
def test_parts_give_the_gradients_weights_and_terms_of_the_whole_batch(case, in_float64):
    whole, parts = (
        outcome(trainer(*CASES[case], gradient_accumulation=count)) for count in (1, 4 if case != "d-batch" else 2)
    )
    assert any(key.startswith("grad.G") for key in whole) and any(key.startswith("grad.D") for key in whole)
    torch.testing.assert_close(parts, whole, atol=1e-10, rtol=0)


def test_every_part_is_a_pass_of_its_own(in_float64):
    t = trainer("nsgan", {}, gradient_accumulation=4)
    sizes = []
    t.D.register_forward_hook(lambda module, args, out: sizes.append(len(args[0])))
    t.train_step()
    assert sizes == [2] * (2 * 4 + 4) and (t.d_steps, t.g_steps, t.images) == (1, 1, 8)


def test_batch_norm_goes_by_parts_and_its_running_statistics_are_their_mean(in_float64):
    """The first norm of D sees what no norm changed: there the mean over parts is the mean of the batch."""
    moved = {}
    for count in (1, 4):
        tables = {"networks": {"discriminator": {"norm": "batch"}}}
        t = trainer("nsgan", tables, gradient_accumulation=count)
        with RngScope(0, "d", 0):
            t.d_step()
        moved[count] = {name: value.clone() for name, value in t.D.named_buffers()}
    first = next(name for name in moved[1] if name.endswith("running_mean"))
    torch.testing.assert_close(moved[4][first], moved[1][first])
    assert moved[4][first].abs().sum() > 0
    assert all(torch.equal(moved[4][n], moved[1][n]) for n in moved[1] if n.endswith("num_batches_tracked"))


REFUSED = {
    "dragan": (("dragan", {}), "penalty of loss dragan uses a statistic of the whole batch"),
    "dragan-gp": (("hinge", switched(["dragan-gp"])), "penalty of trick dragan_gp uses a statistic"),
    "minibatch": (("nsgan", switched(["minibatch-stddev"])), "networks.discriminator.minibatch_features='none'"),
    "batch": (
        ("nsgan", {"train": {"batch_size": 10}}),
        "train.batch_size=10 cannot be split into 1 x 4 parts .* a multiple of 4",
    ),
    "packing": (("nsgan", switched(["packing"])), "trick packing needs 1 x 4 parts .* with a multiple of 2 images"),
    "sync": (("nsgan", {"train": {"sync_batch_norm": True}}), "sync_batch_norm needs CUDA, but train.device is cpu"),
    **{name: (case, "set train.gradient_accumulation=1") for name, case in COMPARE.items()},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_parts_would_change_is_refused(name):
    (variant, tables), reason = REFUSED[name]
    made, batch = data(tables), {"batch_size": 4 if name == "packing" else 8}
    config = small(variant, **merge({"train": {"gradient_accumulation": 4, **batch}}, tables))
    with pytest.raises(InputError, match=reason):
        resolve_config(config, made)


PROCESSES = {
    "dragan": ("dragan", {}, "penalty of loss dragan uses a statistic of the whole batch"),
    "minibatch": ("nsgan", switched(["minibatch-discrimination"]), "networks.discriminator.minibatch_features='none'"),
    "batch": ("nsgan", {"train": {"batch_size": 10}}, "train.batch_size=10 cannot be split into 4 x 1 parts"),
    "rollback": ("nsgan", {"train": {"on_failure": "rollback"}}, "set train.on_failure='stop'"),
}


@pytest.mark.parametrize("name", PROCESSES)
def test_what_processes_would_change_is_refused_and_only_there(name):
    variant, tables, reason = PROCESSES[name]
    config = resolve_config(small(variant, **merge({"train": {"batch_size": 8}}, tables)), toy_data())
    with pytest.raises(InputError, match=reason):
        make_trainer(config, toy_data(), ProcessGroup(1, 4))


def test_processes_on_mps_are_refused():
    config = with_train(resolve_config(small("nsgan"), toy_data()), device="mps")
    assert list(batch_split_incompatibilities(config, [], 0, processes=1)) == []
    assert "cannot exchange tensors on MPS" in next(batch_split_incompatibilities(config, [], 0, processes=2))


@pytest.mark.parametrize("draw", [rng.normal, rng.uniform, lambda name, *shape: rng.integers(name, 9, *shape)])
def test_the_numbers_of_a_batch_do_not_depend_on_its_split(draw):
    with RngScope(0, "d", 3):
        whole = [draw("a", 12, 5), draw("a", 12), draw("b", 12)]
    shares = [small for large in BatchShard().split(2) for small in large.split(3)]
    parts = []
    for share in shares:
        with RngScope(0, "d", 3, share=share):
            parts.append([draw("a", 2, 5), draw("a", 2), draw("b", 2)])
    assert all(torch.equal(torch.cat(rows), one) for rows, one in zip(zip(*parts, strict=True), whole, strict=True))


def test_a_split_block_goes_on_where_the_stream_is_and_a_whole_one_draws_all_rows():
    with RngScope(0, "d", 3):
        first, second = rng.normal("a", 4), rng.normal("a", 8)
    with RngScope(0, "d", 3, share=BatchShard(1, 2)):
        with rng.full_batch():
            assert torch.equal(rng.normal("a", 4), first)
        found = []
        for block in rng.split_batch(2):
            with block:
                found.append(rng.normal("a", 2))
        assert rng.batch_shard() == BatchShard(1, 2)
    assert torch.equal(torch.cat(found), second[4:])


@pytest.mark.parametrize("flip", [False, True])
def test_the_data_are_dealt_out_row_by_row(flip):
    whole = BatchLoader(toy_data(), 5, flip)
    expected = torch.cat([whole.next(12).images, whole.next(30).images])
    dealt = []
    for part in range(3):
        mine = BatchLoader(toy_data(), 5, flip)
        with RngScope(0, share=BatchShard(part, 3)):
            dealt.append((mine.next(4).images, mine.next(10).images))
        assert mine.position == whole.position == 42
    assert torch.equal(torch.cat([torch.cat(rows) for rows in zip(*dealt, strict=True)]), expected)
