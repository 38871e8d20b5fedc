"""Settings that follow a schedule: values by hand, the same bytes as a number, exact resume, graphs, bad input."""

from __future__ import annotations

import math

import pytest
import torch
from by_graph import agree, eager, everything, graphed, is_captured, stepped
from test_capturable import reasons
from test_variants import trainer

from ganzoo import api, cli
from ganzoo.config.overrides import overrides
from ganzoo.config.recipes import make_config
from ganzoo.config.resolve import resolve_defaults
from ganzoo.config.schema import Train
from ganzoo.contracts.training import digests
from ganzoo.errors import InputError
from ganzoo.schedules import Schedule, schedules_in
from ganzoo.training import ema
from ganzoo.training.run_dir import RunDir
from ganzoo.training.schedule import ema_decay
from small_runs import small, toy_data


def schedule(**table) -> Schedule:
    return Schedule.model_validate({"from": 4.0, "to": 2.0, "over": 10} | table)


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ({}, {0: 4, 5: 3, 9: 2.2, 10: 2, 99: 2}),
        ({"shape": "cosine"}, {0: 4, 2: 4 - (1 - math.cos(0.2 * math.pi)), 5: 3, 10: 2, 99: 2}),
        ({"shape": "constant", "to": None, "over": None}, {0: 4, 10**6: 4}),
        ({"warmup": 4}, {0: 0, 1: 1, 3: 3, 4: 4, 7: 3, 10: 2}),
        ({"warmup": 4, "shape": "constant"}, {0: 0, 3: 3, 4: 4, 99: 4}),
        ({"unit": "images", "over": 80, "warmup": 16}, {0: 0, 1: 2, 2: 4, 6: 3, 10: 2}),
    ],
)
def test_values_by_hand(table, values):
    found = {step: schedule(**table).at(step, batch_size=8) for step in values}
    assert found == pytest.approx(values, abs=1e-12)


def test_the_cosine_is_r3gans():
    """train.py and training_loop.py there: gamma 0.05 to 0.005 over 20 million images, batch size 512."""
    gamma = schedule(**{"from": 0.05, "to": 0.005, "over": 20_000_000, "shape": "cosine", "unit": "images"})
    decay = 0.5 * (1 + math.cos(math.pi * 512 * 10_000 / 2e7))
    assert gamma.at(10_000, 512) == pytest.approx(0.05 + (1 - decay) * (0.005 - 0.05))
    assert gamma.at(10**6, 512) == 0.005


CONSTANT = {
    "tricks.r1.gamma": 0.3,
    "tricks.r2.gamma": 0.7,
    "tricks.ada.p": 0.4,
    "train.generator.lr": 3e-4,
    "train.discriminator.lr": 2e-4,
    "train.generator.betas": [0.1, 0.95],
    "train.discriminator.betas": [0.0, 0.9],
    "train.ema_half_life": 30.0,
}


def tables(settings, every=3) -> dict:
    base = overrides(["tricks.r1.every=1", f"tricks.r2.every={every}", "tricks.ada.adapt=false"])
    for key, value in settings.items():
        inner = base
        *parents, last = key.split(".")
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return base


def never_changing(value):
    if isinstance(value, list):
        return [value[0], never_changing(value[1])]
    return {"from": value, "to": value, "over": 7, "shape": "cosine"}


def test_a_constant_schedule_gives_the_bytes_of_the_number():
    """Of everything that is saved and logged, after three steps with R2 in the last."""
    by_number = trainer("rpgan", **tables(CONSTANT))
    by_schedule = trainer("rpgan", **tables({key: never_changing(value) for key, value in CONSTANT.items()}))
    assert everything(stepped(by_number, 3)) == everything(stepped(by_schedule, 3))


