"""`results.json`: the results of a comparison, recomputed from its cells whenever one finishes."""

import re
import shlex
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

from ganzoo.atomic_io import file_lock, recover_leftovers, write_json
from ganzoo.config.migrate import migrate_flat
from ganzoo.config.tables import Table, flatten
from ganzoo.errors import InputError
from ganzoo.experiments.cell import CELL_FILE, CellKey, all_floors, all_metrics, collect_cells, shared_environment
from ganzoo.experiments.results_schema import Results, ResultsHeader, Tuning
from ganzoo.experiments.setting_schema import Refusal
from ganzoo.experiments.spec import BASELINE, Setting
from ganzoo.experiments.statistics import summarize
from ganzoo.json_io import as_table, read_record
from ganzoo.networks import BACKBONES, option_keys

RESULTS_FILE = "results.json"
RESULTS_LOCK = ".results.lock"
REPLACED_NAMES = re.compile(r"results\.json|table\.md|report\.html")
"""Names of the files that a comparison replaces; leftovers of these may be deleted."""
KEYS_FIXED_BY_RUNS = ("kind", "data", "budget", *(f"protocol.{key}" for key in ("set", "threads", "tuning", "plugins")))
"""Keys that must be the same for all commands on one folder after the first run has started."""
KEYS_FIXED_BY_SCORES = (*KEYS_FIXED_BY_RUNS, "protocol.n", "protocol.metrics", "protocol.extractor")
"""Keys that must be the same after the first run has finished."""
FREE_KEY = "protocol.set.train.threads"
"""A key that may differ, because `protocol.threads` has the actual value."""
Row = TypeVar("Row")


@dataclass
class ResultsFile:
    """The results file of a comparison folder, with the header that is known before training."""

    folder: Path
    head: ResultsHeader
    configs: dict[str, Table] = field(default_factory=dict)
    """Name of a setting -> the dotted keys of its resolved config; added once they are final, after tuning."""

    def check_consistent(self) -> None:
        """Raise `InputError` if the folder contains a comparison with other settings."""
        if changed := self.changes(self.fixed_keys(), read_results(self.folder)):
            raise InputError(f"{self.folder} contains another comparison ({'; '.join(changed)}); choose another --out")

    def fixed_keys(self) -> tuple[str, ...]:
        """The keys that must match, given the runs in the folder; a comparison without runs fixes nothing."""
        if any(self.folder.glob(f"*/*/{CELL_FILE}")):
            return KEYS_FIXED_BY_SCORES
        return KEYS_FIXED_BY_RUNS if any(self.folder.glob("*/*/config.json")) else ()

    def changes(self, keys: tuple[str, ...], old: Results | None) -> list[str]:
        """The differences in `keys` between the results `old`, if any, and this comparison, as `key: old -> new`."""
        before, after = flatten(as_table(old or self.head)), flatten(as_table(self.head))
        return [
            f"{key}: {before.get(key)!r} -> {after.get(key)!r}"
            for key in sorted(before.keys() | after.keys())
            if key.startswith(keys) and key != FREE_KEY and before.get(key) != after.get(key)
        ]

    def old(self) -> Results | None:
        """The results in the folder; None if there are no results, or of another comparison."""
        found = read_results(self.folder)
        return None if self.changes(KEYS_FIXED_BY_SCORES, found) else found

    def locked(self) -> AbstractContextManager[None]:
        """Context in which no other command writes the `REPLACED_NAMES` files."""
        return file_lock(self.folder / RESULTS_LOCK)

    def write(self, settings: Sequence[Setting], planned: Sequence[CellKey], tuning: Tuning | None = None) -> Results:
        """Write and return the results of the cells `planned` and of earlier commands on the folder."""
        with self.locked():
            recover_leftovers(self.folder, REPLACED_NAMES)
            results = self.results(settings, planned, tuning)
            write_json(self.folder / RESULTS_FILE, as_table(results))
        return results

    def results(self, settings: Sequence[Setting], planned: Sequence[CellKey], tuning: Tuning | None) -> Results:
        """The results to write."""
        old = self.old()
        mine = [setting.record(self.configs.get(setting.name)) for setting in settings if not setting.refused]
        rows = merge_by("name", old.settings if old else [], mine)
        refused = merge_by("setting", old.refused if old else [], [r for s in settings for r in refusals(s)])
        found = collect_cells(self.folder, old, planned, [row.name for row in rows])
        cells, metrics = [each.entry for each in found], all_metrics(found)
        ran = shared_environment(found, self.head.protocol.jobs)
        ran_with = {"jobs": ran.jobs, "seeds": sorted({cell.seed for cell in cells})}
        results = Results(
            **dict(self.head)
            | {
                "protocol": self.head.protocol.model_copy(update=ran_with),
                "files": merge_by("name", old.files if old else [], self.head.files),
                "losses": (old.losses if old else {}) | self.head.losses,
            },
            settings=rows,
            refused=refused,
            floors=all_floors(found),
            metrics=metrics,
            cells=cells,
            summary=summarize(cells, metrics),
            hardware=ran.hardware,
            versions=ran.versions,
            tuning=merge_tuning(old.tuning if old else None, tuning),
        )
        return results.model_copy(update={"command": reproduce_command(results)})


def read_results(folder: Path) -> Results | None:
    """The results in `folder`, with config keys of this version; None if there are no results. Raises `InputError`."""
    path = folder / RESULTS_FILE
    if not path.is_file():
        return None
    found = read_record(path, Results)
    own = {key for name in BACKBONES for key in option_keys(name)}  # a plugin's option may have the name of an old key
    protocol = found.protocol.model_copy(update={"set": migrate_flat(found.protocol.set, own)})
    settings = [row.model_copy(update={"overrides": migrate_flat(row.overrides, own)}) for row in found.settings]
    return found.model_copy(update={"protocol": protocol, "settings": settings})


def merge_by(key: str, old: Iterable[Row], new: Iterable[Row]) -> list[Row]:
    """Both lists merged in the order of first mention; of entries with the same `key`, the last counts."""
    return list({attrgetter(key)(each): each for each in [*old, *new]}.values())


def merge_tuning(old: Tuning | None, new: Tuning | None) -> Tuning | None:
    """The tuning of earlier commands and of this one."""
    return new.model_copy(update={"settings": old.settings | new.settings}) if old and new else new or old


def refusals(setting: Setting) -> list[Refusal]:
    """The refusals of a setting: itself, or the switches omitted from it, with reasons."""
    if setting.refused:
        return [Refusal(setting=setting.name, reason=setting.refused)]
    return [Refusal(setting=f"{setting.name} without {name}", reason=why) for name, why in setting.left_out.items()]


def reproduce_command(results: Results) -> str:
    """One command that reproduces all of `results`."""
    protocol, variants = results.protocol, [setting.variant for setting in results.settings]
    if results.kind == "compare":
        words = variants
    else:
        names = [*(setting.name for setting in results.settings), *(each.setting for each in results.refused)]
        switches = [name for name in names if name != BASELINE and " without " not in name]
        words = [variants[0], *(word for name in switches for word in ("--switch", name))]
    words = ["ganzoo", results.kind, *words, "--seeds", str(len(protocol.seeds)), *results.options]
    if "train.threads" not in protocol.set:  # the default depends on --jobs and the machine
        words += ["--set", f"train.threads={protocol.threads}"]
    return shlex.join(words)
