"""A run folder: the resolved config, the log, the grids, the states and the release."""

import json
import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from ganzoo.atomic_io import (
    check_no_links,
    decode_json,
    file_lock,
    leftover_target,
    name_in_errors,
    open_to_append,
    read_bytes,
    recover_leftovers,
    write_bytes,
    write_json,
)
from ganzoo.config.resolve import load_config
from ganzoo.config.schema import ResolvedConfig, Table, config_diff
from ganzoo.errors import InputError
from ganzoo.json_io import Count, FileSchema, Finite, Number, validate

RESUMABLE_CHANGES = ("data.spec:", "train.steps:", "train.device:", "train.cuda_graphs:")
"""What a resume may change, as `difference` begins its lines. Data may move, as long as their digest stays."""
REPLACED_NAMES = re.compile(r"config\.json|metrics\.jsonl|findings\.jsonl|release|\d{8,}(\.png)?")
"""Names of the files and folders that a training replaces, and whose leftovers it may delete."""


class LogRecord(FileSchema):
    """A line of `metrics.jsonl`."""

    step: Count
    d_steps: Count
    g_steps: Count
    images: Count
    rollbacks: Count = 0
    terms: dict[str, Number]
    seconds: Finite
    images_per_second: Finite
    scores: dict[str, Number] = Field(default_factory=dict)


class FindingRecord(FileSchema):
    """A line of `findings.jsonl`."""

    step: Count
    rule: str
    text: str
    figures: dict[str, Number]
    fatal: bool
    rollbacks: Count


@dataclass(frozen=True)
class RunDir:
    """The paths of one run."""

    folder: Path

    @property
    def config_file(self) -> Path:
        return self.folder / "config.json"

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def findings_file(self) -> Path:
        return self.folder / "findings.jsonl"

    @property
    def samples(self) -> Path:
        return self.folder / "samples"

    @property
    def states(self) -> Path:
        return self.folder / "state"

    @property
    def release(self) -> Path:
        return self.folder / "release"

    @property
    def lock_file(self) -> Path:
        return self.folder / "lock"

    def create(self, config: ResolvedConfig) -> None:
        """Make the folder; raises `InputError` where it holds anything, so that nothing is overwritten."""
        self.check_unused()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.recover()
        self.write_config(config)

    @classmethod
    def open(cls, folder: Path) -> "RunDir":
        """A run that exists; raises `InputError` where there is none, or for a symbolic link in it. Writes nothing."""
        run = cls(folder)
        if (folder / "card.json").is_file():
            raise InputError(f"{folder} is a release, which holds no log and no state to go on from; give the run")
        if run.is_half_made():
            raise InputError(f"{folder} is not a run yet: start it with: ganzoo train VARIANT --out {folder}")
        if not run.config_file.is_file():
            raise InputError(f"{folder} is not a run: it has no config.json; give the folder that 'ganzoo train' made")
        check_no_links(folder)
        return run

    def training_lock(self) -> AbstractContextManager[None]:
        """A block in which no other process trains this run; raises `InputError` where one does."""
        return file_lock(self.lock_file, f"{self.folder} is being trained by another process")

    def identity(self) -> tuple[int, int] | None:
        """Return device and inode of the lock, which no other file has while it is held; None if there is no lock."""
        try:
            status = os.lstat(self.lock_file)
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def check_unused(self) -> None:
        """Raise `InputError` where the folder holds anything but what a stopped `create` left."""
        if self.config_file.exists():
            raise InputError(f"{self.folder} holds a run; go on with --resume {self.folder}, or choose another --out")
        if self.folder.exists() and not self.is_half_made():
            raise InputError(f"{self.folder} exists and is not an empty folder; choose another --out")

    def is_half_made(self) -> bool:
        """Return whether the folder holds at most what a stopped `create` left: lock, temporary files, empty folders."""
        return self.folder.is_dir() and all(map(self._is_remnant, self.folder.iterdir()))

    def _is_remnant(self, path: Path) -> bool:
        if path.is_symlink():
            return False
        if path.is_dir():
            return path in (self.samples, self.states) and not any(path.iterdir())
        return path == self.lock_file or leftover_target(path, REPLACED_NAMES) is not None

    def recover(self) -> None:
        """Undo the writes that a kill stopped; the lock must be held."""
        for folder in (self.folder, self.samples, self.states):
            recover_leftovers(folder, REPLACED_NAMES)

    def config(self) -> ResolvedConfig:
        """The resolved config that the run was created with, and its later `train.steps`."""
        return load_config(self.config_file, trains=True)

    def check_config_unchanged(self, config: ResolvedConfig) -> None:
        """Raise `InputError` naming the keys in which `config` differs from the run's, except `RESUMABLE_CHANGES`."""
        old = self.config()
        if changed := fixed_config_diff(old, config):
            raise InputError(f"{self.folder} was made with another config ({'; '.join(changed)}); begin a new run")
        if config.train.steps < old.train.steps:
            raise InputError(f"train.steps can only be raised at a resume: {old.train.steps} -> {config.train.steps}")

    def write_config(self, config: ResolvedConfig) -> None:
        """Replace the resolved config."""
        write_json(self.config_file, config.model_dump(mode="json"))

    def append(self, record: Table) -> None:
        """One line of the log, on the disk before the call returns to the training."""
        append_line(self.metrics, record)

    def records(self) -> list[Table]:
        """The log; a last line that a kill cut in half is left out."""
        return read_lines(self.metrics, LogRecord)

    def append_finding(self, finding: Table) -> None:
        """One line of what the monitor found."""
        append_line(self.findings_file, finding)

    def findings(self) -> list[Table]:
        """What the monitor found: a table each, with step, rule, text and figures."""
        return read_lines(self.findings_file, FindingRecord)

    def truncate_log(self, step: int) -> None:
        """Forget what was logged after `step`, which will be logged again."""
        rewrite_lines(self.metrics, LogRecord, lambda record: record["step"] <= step)

    def truncate_findings(self, step: int, rollbacks: int) -> None:
        """Forget what was found after `step`, which a resume will find again; what led to the `rollbacks` so far stays."""
        if self.findings_file.exists():
            rewrite_lines(self.findings_file, FindingRecord, lambda f: f["step"] <= step or f["rollbacks"] < rollbacks)


