"""A cell: one setting with one seed, an ordinary run folder in which a `cell.json` says that it is finished."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ganzoo.config.schema import ResolvedConfig, config_diff
from ganzoo.errors import InputError
from ganzoo.experiments.budget import Budget
from ganzoo.experiments.cell_schema import CellRecord
from ganzoo.experiments.job import Job, ScoringOptions
from ganzoo.json_io import read_record
from ganzoo.training.run_dir import RunDir

CELL_FILE = "cell.json"


@dataclass(frozen=True)
class Cell:
    """What is to be trained and measured, and where it is kept."""

    setting: str
    seed: int
    config: ResolvedConfig
    """Resolved."""
    folder: Path
    budget: Budget
    measure: ScoringOptions
    """Its scoring."""
    plugins: Mapping[str, str] = field(default_factory=dict)
    """The sources of the user's files, by path."""
    jobs: int = 1
    """Cells at once on its machine."""

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name

    def job(self) -> Job:
        """All that the process which works on it must know."""
        return Job(
            folder=self.folder.resolve(),
            config=self.config,
            minutes=self.budget.minutes,
            measure=self.measure,
            plugins=dict(self.plugins),
            jobs=self.jobs,
        )

    def record(self) -> CellRecord | None:
        """What became of it; None while it is not finished."""
        return read_cell_result(self.folder)

    def check_consistent(self) -> None:
        """Raise `InputError` where the folder holds a cell that was trained or measured in another way."""
        run = RunDir(self.folder)
        changes = config_diff(run.config(), self.config) if run.config_file.is_file() else []
        # How many steps a budget of minutes buys is known afterwards.
        changed = [line for line in changes if not (self.budget.minutes and line.startswith("train.steps:"))]
        if record := self.record():
            changed += record.measure.differences(self.measure)
        if changed:
            raise InputError(f"{self.folder} was made in another way ({'; '.join(changed)}); choose another --out")


def read_cell_result(folder: Path) -> CellRecord | None:
    """The `cell.json` of a finished cell; None where there is none yet."""
    path = folder / CELL_FILE
    return read_record(path, CellRecord) if path.is_file() else None
