"""The plan of a comparison: all cells, checked before the first one is trained."""

import importlib.util
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch

from ganzoo.atomic_io import FORMAT, check_no_links, leftover_target, sha256_hex
from ganzoo.builder import g_reads_real, make_loss, make_tricks, resolve_config
from ganzoo.config.schema import Config, ResolvedConfig, with_train
from ganzoo.config.tables import Table, flatten
from ganzoo.data import Dataset
from ganzoo.errors import InputError, missing_extra
from ganzoo.experiments import tuning
from ganzoo.experiments.budget import check_thresholds, steps_for_budget
from ganzoo.experiments.cell import Cell, CellKey, cell_folder
from ganzoo.experiments.job import ScoringOptions
from ganzoo.experiments.results import REPLACED_NAMES, RESULTS_FILE, RESULTS_LOCK, ResultsFile, read_results
from ganzoo.experiments.results_schema import Protocol, ResultsHeader, TrainingData
from ganzoo.experiments.scoring import ScoringOptionsFn, scoring_options, scoring_options_for, with_equal_precision
from ganzoo.experiments.setting_schema import loss_texts, used_files
from ganzoo.experiments.spec import CompareOptions, Setting, check_options, check_setting
from ganzoo.run_data import load_dataset
from ganzoo.torch_state import default_torch_state
from ganzoo.training import evaluation
from ganzoo.training.loop import make_trainer
from ganzoo.training.schedule import decay_end
from ganzoo.training.trainer import Trainer


