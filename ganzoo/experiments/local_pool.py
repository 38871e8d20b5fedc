"""Run cells on this machine, in a limited number of parallel worker processes."""

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
"""Called in the main thread for each job when it ends."""

WORKER_COMMAND = (sys.executable, "-m", "ganzoo.experiments.worker")


@dataclass
class LocalPool:
    """Runs jobs in separate processes, at most `parallel` at a time; `stop` lets each process save and exit."""

    parallel: int
    command: Sequence[str] = WORKER_COMMAND
    processes: set[subprocess.Popen[str]] = field(default_factory=set)
    stopped: bool = False
    lock: Any = field(default_factory=threading.Lock)

    def run_jobs(self, jobs: Sequence[Job], report: ReportFn) -> None:
        """Run all `jobs`. Any exception, including Ctrl-C, first stops the running processes and is then raised again.

        A second Ctrl-C kills the processes; their saved states are intact.
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
        """Wait until every process has saved and exited; at a `KeyboardInterrupt` kill them and raise it again."""
        try:
            self.stop()
            threads.shutdown(wait=True, cancel_futures=True)
        except KeyboardInterrupt:
            with self.lock:
                for process in self.processes:
                    process.kill()
            raise

    def run(self, job: Job) -> Outcome:
        """Run one job to its end."""
        with self.lock:
            if self.stopped:
                return Outcome(130)
            process = start_worker(self.command, job.config.train.threads)
            self.processes.add(process)
        return self.wait(process, job)

    def wait(self, process: subprocess.Popen[str], job: Job) -> Outcome:
        """Send the job to the worker and wait for its end."""
        assert process.stdin and process.stderr, "both are pipes"
        with suppress(OSError):  # the worker has already exited; its stderr has the reason
            process.stdin.write(job.as_line())
            process.stdin.flush()
        lines = process.stderr.read().strip().splitlines()
        code = process.wait()
        with self.lock:
            self.processes.remove(process)
            close_stdin(process)
        return Outcome(code, lines[-1] if lines else "")

    def stop(self) -> None:
        """Close the stdin of every process, which makes it save and exit; start no further process."""
        with self.lock:
            self.stopped = True
            for process in self.processes:
                close_stdin(process)


def start_worker(command: Sequence[str], threads: int) -> subprocess.Popen[str]:
    """Start a worker process that waits for its job."""
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
        start_new_session=True,  # Ctrl-C in the terminal reaches only the command, which then stops its workers
    )


def close_stdin(process: subprocess.Popen[str]) -> None:
    """Close the stdin of a worker, which may have exited already."""
    assert process.stdin, "a pipe"
    with suppress(OSError):
        process.stdin.close()
