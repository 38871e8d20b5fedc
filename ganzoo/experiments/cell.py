"""A cell: one setting with one seed, a run folder with a `cell.json` once it is finished; the cells of a comparison."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ganzoo.config.schema import ResolvedConfig, config_diff
from ganzoo.config.tables import Table, flatten
from ganzoo.errors import InputError
from ganzoo.experiments.budget import Budget
from ganzoo.experiments.cell_schema import CellRecord, Metric
from ganzoo.experiments.environment import Environment, environment, merge_environments
from ganzoo.experiments.job import Job, ScoringOptions
from ganzoo.experiments.results_schema import CellEntry, Results
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


CellKey = tuple[str, int]
"""Name of the setting, and seed."""
UNFINISHED_CELL: Table = {
    "status": "unfinished",
    "finding": None,
    "cost": None,
    "curve": [],
    "findings": [],
    "grid": None,
    "scores": {},
}
NOT_IN_ENTRIES = {"format", "measure", "metrics", "floors"}
"""The keys of `cell.json` that `results.json` stores once for all cells, or in another form."""


@dataclass(frozen=True)
class CollectedCell:
    """The entry of a cell, and its metrics and floors, which `results.json` stores once for all cells."""

    entry: CellEntry
    metrics: Sequence[Metric] = ()
    floors: dict[str, float] = field(default_factory=dict)


def collect_cells(
    root: Path, old: Results | None, planned: Sequence[CellKey], order: Sequence[str]
) -> list[CollectedCell]:
    """The cells `planned` and those of the results `old`, sorted by setting in the given `order` and by seed."""
    before = cells_of_results(old) if old else {}
    places = sorted({*before, *planned}, key=lambda place: (order.index(place[0]), place[1]))
    return [collect_cell(root, place, before.get(place), place in planned) for place in places]


def cells_of_results(results: Results) -> dict[CellKey, CollectedCell]:
    """The cells of `results`, each with its environment, which older files store only once."""
    ran = Environment(jobs=results.protocol.jobs, hardware=results.hardware, versions=results.versions)
    return {
        (cell.setting, cell.seed): CollectedCell(
            cell.model_copy(update={"ran": cell.ran or ran}),
            [metric for metric in results.metrics if metric.protocol in cell.scores],
            {name: floor for name, floor in results.floors.items() if name in cell.scores},
        )
        for cell in results.cells
    }


def collect_cell(root: Path, place: CellKey, before: CollectedCell | None, planned: bool) -> CollectedCell:
    """A cell from its folder; if the folder is missing and the cell is not `planned`, from the earlier results."""
    setting, seed = place
    folder = cell_folder(root, setting, seed)
    record = read_cell_result(folder)
    if before and before.entry.status != "unfinished" and record is None and not planned:
        return before
    path = folder.relative_to(root).as_posix()
    where = {"setting": setting, "seed": seed, "folder": path}
    if record is None:
        return CollectedCell(CellEntry.model_validate(where | UNFINISHED_CELL))
    ran = {"ran": before.entry.ran} if before else {}
    entry = CellEntry.model_validate(ran | entry_of_record(record, path) | where)
    return CollectedCell(entry, record.metrics, record.floors)


def entry_of_record(record: CellRecord, folder: str) -> Table:
    """The part of `cell.json` that is also in `results.json`, with the grid relative to the folder of the comparison."""
    table = record.model_dump(mode="json", exclude_unset=True, exclude=NOT_IN_ENTRIES)
    return table | {"grid": f"{folder}/{record.grid}" if record.grid else None}


def cell_folder(root: Path, setting: str, seed: int) -> Path:
    """The folder of a cell of the comparison in `root`."""
    return root / "cells" / f"{setting}-s{seed}"


def shared_environment(cells: Iterable[CollectedCell], jobs: int | str) -> Environment:
    """The merged environment of `cells`; if none is finished, that of this machine with `jobs` simultaneous cells."""
    found = [cell.entry.ran for cell in cells if cell.entry.ran]
    return merge_environments(found or [environment(jobs)])


def all_metrics(cells: Iterable[CollectedCell]) -> list[Metric]:
    """The distinct metrics of all cells."""
    return list({metric.protocol: metric for cell in cells for metric in cell.metrics}.values())


def all_floors(cells: Iterable[CollectedCell]) -> dict[str, float]:
    """The floors of all cells."""
    return {name: floor for cell in cells for name, floor in cell.floors.items()}