class Plan:
    """The cells of a request, and with tuning the `trials`, a list of cells for each setting that can be trained.

    Raises `InputError` for invalid input; writes nothing. With tuning, the `cells` are known only after it.
    """

    @default_torch_state()
    def __init__(
        self,
        request: CompareOptions,
        how: ScoringOptionsFn = scoring_options,
        device: str | None = None,
        cores: int | None = None,
    ) -> None:
        """`device` and `cores`: those of a cluster; None = those of this machine."""
        check_options(request)
        check_folder(request.out)
        require_extras()
        request = with_equal_precision(request)
        self.request, self.device = request, device
        self.data: dict[str, Dataset] = {}
        self.threads = self._threads(cores or torch.get_num_threads())
        self.settings = [check_setting(setting, self._trainer) for setting in request.settings]
        self.how = how(request, [self._resolved(setting.config) for setting in self.runnable])
        self.book = self._book()
        self.trials = [self._trials(setting) for setting in self.runnable] if request.tune else []
        if request.tune and not any(self.trials):
            raise InputError(
                "--tune: --set and the switches fix every hyperparameter that could be tuned; remove one of them"
            )
        self.cells = [] if request.tune else self.cells_of(self.settings)
        check_same_protocol([*self.cells, *(cell for trials in self.trials for cell in trials)])

    @property
    def runnable(self) -> list[Setting]:
        """The settings that can be trained."""
        return [setting for setting in self.settings if not setting.refused]

    @property
    def places(self) -> list[CellKey]:
        """Setting and seed of every cell, ordered by seed."""
        return [(setting.name, seed) for seed in range(self.request.seeds) for setting in self.runnable]

    def dataset(self, config: Config) -> Dataset:
        """The data of a config, loaded once."""
        key = config.data.model_dump_json()
        if key not in self.data:
            self.data[key] = load_dataset(config)
        return self.data[key]

    def cells_of(self, settings: Iterable[Setting]) -> list[Cell]:
        """The cells of all `places` with the configs in `settings`; checked against the folder."""
        by_name, out = {setting.name: setting for setting in settings}, self.request.out
        cells = [self._cell(by_name[name], seed, cell_folder(out, name, seed), self.how) for name, seed in self.places]
        self.book.configs = {cell.setting: cell.resolved_keys() for cell in cells}
        return check_seeds(cells)

    def _trials(self, setting: Setting) -> list[Cell]:
        how = self.how.model_copy(update={"split": tuning.TUNING_SPLIT})
        # If none of the requested metrics is possible, the draws cannot be compared.
        blind = scoring_options_for(how, self._resolved(setting.config)).metrics == []
        drawn = enumerate(tuning.hyperparameter_draws(setting, 0 if blind else self.request.tune, self.request.shared))
        folder = self.request.out / "tune"
        return check_seeds(
            [
                self._cell(setting.changed(each), tuning.TUNING_SEED, folder / f"{setting.name}-t{i}", how)
                for i, each in drawn
            ]
        )

    def _cell(self, setting: Setting, seed: int, folder: Path, how: ScoringOptions) -> Cell:
        config = self._resolved(setting.config, seed)
        if self.device:
            config = with_train(config, device=self.device)
        measure = scoring_options_for(how, config)
        asked = self.request
        return Cell(setting.name, seed, config, folder, asked.budget, measure, asked.plugins, asked.jobs)

    def _resolved(self, config: Config, seed: int = 0) -> ResolvedConfig:
        # The device of a cluster may not exist here and would be refused.
        values: Table = {"threads": self.threads} | ({"device": "cpu"} if self.device else {})
        found = resolve_config(with_train(config.model_copy(update={"seed": seed}), **values), self.dataset(config))
        reads = g_reads_real(make_loss(found), make_tricks(found))
        steps = steps_for_budget(self.request.budget, found.train, reads)
        # The steps of a budget in minutes are unknown, so the learning rates fall over those of the recipe.
        decay = decay_end(found.train) if self.request.budget.minutes else found.train.lr_decay_steps
        return with_train(found, steps=steps, lr_decay_steps=decay)

    def _trainer(self, config: Config) -> Trainer:
        resolved, data = self._resolved(config), self.dataset(config)
        evaluation.check_evaluation(resolved.train, data)
        check_thresholds(self.request.budget, resolved.train)
        return make_trainer(resolved, data)

    def _threads(self, cores: int) -> int:
        # A cell keeps its number of threads, so use that of an earlier command on the folder.
        asked, old = self.request.settings[0].config.train.threads, read_results(self.request.out)
        return asked or (old.protocol.threads if old else max(1, cores // self.request.jobs))

    def _book(self) -> ResultsFile:
        request, config = self.request, self._resolved(self.request.settings[0].config)
        header = ResultsHeader(
            format=FORMAT,
            kind=request.kind,
            command="",
            options=list(request.options),
            data=training_data(config),
            budget=request.budget,
            protocol=self._protocol(config),
            files=used_files([setting.variant for setting in self.runnable], request.plugins),
            losses=loss_texts(str(setting.config.loss.get("name")) for setting in self.runnable),
        )
        book = ResultsFile(request.out, header)
        book.check_consistent()
        return book

    def _protocol(self, config: ResolvedConfig) -> Protocol:
        request = self.request
        plugins = {Path(path).name: sha256_hex(text.encode()) for path, text in request.plugins.items()}
        return Protocol(
            checkpoint="last step, averaged weights (EMA)",
            **self.how.keywords(),
            threads=self.threads,
            jobs=request.jobs,
            device=self.device or config.train.device,
            precision=config.train.precision,
            set=flatten(request.shared),
            tuning=request.tune,
            **{"plugins": plugins} if plugins else {},
        )


def training_data(config: ResolvedConfig) -> TrainingData:
    """The training data of a resolved config, as recorded in the results."""
    info = config.dataset
    return TrainingData(
        spec=config.data.spec, name=info.name, digest=info.digest, count=info.count, shape=info.shape, split="train"
    )


def check_seeds(cells: list[Cell]) -> list[Cell]:
    """Return `cells`; raises `InputError` if one contradicts the content of its folder."""
    for cell in cells:
        cell.check_consistent()
    return cells


def check_folder(folder: Path) -> None:
    """Raise `InputError` if the folder contains anything other than a comparison or its leftovers, or a symbolic link."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--out {folder} is a file; a comparison needs a folder")
    inside = {
        path.name
        for path in folder.glob("*")
        if path.name != RESULTS_LOCK and not leftover_target(path, REPLACED_NAMES)
    }
    if inside and inside.isdisjoint(("cells", "tune", RESULTS_FILE)):
        raise InputError(f"--out {folder} is not empty and not a comparison; choose another --out")
    check_no_links(folder)


def require_extras() -> None:
    """Raise `InputError` if a package for scores or the report is missing."""
    for module, package in (("torch_fidelity", "torch-fidelity"), ("matplotlib", "matplotlib"), ("jinja2", "Jinja2")):
        if importlib.util.find_spec(module) is None:
            raise missing_extra(package, "eval", "a comparison")


SHARED_KEYS: dict[str, Callable[[ResolvedConfig], object]] = {
    "data": lambda config: config.dataset.digest,
    "data.size": lambda config: config.dataset.shape,
    "train.device": lambda config: config.train.device,
    "train.precision": lambda config: config.train.precision,
}


def check_same_protocol(cells: Sequence[Cell]) -> None:
    """Raise `InputError` unless all cells have the same data, device and precision."""
    for key, value in SHARED_KEYS.items():
        found = {value(cell.config): cell.setting for cell in cells}
        if len(found) > 1:
            one, other = list(found.values())[:2]
            raise InputError(
                f"{one} and {other} differ in {key}, which must be equal in a comparison; set it for all with --set"
            )