FALLING = {
    "tricks.r1.gamma": {"from": 3.0, "to": 0.1, "over": 16, "unit": "images"},
    "tricks.ada.p": {"from": 0.1, "to": 0.9, "over": 3},
    "train.generator.lr": {"from": 1e-3, "to": 0.0, "over": 4, "shape": "cosine"},
    "train.discriminator.lr": {"from": 1e-3, "shape": "constant", "warmup": 3},
    "train.discriminator.betas": [0.0, {"from": 0.5, "to": 0.99, "over": 3}],
    "train.ema_half_life": {"from": 0.0, "to": 50.0, "over": 4},
}


@pytest.mark.parametrize("key", list(FALLING))
def test_each_schedule_changes_the_training(key):
    """From the second step on, where the values differ from those at the start."""
    first = {"train.discriminator.betas": [0.0, 0.5], "train.ema_half_life": 0.0}.get(key)
    at_start = FALLING[key]["from"] if first is None else first
    if key == "train.discriminator.lr":
        at_start = 1e-3
    plain, falling = (trainer("rpgan", **tables({key: value})) for value in (at_start, FALLING[key]))
    assert everything(stepped(plain, 3)) != everything(stepped(falling, 3))


def test_the_values_in_each_step():
    t = trainer("rpgan", **tables(FALLING))
    seen = []
    for step in range(4):
        average = {name: value.clone() for name, value in t.average.state_dict().items()}
        t.train_step()
        kept = 0.5 ** (t.config.train.batch_size / (12.5 * step)) if step else 0.0
        weight = "decoder.image.up.weight"
        expected = average[weight].lerp(t.G.state_dict()[weight], 1 - kept)
        torch.testing.assert_close(t.average.state_dict()[weight], expected, atol=0, rtol=1e-6)
        g, d = (optimizer.param_groups[0] for optimizer in (t.opt_g, t.opt_d))
        r1, ada = (next(trick for trick in t.tricks if trick.name == name) for name in ("r1", "ada"))
        seen.append([r1.weight.now.item(), ada.readings()["p"].item(), g["lr"], d["lr"], d["betas"][1]])
    weight, p, g_lr, d_lr, beta2 = zip(*seen, strict=True)
    assert weight == pytest.approx([1.5, 1.1375, 0.775, 0.4125])
    assert p == pytest.approx([0.1, 0.1 + 0.8 / 3, 0.1 + 1.6 / 3, 0.9])
    assert g_lr == pytest.approx([1e-3 * (1 + math.cos(math.pi * k / 4)) / 2 for k in range(4)])
    assert d_lr == pytest.approx([0, 1e-3 / 3, 2e-3 / 3, 1e-3])
    assert beta2 == pytest.approx([0.5, 0.5 + 0.49 / 3, 0.5 + 0.98 / 3, 0.99])


def test_a_resume_is_exact(tmp_path):
    train = {"steps": 4, "log_every": 1, "save_every": 2, "sample_every": 100}
    settings = tables(FALLING)
    config = small("rpgan", **settings | {"train": settings["train"] | train})
    data = toy_data()
    api.train(config, data=data, out=tmp_path / "whole", steps=2)
    api.train(config, data=data, out=tmp_path / "parts", steps=1)
    api.resume(tmp_path / "parts", data=data, steps=2)
    assert digests(RunDir(tmp_path / "whole")) == digests(RunDir(tmp_path / "parts"))
    logs = [(tmp_path / run / "metrics.jsonl").read_text().splitlines() for run in ("whole", "parts")]
    assert '"p"' in logs[0][-1] or "ada" in logs[0][-1]


def test_half_life_of_the_average():
    """After as many images as the half-life, half of the old weights is left."""
    train = Train(batch_size=8, ema_half_life=32.0)
    old, new = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    torch.nn.init.ones_(old.weight)
    torch.nn.init.zeros_(new.weight)
    for step in range(4):
        ema.update(old, new, ema_decay(step, train), None)
    assert old.weight.item() == pytest.approx(0.5)
    assert ema_decay(0, Train(ema_half_life=0.0)) == 0.0 and ema_decay(5, Train(ema_decay=0.9)) == 0.9


