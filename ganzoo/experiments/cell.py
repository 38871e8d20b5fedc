"""A cell: one setting with one seed, stored as a run folder with a `cell.json` once it is finished."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ganzoo.config.schema import ResolvedConfig, Table, config_diff, flatten
from ganzoo.errors import InputError
from ganzoo.experiments.budget import Budget
from ganzoo.experiments.cell_schema import CellRecord
from ganzoo.experiments.job import Job, ScoringOptions
from ganzoo.json_io import read_record
from ganzoo.training.run_dir import RunDir

CELL_FILE = "cell.json"
NOT_OF_SETTING = {"format", "variant", "about", "seed", "dataset"}
"""Config keys that `results.json` has elsewhere, or that do not decide the training."""


@dataclass(frozen=True)
class Cell:
    """The config, scoring and folder of one cell."""

    setting: str
    seed: int
    config: ResolvedConfig
    folder: Path
    budget: Budget
    measure: ScoringOptions
    plugins: Mapping[str, str] = field(default_factory=dict)
    """Path -> source of the user's plugin files."""
    jobs: int = 1
    """Simultaneous cells on its machine."""

    @property
    def name(self) -> str:
        """The name of the cell's folder."""
        return self.folder.name

    def job(self) -> Job:
        """The job for a worker process."""
        return Job(
            folder=self.folder.resolve(),
            config=self.config,
            minutes=self.budget.minutes,
            measure=self.measure,
            plugins=dict(self.plugins),
            jobs=self.jobs,
        )

    def resolved_keys(self) -> Table:
        """The dotted keys of the config that all cells of its setting share: without seed, texts and facts about the data.

        Without `train.steps` if the budget is in minutes, because their number is known only afterwards.
        """
        keys = flatten(self.config.model_dump(mode="json", exclude=NOT_OF_SETTING))
        return {key: value for key, value in keys.items() if not (self.budget.minutes and key == "train.steps")}

    def record(self) -> CellRecord | None:
        """The record of the finished cell; None until it is finished."""
        return read_cell_result(self.folder)

    def check_consistent(self) -> None:
        """Raise `InputError` if the folder contains a cell that was trained or scored with other settings."""
        run = RunDir(self.folder)
        changes = config_diff(run.config(), self.config) if run.config_file.is_file() else []
        # The text does not affect training; the number of steps of a budget in minutes is known only afterwards.
        free = ("about:", "train.steps:") if self.budget.minutes else ("about:",)
        changed = [line for line in changes if not line.startswith(free)]
        if record := self.record():
            changed += record.measure.differences(self.measure)
        if changed:
            raise InputError(f"{self.folder} has other settings ({'; '.join(changed)}); choose another --out")


def read_cell_result(folder: Path) -> CellRecord | None:
    """The `cell.json` of a finished cell; None if it does not exist yet."""
    path = folder / CELL_FILE
    return read_record(path, CellRecord) if path.is_file() else None
