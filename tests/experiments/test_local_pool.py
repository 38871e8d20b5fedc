"""Cells in processes of their own: the same results for any number of them, and nothing left behind by a stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from stand_ins import compare, here, how, request, shared, without_times

from ganzoo.builder import resolve_config
from ganzoo.config.schema import with_train
from ganzoo.errors import InputError
from ganzoo.experiments import runner, worker
from ganzoo.experiments.budget import parse_budget
from ganzoo.experiments.job import Job, Outcome, ScoringOptions
from ganzoo.experiments.local_pool import LocalPool
from ganzoo.experiments.plan import Plan
from ganzoo.training.run_dir import RunDir
from ganzoo.training.signals import StopSignal
from small_runs import small, toy_data

WORKER = (sys.executable, str(Path(__file__).with_name("stand_in_worker.py")))


@pytest.fixture(autouse=True)
def no_report(monkeypatch):
    monkeypatch.setattr(runner, "write_report", lambda results, folder: folder)


def a_job(folder: str = "x", threads: int = 1) -> Job:
    """Of a worker that does something else with it."""
    config = resolve_config(small("nsgan", train={"threads": threads}), toy_data())
    return Job(folder=folder, config=config, minutes=None, measure=ScoringOptions(), plugins={}, jobs=1)


def wait_for(told, seconds=60):
    end = time.monotonic() + seconds
    while not told():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def test_two_jobs_at_once_give_what_one_after_the_other_gives_here(tmp_path):
    asked = request(tmp_path, ("nsgan",), jobs=2)
    apart = compare(asked, LocalPool(2, WORKER).run_jobs)
    together = compare(replace(asked, out=tmp_path / "here", jobs=1), here)
    assert without_times(apart["cells"]) == without_times(together["cells"])
    assert without_times(apart["summary"]) == without_times(together["summary"])


def test_no_more_than_so_many_run_at_once(tmp_path):
    running = (
        f"import os, sys, time; from pathlib import Path; p = Path({str(tmp_path)!r}); me = p / str(os.getpid())\n"
    )
    running += (
        "sys.stdin.readline(); me.touch(); time.sleep(0.2); print(len(list(p.iterdir())), file=sys.stderr); me.unlink()"
    )
    seen = []
    jobs = [a_job(str(i)) for i in range(5)]
    LocalPool(2, (sys.executable, "-c", running)).run_jobs(jobs, lambda job, outcome: seen.append(int(outcome.message)))
    assert len(seen) == 5 and max(seen) <= 2


def test_threads_are_shared_out(tmp_path):
    asked = (sys.executable, "-c", "import os, sys; print(os.environ['OMP_NUM_THREADS'], file=sys.stderr)")
    said = []
    LocalPool(1, asked).run_jobs([a_job(threads=3)], lambda job, outcome: said.append(outcome))
    assert said == [Outcome(0, "3")]


def test_threads_are_cores_by_jobs_and_stay_as_they_were(tmp_path):
    tables = shared(tmp_path, **{"train.threads": 0})

    def threads(**more):
        plan = Plan(request(tmp_path, ("nsgan",), seeds=1, tables=tables, **more), how, cores=8)
        return plan, plan.cells[0].config.train.threads

    assert threads(jobs=3)[1] == 2 and threads(jobs=16)[1] == 1
    runner.run_comparison(threads(jobs=4)[0], lambda jobs, report: None, say=lambda line: None)
    assert threads(jobs=1)[1] == 2, "a cell keeps the threads that the folder's first command gave it"


def test_what_a_worker_refuses_stops_the_comparison_in_one_line(tmp_path):
    refusing = (
        sys.executable,
        "-c",
        "import sys; sys.stdin.readline(); print('not\\nlike this', file=sys.stderr); sys.exit(2)",
    )
    with pytest.raises(InputError, match="nsgan-s0: like this"):
        compare(request(tmp_path, ("nsgan",)), LocalPool(1, refusing).run_jobs)


LIGHT = """
import json, sys
from ganzoo.experiments.job import Job
from ganzoo.experiments.local_pool import LocalPool
LocalPool(1, json.loads(sys.argv[1])).run_jobs([Job.model_validate_json(sys.argv[2])], lambda job, outcome: None)
"""
"""A command that works off one job, without the seconds that torch takes to import."""


@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_command_that_is_stopped_or_killed_leaves_a_cell_that_goes_on_to_the_same_bytes(tmp_path, end):
    tables = shared(tmp_path, **{"train.save_every": 5})
    asked = request(tmp_path, ("nsgan",), budget="steps=40", seeds=1, tables=tables)
    [cell] = Plan(asked, how).cells
    job = cell.job()
    endless = job.model_copy(update={"config": with_train(job.config, steps=100_000)})
    words = [sys.executable, "-c", LIGHT, json.dumps(WORKER), endless.as_line()]
    command, run = subprocess.Popen(words, stderr=subprocess.DEVNULL), RunDir(cell.folder)
    wait_for(run.states.is_dir)
    command.send_signal(end)
    assert command.wait(60) == -end or end == signal.SIGINT
    with worker.cell_lock(run.folder):  # which waits until the worker, whose input has closed, has ended
        stopped = run.records()[-1]["step"]
        assert (run.states / f"{stopped:08d}").is_dir(), "the step that was under way is saved"
    assert stopped < 100_000 and cell.record() is None
    asked = replace(asked, budget=parse_budget(f"steps={stopped + 3}"))
    run.write_config(Plan(replace(asked, out=tmp_path / "whole"), how).cells[0].config)
    results = compare(asked)
    whole = compare(replace(asked, out=tmp_path / "whole"))
    assert without_times(results["cells"]) == without_times(whole["cells"])
    other = RunDir(tmp_path / "whole/cells/nsgan-s0")
    assert (run.release / "generator.safetensors").read_bytes() == (
        other.release / "generator.safetensors"
    ).read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
def test_a_second_ctrl_c_kills_workers_that_take_long_to_save():
    stubborn = "import signal, sys; sys.stdin.readline(); signal.pause()"
    pool = LocalPool(1, (sys.executable, "-c", stubborn))
    workers = []

    def press():  # as a terminal does: it reaches the thread that waits
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    def press_twice():
        wait_for(lambda: pool.processes)
        workers.extend(pool.processes)
        press()
        wait_for(lambda: pool.stopped)
        press()

    threading.Thread(target=press_twice).start()
    said = []
    with pytest.raises(KeyboardInterrupt), StopSignal(said.append, runner.STOPPING, at_once=True):
        pool.run_jobs([a_job()], lambda job, outcome: None)
    assert [worker.wait(60) for worker in workers] == [-signal.SIGKILL] and said == [runner.STOPPING]