GRAPHED = {
    key: FALLING[key] for key in ("tricks.r1.gamma", "tricks.ada.p", "train.generator.lr", "train.ema_half_life")
}


def test_a_graph_sees_every_value():
    settings = tables(GRAPHED, every=1)
    settings["train"] |= {"lr_decay_steps": 0}
    t = graphed("rpgan", **settings)
    assert agree(eager("rpgan", **settings), t) and is_captured(t)


def test_a_graph_is_refused_where_it_would_keep_a_value():
    (reason,) = reasons("rpgan", **tables({"train.discriminator.betas": FALLING["train.discriminator.betas"]}, every=1))
    assert reason == "train.discriminator.betas follows a schedule, but a graph keeps its value"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("tricks.r1.gamma={from=1,too=2}", "tricks.r1.gamma.too: extra inputs are not permitted"),
        ("tricks.r1.gamma={from=1}", "tricks.r1.gamma: a linear schedule needs to and over"),
        ("tricks.r1.gamma={from=-1,shape='constant'}", "tricks.r1.gamma: from and to should be at least 0"),
        ("tricks.ada.p={from=0,to=2,over=3}", "tricks.ada.p: from and to should be at least 0 and at most 1"),
        ("train.generator.betas=[0.0,{from=0,to=1,over=3}]", "from and to should be at least 0 and less than 1"),
        ("train.generator.lr={from=1,to=0,over=3,warmup=3}", "train.generator.lr: warmup is part of over"),
        ("train.generator.lr=0", "train.generator.lr: input should be greater than 0"),
        ("tricks.r1.gamma='x'", "tricks.r1.gamma: input should be a valid number"),
        ("train.ema_half_life=-1", "train.ema_half_life: input should be greater than or equal to 0"),
        (
            "tricks.ada.p={from=0,to=1,over=3}",
            "follows its schedule or adapts to r_t, not both; set tricks.ada.adapt=false",
        ),
    ],
)
def test_bad_schedules_name_the_key(setting, message, capsys):
    assert cli.run(["train", "rpgan", "--set", setting, "--dry-run"]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_two_ways_to_change_a_rate_are_refused():
    rate = {"from": 1e-3, "to": 1e-4, "over": 9}
    with pytest.raises(InputError, match=r"both change it; set train\.lr_decay_steps=0"):
        trainer("rpgan", train={"lr_decay_steps": 9, "generator": {"lr": rate}})


def test_a_dry_run_prints_the_values(capsys):
    settings = [
        "train.steps=8",
        "train.lr_decay_steps=0",
        "train.generator.lr={from=1e-3,to=5e-4,over=4}",
        "tricks.r1.gamma={from=2,to=0,over=8}",
    ]
    assert not cli.run(["train", "rpgan", "--dry-run", *(word for each in settings for word in ("--set", each))])
    lines = capsys.readouterr().out.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("schedules"))
    assert [line.split() for line in lines[start : start + 3]] == [
        ["schedules,", "at", "step", "0", "2", "4", "6", "8"],
        ["tricks.r1.gamma", "2", "1.5", "1", "0.5", "0"],
        ["train.generator.lr", "0.001", "0.00075", "0.0005", "0.0005", "0.0005"],
    ]


def test_a_resolved_config_keeps_every_schedule():
    config = resolve_defaults(
        make_config("rpgan", tables(FALLING) | {"train": tables(FALLING)["train"] | {"device": "cpu"}})
    )
    kept = dict(schedules_in(config.model_dump(mode="json")))
    assert kept.keys() == {key if "betas" not in key else f"{key}[1]" for key in FALLING}
    assert kept["tricks.ada.p"] == Schedule.model_validate(FALLING["tricks.ada.p"])
    assert resolve_defaults(config) == config
