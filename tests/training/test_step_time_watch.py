"""The line that says that steps have become slow."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from ganzoo import api
from ganzoo.training import loop, progress, session
from ganzoo.training.progress import StepTimeWatch
from small_runs import small, toy_data


def lines(seconds_a_step, steps=20, threads=2):
    """What is said at each of several records of `steps` steps."""
    watch, said = StepTimeWatch(threads), []
    for seconds in seconds_a_step:
        watch.seconds += seconds * steps
        said.append(watch.check(steps))
    return said


def test_five_times_slower_is_said_once_until_it_was_half_way_back():
    said = lines([0.1, 0.05, 0.2, 0.3, 4.0, 0.2, 0.3, 0.1, 0.26, 0.24])
    assert [i for i, line in enumerate(said) if line] == [3, 8]
    assert said[3].startswith("an update of D or G takes 6 times as long as before (0.3 s, was 0.05 s)")


def test_a_slow_first_record_is_no_measure():
    assert lines([2.0, 0.05, 0.05, 0.4]).count(None) == 3


def test_a_hiccup_in_a_short_record_is_not_said():
    assert not any(lines([0.01] * 150 + [0.2] + [0.01] * 150, steps=1))
    assert any(lines([0.01] * 150 + [0.2] * 150, steps=1))


@pytest.mark.parametrize(("threads", "advised"), [(1, False), (2, True)])
def test_one_thread_is_no_advice_to_who_has_one(threads, advised):
    assert ("--threads 1" in lines([0.1, 0.9], threads=threads)[1]) == advised


@pytest.fixture
def clock(monkeypatch):
    """The clock of the training, which stands still unless a test moves it."""
    clock = SimpleNamespace(now=0.0)
    clock.perf_counter = clock.monotonic = lambda: clock.now
    monkeypatch.setattr(progress, "time", clock)
    return clock


def slowed(clock, seconds, work):
    """`work`, which takes `seconds()` of that clock."""

    def slow(*given, **named):
        clock.now += seconds()
        return work(*given, **named)

    return slow


def said_of(capsys, folder, **train):
    api.train(small("nsgan", train={"steps": 6, **train}), toy_data(), folder, quiet=False)
    return capsys.readouterr().err.count("times as long as before")


def test_a_training_says_that_its_steps_are_slow(clock, tmp_path, monkeypatch, capsys):
    step = loop.Trainer.train_step
    monkeypatch.setattr(loop.Trainer, "train_step", slowed(clock, lambda: 2.0 if clock.now < 7 else 20.0, step))
    assert said_of(capsys, tmp_path / "run") == 1


def test_drawing_and_saving_are_no_steps(clock, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(loop.Trainer, "train_step", slowed(clock, lambda: 2.0, loop.Trainer.train_step))
    for name in ("write_sample_grid", "write_release"):
        monkeypatch.setattr(session, name, slowed(clock, lambda: 500.0, getattr(session, name)))
    assert said_of(capsys, tmp_path / "run", sample_every=2, save_every=3) == 0


def test_more_steps_of_d_are_no_slower_ones(clock, tmp_path, monkeypatch, capsys):
    for player in ("d_step", "g_step"):
        work = getattr(loop.Trainer, player)
        monkeypatch.setattr(loop.Trainer, player, slowed(clock, lambda: 2.0, work))
    warmup = {"d_steps": 30, "first": 1, "every": 4}
    assert said_of(capsys, tmp_path / "run", critic_warmup=warmup) == 0


def test_the_outlook_is_given_once_from_the_time_after_the_first_step(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: clock[0])
    outlook = progress.Outlook(10, 50, 5, Path("runs/x/samples"))
    assert outlook.check(11) is None
    clock[0] += 2
    assert outlook.check(12) is None, "too early"
    clock[0] += 2
    assert outlook.check(13) == "about 1 min 14 s for the other 37 steps; a sample grid every 10 s: runs/x/samples"
    clock[0] += 100
    assert outlook.check(14) is None


def test_there_is_no_outlook_on_a_few_seconds(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: clock[0])
    outlook = progress.Outlook(0, 12, 5, Path("runs/x/samples"))
    outlook.check(1)
    clock[0] += 10
    assert outlook.check(6) is None
