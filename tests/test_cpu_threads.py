"""The cores that are free, from what the system says of them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from ganzoo import api, cli, cpu_threads
from ganzoo.training.run_dir import RunDir
from small_runs import small, toy_data

# What a core adds to /proc/stat while it is looked at: user, nice, system, idle, iowait.
IDLE, WAITING, BUSY, LOW = (0, 0, 0, 20, 0), (0, 0, 0, 5, 15), (15, 0, 5, 0, 0), (0, 20, 0, 0, 0)


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Makes a machine whose cores do what is given, and whose clocks say 0.2 s, `own` of it spent by this process."""

    def make(*spent, own=0.0, allowed=None, quota=None):
        def write(*rows):
            lines = ["cpu  9 9 9 9 9 9 9 9 0 0"]
            for core, (user, nice, *others) in enumerate(rows):  # a guest's time is in user and nice already
                columns = (1000 + user, nice, *others, 0, 0, 0, user, nice)
                lines.append(f"cpu{core} {' '.join(map(str, columns))}")
            cpu_threads.STAT.write_text("\n".join([*lines, "intr 5 0"]))

        wall, cpu = iter((5.0, 5.2)), iter((1.0, 1.0 + own))
        clock = SimpleNamespace(
            sleep=lambda _: write(*spent), perf_counter=lambda: next(wall), process_time=lambda: next(cpu)
        )
        monkeypatch.setattr(cpu_threads, "time", clock)
        monkeypatch.setattr(cpu_threads, "STAT", tmp_path / "stat")
        monkeypatch.setattr(cpu_threads, "QUOTA", tmp_path / "cpu.max")
        monkeypatch.setattr(cpu_threads, "allowed_cpus", lambda: allowed or set(range(len(spent))))
        write(*[(0, 0, 0, 0, 0)] * len(spent))
        if quota:
            cpu_threads.QUOTA.write_text(f"{quota}\n")

    return make


@pytest.mark.parametrize(
    ("spent", "busy"),
    [
        ([IDLE, IDLE], 0),
        ([IDLE, BUSY], 1),
        ([LOW, WAITING], 1),
        ([(10, 0, 0, 10, 0), (0, 10, 0, 10, 0)], 1),  # one process that moves between two cores
        ([BUSY, (0, 0, 0, 0, 0)], 1),  # a core whose ticks do not move
    ],
)
def test_a_core_is_busy_whatever_the_priority_and_free_while_it_waits(machine, spent, busy):
    machine(*spent)
    assert cpu_threads.busy_cores({0, 1}) == pytest.approx(busy)


def test_what_this_process_does_itself_is_no_other_work(machine):
    machine(BUSY, BUSY, own=0.2)
    assert cpu_threads.busy_cores({0, 1}) == pytest.approx(1)


def test_as_many_threads_as_free_cores_and_a_line_if_that_is_fewer(machine):
    machine(BUSY, IDLE)
    assert cpu_threads.auto_threads(2) == (
        1,
        "1 thread: 1 of 2 cores is busy; --threads 2 in a new run takes them all the same",
    )
    machine(BUSY, LOW, IDLE, IDLE)
    threads, line = cpu_threads.auto_threads(16)
    assert threads == 2 and line.startswith("2 threads: 2 of 4 cores are busy; --threads 4 in a new run")
    machine(IDLE, IDLE, IDLE)
    assert cpu_threads.auto_threads(16) == (3, "")


def test_there_is_always_one_thread_and_never_more_than_torch_takes(machine):
    machine(BUSY, BUSY)
    assert cpu_threads.auto_threads(2)[0] == 1
    machine(BUSY, IDLE, IDLE, IDLE)
    assert cpu_threads.auto_threads(2) == (2, "")


def test_nothing_is_looked_at_where_torch_has_one_thread(machine, monkeypatch):
    monkeypatch.setattr(cpu_threads, "busy_cores", None)
    assert cpu_threads.auto_threads(1) == (1, "")


def test_cores_that_this_process_may_not_use_are_not_counted(machine):
    machine(BUSY, BUSY, IDLE, IDLE, allowed={1, 2, 3})
    threads, line = cpu_threads.auto_threads(4)
    assert threads == 2 and "1 of 3 cores is busy" in line


def test_a_quota_is_a_limit_of_its_own(machine):
    machine(IDLE, IDLE, IDLE, BUSY, quota="250000 100000")
    assert cpu_threads.auto_threads(4) == (2, "")
    machine(IDLE, IDLE, IDLE, IDLE, quota="50000 100000")
    assert cpu_threads.auto_threads(4) == (1, "")
    machine(IDLE, IDLE, IDLE, quota="max 100000")
    assert cpu_threads.auto_threads(4) == (3, "")


def test_processes_share_the_free_cores(machine):
    machine(BUSY, IDLE, IDLE, IDLE, IDLE, IDLE)
    threads, line = cpu_threads.auto_threads(6, processes=2)
    assert threads == 2 and "--threads 3" in line


def test_without_a_word_of_the_system_it_is_torchs_number(machine):
    machine(IDLE, IDLE)
    cpu_threads.STAT.unlink()
    cpu_threads.time.sleep = lambda _: None
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
