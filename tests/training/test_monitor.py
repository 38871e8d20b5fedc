"""What `train.on_failure` does with a finding."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

from ganzoo import api
from ganzoo.atomic_io import read_json
from ganzoo.config.schema import Config
from ganzoo.errors import TrainingFailed
from ganzoo.losses import NSGAN
from ganzoo.training import checkpoint
from ganzoo.training.run_dir import RunDir
from ganzoo.training.trainer import Trainer
from small_runs import small, toy_data


def config(steps: int = 30, **train) -> Config:
    return small("nsgan", train={"steps": steps, "save_every": 4, **train})


def last_state(run):
    return checkpoint.saved_states(run / "state")[-1]


@pytest.fixture
def poisoned(monkeypatch):
    """G's loss is NaN from its call number `at` on, for `times` calls."""

    def poison(at: int, times: int = 1):
        calls = []

        def g_loss(self, real, fake):
            calls.append(1)
            bad = at <= len(calls) < at + times
            return {"adv": fake.score.mean() * (float("nan") if bad else 1.0)}

        monkeypatch.setattr(NSGAN, "g_loss", g_loss)

    return poison


@pytest.fixture
def won(monkeypatch):
    """D has won from the first step on, as far as anyone can read."""

    def d_loss(self, real, fake):
        bad = real.score.detach() + fake.score.detach().abs().max() + 1
        real.score.data.copy_(bad.abs())
        return {"real": 0 * real.score.sum(), "fake": 0 * fake.score.sum()}

    monkeypatch.setattr(NSGAN, "d_loss", d_loss)


def rules(run) -> list[str]:
    return [finding["rule"] for finding in RunDir(run).findings() if finding["fatal"]]


@pytest.mark.parametrize("policy", ["warn", "stop"])
def test_nan_always_stops_and_is_found_in_the_log(poisoned, tmp_path, policy):
    poisoned(11)
    with pytest.raises(TrainingFailed, match=r"first non-finite loss in step 11; last finite state: .*00000008"):
        api.train(config(on_failure=policy), toy_data(), tmp_path / "run")
    assert rules(tmp_path / "run") == ["not-finite"]
    assert RunDir(tmp_path / "run").records()[-1]["terms"]["g/adv"] is None
    assert [p.name for p in checkpoint.saved_states(tmp_path / "run/state")] == ["00000004", "00000008"]


def test_warning_is_patient_where_d_has_won(won, tmp_path):
    run = api.train(config(steps=8), toy_data(), tmp_path / "run")
    assert rules(run) == ["d-has-won"] and RunDir(run).records()[-1]["step"] == 8


def test_stopping_saves_everything_first(won, tmp_path):
    with pytest.raises(
        TrainingFailed, match=r"step 5: D's loss is at its minimum .*tricks.r1=true; everything is saved"
    ):
        api.train(config(steps=8, on_failure="stop"), toy_data(), tmp_path / "run")
    assert checkpoint.saved_states(tmp_path / "run/state")[-1].name == "00000005"
    assert (tmp_path / "run/release/card.json").exists() and (tmp_path / "run/samples/00000005.png").exists()


def test_a_rollback_returns_with_a_lower_rate_and_other_numbers(poisoned, tmp_path):
    poisoned(11)
    run = api.train(config(steps=20, on_failure="rollback"), toy_data(), tmp_path / "run")
    records = RunDir(run).records()
    assert [r["step"] for r in records] == list(range(1, 21)) and rules(run) == ["not-finite"]
    assert [r["rollbacks"] for r in records] == [0] * 4 + [1] * 16  # back to before it began to show
    state, facts = load_file(last_state(run) / "state.safetensors"), read_json(last_state(run) / "state.json")
    assert facts["counters"]["rollbacks"] == 1 and all(v.isfinite().all() for v in state.values())


def test_weights_that_break_in_the_step_that_is_saved_are_rolled_back_too(tmp_path, monkeypatch):
    """All losses of that step are finite still."""
    steps, train_step = [], Trainer.train_step

    def spoiled(trainer):
        train_step(trainer)
        steps.append(trainer.step)
        if len(steps) == 8:
            next(trainer.G.parameters()).data.fill_(torch.nan)

    monkeypatch.setattr(Trainer, "train_step", spoiled)
    run = api.train(config(steps=12, on_failure="rollback", log_every=100), toy_data(), tmp_path / "run")
    assert rules(run) == ["not-finite"] and steps == [*range(1, 9), *range(1, 13)]


