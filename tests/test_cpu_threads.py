"""The cores that are free, from what the system says of them."""

from __future__ import annotations

import pytest
import torch

from ganzoo import api, cli, cpu_threads
from ganzoo.training.run_dir import RunDir
from small_runs import small, toy_data


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Makes a machine with `cores`, where the load average is `load` and `running` tasks run now, this one among them."""

    def make(cores, load=0.0, running=None, allowed=None, quota=None):
        monkeypatch.setattr(cpu_threads, "LOAD", tmp_path / "loadavg")
        monkeypatch.setattr(cpu_threads, "QUOTA", tmp_path / "cpu.max")
        monkeypatch.setattr(cpu_threads, "allowed_cpus", lambda: allowed or set(range(cores)))
        monkeypatch.setattr(cpu_threads.os, "cpu_count", lambda: cores)
        running = 1 + round(load) if running is None else running
        cpu_threads.LOAD.write_text(f"{load:.2f} 9.00 9.00 {running}/99 4711\n")
        if quota:
            cpu_threads.QUOTA.write_text(f"{quota}\n")

    return make


@pytest.mark.parametrize(
    ("load", "running", "busy"),
    [
        (0.0, 1, 0),
        (1.0, 2, 1),
        (0.8, 3, 1),  # two that run by chance now
        (2.1, 1, 0),  # a run that has just ended
        (1.3, 2, 1),  # the same, and one that goes on
        (0.0, 0, 0),  # a system that reports nothing
    ],
)
def test_a_core_is_busy_if_its_load_is_of_the_last_minute_and_of_now(machine, load, running, busy):
    machine(4, load, running)
    assert cpu_threads.busy_cores() == busy


def test_as_many_threads_as_free_cores_and_a_line_if_that_is_fewer(machine):
    machine(2, load=1.0)
    assert cpu_threads.auto_threads(2) == (
        1,
        "1 thread: 1 of 2 cores is busy; a new run with --threads 2 uses 2 regardless",
    )
    machine(4, load=2.0)
    threads, line = cpu_threads.auto_threads(16)
    assert threads == 2 and line.startswith("2 threads: 2 of 4 cores are busy; a new run with --threads 4")
    machine(3)
    assert cpu_threads.auto_threads(16) == (3, "")


def test_there_is_always_one_thread_and_never_more_than_torch_takes(machine):
    machine(2, load=2.0)
    assert cpu_threads.auto_threads(2)[0] == 1
    machine(2, load=7.0)
    assert cpu_threads.auto_threads(2)[0] == 1
    machine(4, load=1.0)
    assert cpu_threads.auto_threads(2) == (2, "")


def test_nothing_is_looked_at_where_torch_has_one_thread(machine, monkeypatch):
    monkeypatch.setattr(cpu_threads, "busy_cores", None)
    assert cpu_threads.auto_threads(1) == (1, "")


def test_other_work_goes_to_the_cores_that_this_process_may_not_use(machine):
    machine(4, load=2.0, allowed={1, 2, 3})
    threads, line = cpu_threads.auto_threads(4)
    assert threads == 2 and "1 of 3 cores is busy" in line
    machine(64, load=20.0, allowed={1, 2})
    assert cpu_threads.auto_threads(64) == (2, "")


def test_a_quota_is_a_limit_of_its_own(machine):
    machine(4, load=1.0, quota="250000 100000")
    assert cpu_threads.auto_threads(4) == (2, "")
    machine(4, quota="50000 100000")
    assert cpu_threads.auto_threads(4) == (1, "")
    machine(3, quota="max 100000")
    assert cpu_threads.auto_threads(4) == (3, "")


def test_processes_share_the_free_cores(machine):
    machine(6, load=1.0)
    threads, line = cpu_threads.auto_threads(6, processes=2)
    assert threads == 2 and "--threads 3" in line


def test_without_a_word_of_the_system_it_is_torchs_number(machine):
    machine(2, load=2.0)
    cpu_threads.LOAD.unlink()
    assert cpu_threads.auto_threads(2) == (2, "")


def test_a_run_keeps_what_was_free_when_it_began_and_the_caller_has_its_threads_again(tmp_path, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(cpu_threads, "auto_threads", lambda *given: (asked.append(given), (1, "1 thread: of two"))[1])
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    torch.set_num_threads(2)
    config = small("nsgan", train={"steps": 1, "threads": 0})
    run = RunDir(api.train(config, toy_data(), tmp_path / "run", quiet=False))
    assert asked == [(2, 3)] and run.config().train.threads == 1 and torch.get_num_threads() == 2
    assert "1 thread: of two" in capsys.readouterr().err
    longer = run.config().model_copy(update={"train": run.config().train.model_copy(update={"steps": 2})})
    api.resume(run.folder, longer, toy_data())
    api.train(small("nsgan", train={"steps": 1, "threads": 1}), toy_data(), tmp_path / "other")
    assert len(asked) == 1 and run.config().train.threads == 1


@pytest.mark.parametrize(("words", "threads"), [(["--threads", "3"], 3), (["--threads", "auto"], 1)])
def test_the_command_line_says_how_many(words, threads, capsys):
    assert cli.run(["train", "nsgan", "--dry-run", "--set", "train.threads=2", *words]) == 0
    assert f'"threads": {threads}' in capsys.readouterr().out


@pytest.mark.parametrize("word", ["0", "-1", "two"])
def test_what_is_no_number_of_threads_is_refused(word, capsys):
    assert cli.run(["train", "nsgan", "--threads", word]) == 2
    assert f"--threads: expected auto or a number from 1 to 1024, not '{word}'" in capsys.readouterr().err
