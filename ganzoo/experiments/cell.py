"""A cell: one setting with one seed, an ordinary run folder in which a `cell.json` says that it is finished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganzoo.config.schema import ResolvedConfig, Table, config_diff
from ganzoo.errors import InputError
from ganzoo.experiments.schemas import CellRecord
from ganzoo.experiments.spec import Budget
from ganzoo.json_io import read_table
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
    measure: Table
    """How it is scored: keywords of `ganzoo.evaluator.evaluate`, as `plan.scoring_options` gives them."""
    plugins: Mapping[str, str] = field(default_factory=dict)
    """The sources of the user's files, by path."""
    jobs: int = 1
    """Cells at once on its machine."""

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name

    def job(self) -> Table:
        """All that the process which works on it must know, as JSON."""
        return {
            "folder": str(self.folder.resolve()),
            "config": self.config.model_dump(mode="json"),
            "minutes": self.budget.minutes,
            "measure": self.measure,
            "plugins": dict(self.plugins),
            "jobs": self.jobs,
        }

    def record(self) -> Table | None:
        """What became of it; None while it is not finished."""
        return read_cell_result(self.folder)

    def check_consistent(self) -> None:
        """Raise `InputError` where the folder holds a cell that was trained or measured in another way."""
        run = RunDir(self.folder)
        changes = config_diff(run.config(), self.config) if run.config_file.is_file() else []
        # How many steps a budget of minutes buys is known afterwards.
        changed = [line for line in changes if not (self.budget.minutes and line.startswith("train.steps:"))]
        old, new = (self.record() or {"measure": self.measure})["measure"], self.measure
        changed += [f"{k}: {old.get(k)!r} -> {new.get(k)!r}" for k in (old | new) if old.get(k) != new.get(k)]
        if changed:
            raise InputError(f"{self.folder} was made in another way ({'; '.join(changed)}); choose another --out")


def read_cell_result(folder: Path) -> dict[str, Any] | None:
    """The `cell.json` of a finished cell; None where there is none yet."""
    path = folder / CELL_FILE
    return read_table(path, CellRecord) if path.is_file() else None
