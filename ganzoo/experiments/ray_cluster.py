"""Run cells on a Ray cluster: one task per cell, on a node with free resources; its run folder is sent back.

Requires ganzoo on every node, and the data there under the same SPEC.
"""

import io
import logging
import os
import zipfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ganzoo.atomic_io import write_folder
from ganzoo.errors import InputError, missing_extra
from ganzoo.experiments.job import Job, Outcome
from ganzoo.experiments.local_pool import WORKER_COMMAND, LocalPool, ReportFn

LOCAL = "local"
RETRIES = 3
"""Number of restarts of a cell after its node was lost."""
NOT_RETURNED = "state"
"""Folder of a run that is not sent back, because only an unfinished run needs it."""


class RayCluster(AbstractContextManager["RayCluster"]):
    """Connection to a Ray cluster; `local` starts a cluster on this machine for the duration of the context."""

    def __init__(self, address: str, command: Sequence[str] = WORKER_COMMAND) -> None:
        self.address, self.command = address, command

    def __enter__(self) -> "RayCluster":
        try:
            import ray
        except ImportError:
            raise missing_extra("ray", "cluster", "--cluster") from None
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        self.ray: Any = ray
        where = {"include_dashboard": False} if self.address == LOCAL else {"address": self.address}
        try:
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **where)
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"--cluster {self.address}: cannot connect to a Ray cluster ({reason})") from None
        return self

    def __exit__(self, *_: object) -> None:
        self.ray.shutdown()

    @property
    def cores(self) -> int:
        """Number of cores of the smallest node."""
        nodes = [node["Resources"].get("CPU", 0) for node in self.ray.nodes() if node["Alive"]]
        return int(min((cores for cores in nodes if cores), default=1))

    def device(self, asked: str) -> str:
        """The device for `auto`: "cuda" if the cluster has GPUs, else "cpu"; any other value is returned unchanged."""
        if asked != "auto":
            return asked
        return "cuda" if self.ray.cluster_resources().get("GPU") else "cpu"

    def run_jobs(self, jobs: Sequence[Job], report: ReportFn) -> None:
        """Run all `jobs`, like `LocalPool.run_jobs`; a job whose node is lost restarts on another node."""
        pending = {self.submit(job): job for job in jobs}
        while pending:
            [ended], _ = self.ray.wait(list(pending), num_returns=1)
            job = pending.pop(ended)
            report(job, self.collect_result(ended, job.folder))

    def submit(self, job: Job) -> Any:
        """Submit one job as a task that reserves its CPU threads, and a GPU if it trains on CUDA."""
        train = job.config.train
        resources = {"num_cpus": train.threads, "num_gpus": int(train.device.startswith("cuda"))}
        return self.ray.remote(max_retries=RETRIES, **resources)(run_remote_job).remote(job, tuple(self.command))

    def collect_result(self, task: Any, folder: Path) -> Outcome:
        """The outcome of a task; writes the run that it returned to `folder`, atomically."""
        try:
            answer: tuple[Outcome, bytes] = self.ray.get(task)
        except self.ray.exceptions.RayError as error:
            return Outcome(1, str(error).strip().splitlines()[-1])
        outcome, content = answer
        if content:
            folder.parent.mkdir(parents=True, exist_ok=True)
            write_folder(folder, lambda new: unpack(content, new))
        return outcome


def run_remote_job(job: Job, command: Sequence[str]) -> tuple[Outcome, bytes]:
    """Run one job on this node in a temporary folder; returns its outcome and, if it finished, its packed run folder."""
    with TemporaryDirectory(prefix="ganzoo-") as away:
        folder = Path(away) / job.folder.name
        outcome = LocalPool(1, command).run(job.model_copy(update={"folder": folder}))
        return outcome, pack(folder) if outcome.code == 0 else b""


def pack(folder: Path) -> bytes:
    """The files of a run folder as a zip archive, without training states."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder)
            if path.is_file() and name.parts[0] != NOT_RETURNED:
                archive.write(path, name)
    return content.getvalue()


def unpack(content: bytes, folder: Path) -> None:
    """Extract an archive of `pack` into `folder`."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
