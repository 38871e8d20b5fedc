"""From a request to its cells, with everything that can be wrong said before anything is written."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch

from ganzoo.api import open_data
from ganzoo.build import g_reads_real, make_loss, make_tricks, resolve
from ganzoo.comparing import measuring, tune
from ganzoo.comparing.budget import refuse_thresholds, steps
from ganzoo.comparing.cells import Cell
from ganzoo.comparing.request import Request, refuse_numbers
from ganzoo.comparing.results import FILE, LOCK, WRITTEN, Book, Place, cell_folder, head, read_results
from ganzoo.comparing.settings import Setting, checked
from ganzoo.config import Config, Facts, Table, flat, with_train
from ganzoo.data import Dataset
from ganzoo.errors import InputError, missing_extra
from ganzoo.files import digest, leftover_of, refuse_links
from ganzoo.torch_state import pinned
from ganzoo.training import exam
from ganzoo.training.loop import make_trainer
from ganzoo.training.trainer import Trainer

How = Callable[[Request, Sequence[Config]], Table]
"""`ganzoo.comparing.measuring.how`, or what takes its place."""


class Plan:
    """The cells of a request, and those of its tuning: `trials`, a list for each setting that can be trained.

    Raises `InputError` for whatever is wrong; writes nothing. With tuning, `cells` are known once it is done.
    """

    @pinned()
    def __init__(
        self, request: Request, how: How = measuring.how, device: str | None = None, cores: int | None = None
    ) -> None:
        """`device` and `cores`, where given, are those of a cluster, and take the place of what this machine has."""
        refuse_numbers(request)
        refuse_foreign(request.out)
        require_extras()
        self.request, self.device = request, device
        self.data: dict[str, Dataset] = {}
        self.threads = self._threads(cores or torch.get_num_threads())
        self.settings = [checked(setting, self._trainer) for setting in request.settings]
        self.how = how(request, [self._resolved(setting.config) for setting in self.runnable])
        self.book = self._book()
        self.trials = [self._trials(setting) for setting in self.runnable] if request.tune else []
        if request.tune and not any(self.trials):
            raise InputError("--tune: --set and the switches leave nothing to draw; leave one of them out")
        self.cells = [] if request.tune else self.cells_of(self.settings)
        refuse_unlike([*self.cells, *(cell for trials in self.trials for cell in trials)])

    @property
    def runnable(self) -> list[Setting]:
        """The settings that are not refused."""
        return [setting for setting in self.settings if not setting.refused]

    @property
    def places(self) -> list[Place]:
        """The settings that can be trained, seed by seed."""
        return [(setting.name, seed) for seed in range(self.request.seeds) for setting in self.runnable]

    def dataset(self, config: Config) -> Dataset:
        """The data of a config, opened once."""
        key = config.data.model_dump_json()
        if key not in self.data:
            self.data[key] = open_data(config)
        return self.data[key]

    def cells_of(self, settings: Iterable[Setting]) -> list[Cell]:
        """The cells of the `places`, as `settings` train them; checked against what is in the folder."""
        by_name, out = {setting.name: setting for setting in settings}, self.request.out
        return sound(
            [self._cell(by_name[name], seed, cell_folder(out, name, seed), self.how) for name, seed in self.places]
        )

    def _trials(self, setting: Setting) -> list[Cell]:
        how = self.how | {"split": tune.SPLIT}
        # Where none of the metrics that were asked for can be had, no draw would be better than another.
        blind = measuring.of_row(how, self._resolved(setting.config))["metrics"] == []
        drawn = enumerate(tune.draws(setting, 0 if blind else self.request.tune, self.request.shared))
        folder = self.request.out / "tune"
        return sound(
            [self._cell(setting.changed(each), tune.SEED, folder / f"{setting.name}-t{i}", how) for i, each in drawn]
        )

    def _cell(self, setting: Setting, seed: int, folder: Path, how: Table) -> Cell:
        config = self._resolved(setting.config, seed)
        if self.device:
            config = with_train(config, device=self.device)
        measure = measuring.of_row(how, config)
        asked = self.request
        return Cell(setting.name, seed, config, folder, asked.budget, measure, asked.plugins, asked.jobs)

    def _resolved(self, config: Config, seed: int = 0) -> Config:
        # A cluster's device need not be here, where it would be refused.
        values: Table = {"threads": self.threads} | ({"device": "cpu"} if self.device else {})
        found = resolve(with_train(config.model_copy(update={"seed": seed}), **values), self.dataset(config))
        reads = g_reads_real(make_loss(found), make_tricks(found))
        return with_train(found, steps=steps(self.request.budget, found.train, reads))

    def _trainer(self, config: Config) -> Trainer:
        resolved, data = self._resolved(config), self.dataset(config)
        exam.refuse(resolved.train, data)
        refuse_thresholds(self.request.budget, resolved.train)
        return make_trainer(resolved, data)

    def _threads(self, cores: int) -> int:
        # A cell keeps its threads, so those of an earlier command on the folder hold.
        asked, old = self.request.settings[0].config.train.threads, read_results(self.request.out)
        return asked or (old["protocol"]["threads"] if old else max(1, cores // self.request.jobs))

    def _book(self) -> Book:
        request, config = self.request, self._resolved(self.request.settings[0].config)
        protocol = self.how | {
            "threads": self.threads,
            "jobs": request.jobs,
            "device": self.device or config.train.device,
            "precision": config.train.precision,
            "set": flat(request.shared),
            "tuning": request.tune,
        }
        if request.plugins:
            protocol["plugins"] = {Path(path).name: digest(text.encode()) for path, text in request.plugins.items()}
        budget = {"unit": request.budget.unit, "amount": request.budget.amount}
        book = Book(request.out, head(request.kind, request.options, facts(config), config.data.spec, budget, protocol))
        book.refuse_contradiction()
        return book


def facts(config: Config) -> Facts:
    """What a resolved config says of its data."""
    assert config.dataset is not None, "a cell's config is resolved"
    return config.dataset


def sound(cells: list[Cell]) -> list[Cell]:
    """`cells`, none of which contradicts what is in its folder; raises `InputError` otherwise."""
    for cell in cells:
        cell.refuse_contradiction()
    return cells


def refuse_foreign(folder: Path) -> None:
    """Raise `InputError` where the folder holds anything but a comparison or what a stopped one left, or a symbolic link."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--out {folder} is a file; a comparison needs a folder")
    inside = {path.name for path in folder.glob("*") if path.name != LOCK and not leftover_of(path, WRITTEN)}
    if inside and inside.isdisjoint(("cells", "tune", FILE)):
        raise InputError(f"--out {folder} is not empty and holds no comparison; choose another --out")
    refuse_links(folder)


def require_extras() -> None:
    """Raise `InputError` where the cells could not be scored, or the report not be written, in the end."""
    for module, package in (("torch_fidelity", "torch-fidelity"), ("matplotlib", "matplotlib"), ("jinja2", "Jinja2")):
        if importlib.util.find_spec(module) is None:
            raise missing_extra(package, "eval", "a comparison")


ALIKE: dict[str, Callable[[Config], object]] = {
    "data": lambda config: facts(config).digest,
    "data.size": lambda config: facts(config).shape,
    "train.device": lambda config: config.train.device,
    "train.precision": lambda config: config.train.precision,
}


def refuse_unlike(cells: Sequence[Cell]) -> None:
    """Raise `InputError` unless all cells see the same data, on the same device and in the same precision."""
    for key, value in ALIKE.items():
        found = {value(cell.config): cell.setting for cell in cells}
        if len(found) > 1:
            one, other = list(found.values())[:2]
            raise InputError(
                f"{one} and {other} differ in {key}, which a comparison needs equal; set it for all with --set"
            )
    if any(cell.config.train.precision == "auto" for cell in cells):
        raise InputError(
            "train.precision = 'auto' is measured by each run, and a comparison needs it equal; "
            "set it for all with --set train.precision=float32 or bf16"
        )
