"""A run folder: resolved config, log, findings, sample grids, training states and release."""

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
from ganzoo.config.schema import ResolvedConfig, config_diff
from ganzoo.config.tables import Table
from ganzoo.errors import InputError
from ganzoo.json_io import Count, FileSchema, Finite, Number, validate

RESUMABLE_CHANGES = ("about:", "data.spec:", "train.steps:", "train.device:", "train.cuda_graphs:")
"""Config keys that a resume may change, as `config_diff` begins its lines. Data may move if their digest is the same."""
REPLACED_NAMES = re.compile(r"config\.json|metrics\.jsonl|findings\.jsonl|release|\d{8,}(\.png)?")
"""Names of the files and folders that training replaces; leftovers of these may be deleted."""


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
        """Create the folder and write the config. Raises `InputError` if the folder is in use; nothing is overwritten."""
        self.check_unused()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.recover()
        self.write_config(config)

    @classmethod
    def open(cls, folder: Path) -> "RunDir":
        """Open an existing run, without writing; raises `InputError` if `folder` is no run or contains a symbolic link."""
        run = cls(folder)
        if (folder / "card.json").is_file():
            raise InputError(f"{folder} is a release, without log and training states; give the run folder")
        if run.is_half_made():
            raise InputError(f"{folder} is not a run yet: start it with: ganzoo train VARIANT --out {folder}")
        if not run.config_file.is_file():
            raise InputError(f"{folder} is not a run: it has no config.json; give a folder written by 'ganzoo train'")
        check_no_links(folder)
        return run

    def training_lock(self) -> AbstractContextManager[None]:
        """Context in which no other process trains this run; raises `InputError` if one does."""
        return file_lock(self.lock_file, f"{self.folder} is being trained by another process")

    def identity(self) -> tuple[int, int] | None:
        """Device and inode of the lock file, unique while it is held; None if there is no lock file."""
        try:
            status = os.lstat(self.lock_file)
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def check_unused(self) -> None:
        """Raise `InputError` if the folder contains anything except the leftovers of an interrupted `create`."""
        if self.config_file.exists():
            raise InputError(
                f"{self.folder} contains a run; resume it with --resume {self.folder}, or choose another --out"
            )
        if self.folder.exists() and not self.is_half_made():
            raise InputError(f"{self.folder} exists and is not an empty folder; choose another --out")

    def is_half_made(self) -> bool:
        """True if the folder contains nothing except leftovers of `create`: lock, temporary files, empty folders."""
        return self.folder.is_dir() and all(map(self._is_remnant, self.folder.iterdir()))

    def _is_remnant(self, path: Path) -> bool:
        if path.is_symlink():
            return False
        if path.is_dir():
            return path in (self.samples, self.states) and not any(path.iterdir())
        return path == self.lock_file or leftover_target(path, REPLACED_NAMES) is not None

    def recover(self) -> None:
        """Complete or undo interrupted writes; the caller must hold the lock."""
        for folder in (self.folder, self.samples, self.states):
            recover_leftovers(folder, REPLACED_NAMES)

    def config(self) -> ResolvedConfig:
        """The run's resolved config, including a later change of `train.steps`."""
        return load_config(self.config_file, trains=True)

    def check_config_unchanged(self, config: ResolvedConfig) -> None:
        """Raise `InputError` with the keys in which `config` differs from the run's, except `RESUMABLE_CHANGES`."""
        old = self.config()
        if changed := fixed_config_diff(old, config):
            raise InputError(f"{self.folder} was trained with another config ({'; '.join(changed)}); start a new run")
        if config.train.steps < old.train.steps:
            raise InputError(f"a resume cannot lower train.steps: {old.train.steps} -> {config.train.steps}")

    def write_config(self, config: ResolvedConfig) -> None:
        """Replace the resolved config."""
        write_json(self.config_file, config.model_dump(mode="json"))

    def append(self, record: Table) -> None:
        """Append one line to the log; it is on disk when the call returns."""
        append_line(self.metrics, record)

    def records(self) -> list[Table]:
        """The log records, without a last line that was cut off by a kill."""
        return read_lines(self.metrics, LogRecord)

    def last_record(self) -> LogRecord | None:
        """The last complete log record, or None; only this line is read as JSON."""
        lines = complete_lines(self.metrics) if self.metrics.exists() else []
        if not lines:
            return None
        return LogRecord(**parse_line(lines[-1], LogRecord, f"{self.metrics}, line {len(lines)}"))

    def append_finding(self, finding: Table) -> None:
        """Append one line to the monitor's findings."""
        append_line(self.findings_file, finding)

    def findings(self) -> list[Table]:
        """The monitor's findings: one table each, with step, rule, text and figures."""
        return read_lines(self.findings_file, FindingRecord)

    def truncate_log(self, step: int) -> None:
        """Delete the log records after `step`; the resumed run logs them again."""
        rewrite_lines(self.metrics, LogRecord, lambda record: record["step"] <= step)

    def truncate_findings(self, step: int, rollbacks: int) -> None:
        """Delete the findings after `step`, which the resumed run finds again, except those that led to a rollback."""
        if self.findings_file.exists():
            rewrite_lines(self.findings_file, FindingRecord, lambda f: f["step"] <= step or f["rollbacks"] < rollbacks)


def fixed_config_diff(old: ResolvedConfig, new: ResolvedConfig) -> list[str]:
    """The differences of two configs that a resume does not allow, as `key: old -> new`."""
    return [line for line in config_diff(old, new) if not line.startswith(RESUMABLE_CHANGES)]


def append_line(path: Path, table: Table) -> None:
    """Append `table` to a JSON Lines file and sync it to disk."""
    with name_in_errors(path), open_to_append(path) as file:
        file.write(json.dumps(table) + "\n")
        file.flush()
        os.fsync(file.fileno())  # before a later training state is synced


def read_lines(path: Path, schema: type[FileSchema]) -> list[Table]:
    """The tables in a JSON Lines file. Skips an incomplete last line; any other damaged line raises `InputError`."""
    if not path.exists():
        return []
    return [parse_line(line, schema, f"{path}, line {number}") for number, line in enumerate(complete_lines(path), 1)]


def complete_lines(path: Path) -> list[str]:
    """The lines of a file, without an incomplete last one."""
    return read_bytes(path).decode(errors="replace").split("\n")[:-1]


def parse_line(line: str, schema: type[FileSchema], where: str) -> Table:
    """The table in one line, validated against `schema`; raises `InputError`."""
    try:
        table = decode_json(line)
    except (ValueError, RecursionError):
        table = None
    if not isinstance(table, dict) or not isinstance(table.get("step"), int):
        raise InputError(f"{where}: not a JSON table with a step; fix or delete that line")
    validate(table, schema, where)
    return table


def rewrite_lines(path: Path, schema: type[FileSchema], stays: Callable[[Table], bool]) -> None:
    """Keep only the tables for which `stays` is true, without an incomplete last line; an unchanged file is not written."""
    kept = "".join(json.dumps(table) + "\n" for table in read_lines(path, schema) if stays(table)).encode()
    if path.exists() and kept != path.read_bytes():
        write_bytes(path, kept)