def test_what_a_rollback_gave_up_is_gone_at_once(poisoned, tmp_path, monkeypatch):
    """Or a run that is killed then would go on from it."""
    from ganzoo.training.failure_rules import Monitor

    left, begin = [], Monitor.__init__

    def watched(self, run, trainer):
        left.append([path.name for path in checkpoint.saved_states(run.states)])
        begin(self, run, trainer)

    monkeypatch.setattr(Monitor, "__init__", watched)
    poisoned(11)
    api.train(config(steps=12, on_failure="rollback"), toy_data(), tmp_path / "run")
    assert left == [[], ["00000004"]]


def test_a_rollback_halves_both_rates(tmp_path):
    from ganzoo.builder import resolve_config
    from ganzoo.training.loop import make_trainer

    data = toy_data()
    trainer = make_trainer(resolve_config(config(), data), data)
    trainer.reset_after_rollback(2)
    trainer.train_step()
    rates = [group["lr"] for opt in trainer.optimizers().values() for group in opt.param_groups]
    whole = [group["initial_lr"] for opt in trainer.optimizers().values() for group in opt.param_groups]
    assert rates == [rate / 4 for rate in whole]


def test_a_state_from_before_the_first_step_takes_the_moments_away(tmp_path):
    from ganzoo.builder import resolve_config
    from ganzoo.training.loop import make_trainer

    data = toy_data()
    trainer = make_trainer(resolve_config(config(), data), data)
    state = checkpoint.save_state(trainer, tmp_path, {"seconds": 0.0})
    trainer.train_step()
    checkpoint.restore_trainer(trainer, state)
    assert not any(opt.state_dict()["state"] for opt in trainer.optimizers().values())


def test_after_the_last_rollback_the_run_fails(poisoned, tmp_path):
    poisoned(3, times=1000)
    with pytest.raises(TrainingFailed, match="first non-finite loss in step 1; last finite state"):
        api.train(config(on_failure="rollback", rollbacks=2), toy_data(), tmp_path / "run")
    assert rules(tmp_path / "run") == ["not-finite"] * 3
    assert [f["rollbacks"] for f in RunDir(tmp_path / "run").findings()] == [0, 1, 2]


def test_a_run_that_rolled_back_resumes_exactly(poisoned, tmp_path):
    def trained(name: str, *steps: int):
        poisoned(11)
        run = api.train(config(steps=steps[0], on_failure="rollback"), toy_data(), tmp_path / name)
        for more in steps[1:]:
            train = RunDir.open(run).config().train.model_copy(update={"steps": more})
            api.resume(run, RunDir.open(run).config().model_copy(update={"train": train}), toy_data())
        return run

    whole, parts = trained("whole", 20), trained("parts", 16, 20)
    files = [
        {p.relative_to(run): p.read_bytes() for p in run.rglob("*.safetensors") if "00000020" in str(p)}
        for run in (whole, parts)
    ]
    assert files[0] == files[1] and len(files[0]) == 1


def test_what_led_to_a_rollback_is_kept_by_a_resume_from_before_it(poisoned, tmp_path):
    poisoned(11)
    run = api.train(config(steps=20, on_failure="rollback"), toy_data(), tmp_path / "run")
    (found,) = RunDir(run).findings()
    RunDir(run).truncate_findings(found["step"] - 1, rollbacks=1)
    assert RunDir(run).findings() == [found]
    RunDir(run).truncate_findings(found["step"] - 1, rollbacks=0)
    assert RunDir(run).findings() == []


def test_a_resume_forgets_what_it_will_find_again(won, tmp_path):
    run = api.train(config(steps=8, save_every=4), toy_data(), tmp_path / "run")
    found = RunDir(run).findings_file.read_text()
    checkpoint.delete_states_after(run / "state", 4)
    api.resume(run, data=toy_data())
    assert RunDir(run).findings_file.read_text() == found and json.loads(found.splitlines()[0])["step"] == 5


def test_the_probe_remembers_across_a_resume(tmp_path):
    run = api.train(config(steps=6), toy_data(), tmp_path / "run")
    state = load_file(last_state(run) / "state.safetensors")
    assert state["probe.count"] == 6 and torch.count_nonzero(state["probe.past"].flatten(1).sum(1)) == 6