def fixed_config_diff(old: ResolvedConfig, new: ResolvedConfig) -> list[str]:
    """The keys in which two configs differ and must not, as `key: old -> new`."""
    return [line for line in config_diff(old, new) if not line.startswith(RESUMABLE_CHANGES)]


def append_line(path: Path, table: Table) -> None:
    """Add `table` to a file of one JSON table a line."""
    with name_in_errors(path), open_to_append(path) as file:
        file.write(json.dumps(table) + "\n")
        file.flush()
        os.fsync(file.fileno())  # before a state of a later step is


def read_lines(path: Path, schema: type[FileSchema]) -> list[Table]:
    """The tables in such a file; a last line that a kill cut in half is left out, another raises `InputError`."""
    if not path.exists():
        return []
    text = read_bytes(path).decode(errors="replace")
    return [parse_line(line, schema, f"{path}, line {number}") for number, line in enumerate(text.split("\n")[:-1], 1)]


def parse_line(line: str, schema: type[FileSchema], where: str) -> Table:
    """The table in one line, which fits `schema`; raises `InputError`."""
    try:
        table = decode_json(line)
    except (ValueError, RecursionError):
        table = None
    if not isinstance(table, dict) or not isinstance(table.get("step"), int):
        raise InputError(f"{where}: not a table with a step, as ganzoo writes it; mend the line or take it out")
    validate(table, schema, where)
    return table


def rewrite_lines(path: Path, schema: type[FileSchema], stays: Callable[[Table], bool]) -> None:
    """Leave out the tables that do not stay, and a line that a kill cut in half; a file without either is not written."""
    kept = "".join(json.dumps(table) + "\n" for table in read_lines(path, schema) if stays(table)).encode()
    if path.exists() and kept != path.read_bytes():
        write_bytes(path, kept)
