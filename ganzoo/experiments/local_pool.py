"""Cells on this machine: at most so many processes at once, each with its share of the threads."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ganzoo.experiments.job import Job, Outcome

ReportFn = Callable[[Job, Outcome], None]
"""Called in the main thread for each job that ended, in the order in which they end."""

WORKER_COMMAND = (sys.executable, "-m", "ganzoo.experiments.worker")


@dataclass
class LocalPool:
    """Runs jobs in processes of their own; `stop` lets each save and end."""

    parallel: int
    command: Sequence[str] = WORKER_COMMAND
    processes: set[subprocess.Popen[str]] = field(default_factory=set)
    stopped: bool = False
    lock: Any = field(default_factory=threading.Lock)

    def run_jobs(self, jobs: Sequence[Job], report: ReportFn) -> None:
        """Run all `jobs`; whatever is raised meanwhile, Ctrl-C too, stops those under way before it goes on.

        A second Ctrl-C kills them: what they have saved is whole.
        """
        with ThreadPoolExecutor(self.parallel) as threads:
            running = {threads.submit(self.run, job): job for job in jobs}
            try:
                for done in as_completed(running):
                    report(running[done], done.result())
            except KeyboardInterrupt:
                self.stop_or_kill(threads)
                raise
            finally:
                self.stop()
                threads.shutdown(wait=True, cancel_futures=True)

    def stop_or_kill(self, threads: ThreadPoolExecutor) -> None:
        """Wait until every process has saved and ended, or kill them at a `KeyboardInterrupt`, which is raised again."""
        try:
            self.stop()
            threads.shutdown(wait=True, cancel_futures=True)
        except KeyboardInterrupt:
            with self.lock:
                for process in self.processes:
                    process.kill()
            raise

    def run(self, job: Job) -> Outcome:
        """One job, from its start to its end."""
        with self.lock:
            if self.stopped:
                return Outcome(130)
            process = start_worker(self.command, job.config.train.threads)
            self.processes.add(process)
        return self.wait(process, job)

    def wait(self, process: subprocess.Popen[str], job: Job) -> Outcome:
        """Hand the job over and wait for the end."""
        assert process.stdin and process.stderr, "both are pipes"
        with suppress(OSError):  # it ended before it was asked anything; it says why below
            process.stdin.write(job.as_line())
            process.stdin.flush()
        said = process.stderr.read().strip().splitlines()
        code = process.wait()
        with self.lock:
            self.processes.remove(process)
            close_stdin(process)
        return Outcome(code, said[-1] if said else "")

    def stop(self) -> None:
        """Close the input of every process, upon which it saves and ends; start no other."""
        with self.lock:
            self.stopped = True
            for process in self.processes:
                close_stdin(process)


def start_worker(command: Sequence[str], threads: int) -> subprocess.Popen[str]:
    """A worker that waits for its job."""
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
        start_new_session=True,  # a terminal's Ctrl-C is for the command alone, which then stops its workers once
    )


def close_stdin(process: subprocess.Popen[str]) -> None:
    """Close the input of a worker, which may have ended."""
    assert process.stdin, "a pipe"
    with suppress(OSError):
        process.stdin.close()
