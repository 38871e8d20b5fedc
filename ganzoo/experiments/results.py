"""`results.json`: all that a comparison found, computed anew from its cells whenever one is finished."""

import re
import shlex
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

from ganzoo.atomic_io import file_lock, recover_leftovers, write_json
from ganzoo.config.migrate import migrate_flat
from ganzoo.config.schema import flatten
from ganzoo.errors import InputError
from ganzoo.experiments.cell import CELL_FILE
from ganzoo.experiments.collect import CellKey, all_floors, all_metrics, collect_cells, shared_environment
from ganzoo.experiments.results_schema import Refusal, Results, ResultsHeader, Tuning
from ganzoo.experiments.spec import BASELINE, Setting
from ganzoo.experiments.statistics import summarize
from ganzoo.json_io import as_table, read_record

RESULTS_FILE = "results.json"
RESULTS_LOCK = ".results.lock"
REPLACED_NAMES = re.compile(r"results\.json|table\.md|report\.html")
"""Names of the files that a comparison replaces, and whose leftovers it may delete."""
KEYS_FIXED_BY_RUNS = ("kind", "data", "budget", *(f"protocol.{key}" for key in ("set", "threads", "tuning", "plugins")))
"""What two commands on one folder must have in common once a run is begun."""
KEYS_FIXED_BY_SCORES = (*KEYS_FIXED_BY_RUNS, "protocol.n", "protocol.metrics", "protocol.extractor")
"""The same once one is finished."""
FREE_KEY = "protocol.set.train.threads"
"""What may be said or left out: `protocol.threads` is what holds."""
Row = TypeVar("Row")


@dataclass
class ResultsFile:
    """What is known before any cell is trained, and the folder in which the cells are."""

    folder: Path
    head: ResultsHeader

    def check_consistent(self) -> None:
        """Raise `InputError` where the folder holds a comparison that was made in another way."""
        if changed := self.changes(self.fixed_keys(), read_results(self.folder)):
            raise InputError(f"{self.folder} holds another comparison ({'; '.join(changed)}); choose another --out")

    def fixed_keys(self) -> tuple[str, ...]:
        """What the runs in the folder bind a command to; what was only planned binds to nothing."""
        if any(self.folder.glob(f"*/*/{CELL_FILE}")):
            return KEYS_FIXED_BY_SCORES
        return KEYS_FIXED_BY_RUNS if any(self.folder.glob("*/*/config.json")) else ()

    def changes(self, keys: tuple[str, ...], old: Results | None) -> list[str]:
        """In which of `keys` the results `old`, if there are any, are of another comparison."""
        before, after = flatten(as_table(old or self.head)), flatten(as_table(self.head))
        return [
            f"{key}: {before.get(key)!r} -> {after.get(key)!r}"
            for key in sorted(before.keys() | after.keys())
            if key.startswith(keys) and key != FREE_KEY and before.get(key) != after.get(key)
        ]

    def old(self) -> Results | None:
        """The results in the folder; None where there are none of this comparison."""
        found = read_results(self.folder)
        return None if self.changes(KEYS_FIXED_BY_SCORES, found) else found

    def locked(self) -> AbstractContextManager[None]:
        """Let one command at a time write the `REPLACED_NAMES` files."""
        return file_lock(self.folder / RESULTS_LOCK)

    def write(self, settings: Sequence[Setting], planned: Sequence[CellKey], tuning: Tuning | None = None) -> Results:
        """Write the results of the cells `planned` and of those of earlier commands on the folder; returns them."""
        with self.locked():
            recover_leftovers(self.folder, REPLACED_NAMES)
            results = self.results(settings, planned, tuning)
            write_json(self.folder / RESULTS_FILE, as_table(results))
        return results

    def results(self, settings: Sequence[Setting], planned: Sequence[CellKey], tuning: Tuning | None) -> Results:
        """What is to be written."""
        old = self.old()
        rows = merge_by("name", old.settings if old else [], [s.record() for s in settings if not s.refused])
        refused = merge_by("setting", old.refused if old else [], [r for s in settings for r in refusals(s)])
        found = collect_cells(self.folder, old, planned, [row.name for row in rows])
        cells, metrics = [each.entry for each in found], all_metrics(found)
        ran = shared_environment(found, self.head.protocol.jobs)
        ran_with = {"jobs": ran.jobs, "seeds": sorted({cell.seed for cell in cells})}
        results = Results(
            **dict(self.head) | {"protocol": self.head.protocol.model_copy(update=ran_with)},
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
    """The results in `folder`, if there are any, with config keys in the names of this version; raises `InputError`."""
    path = folder / RESULTS_FILE
    if not path.is_file():
        return None
    found = read_record(path, Results)
    protocol = found.protocol.model_copy(update={"set": migrate_flat(found.protocol.set)})
    settings = [row.model_copy(update={"overrides": migrate_flat(row.overrides)}) for row in found.settings]
    return found.model_copy(update={"protocol": protocol, "settings": settings})


def merge_by(key: str, old: Iterable[Row], new: Iterable[Row]) -> list[Row]:
    """Both lists, of which the later entry of a name counts, in the order of first mention."""
    return list({attrgetter(key)(each): each for each in [*old, *new]}.values())


def merge_tuning(old: Tuning | None, new: Tuning | None) -> Tuning | None:
    """The tuning of earlier commands and of this one."""
    return new.model_copy(update={"settings": old.settings | new.settings}) if old and new else new or old


def refusals(setting: Setting) -> list[Refusal]:
    """What of a setting is not run, and why."""
    if setting.refused:
        return [Refusal(setting=setting.name, reason=setting.refused)]
    return [Refusal(setting=f"{setting.name} without {name}", reason=why) for name, why in setting.left_out.items()]


def reproduce_command(results: Results) -> str:
    """The one command that gives all of `results`."""
    protocol, variants = results.protocol, [setting.variant for setting in results.settings]
    if results.kind == "compare":
        words = variants
    else:
        names = [*(setting.name for setting in results.settings), *(each.setting for each in results.refused)]
        switches = [name for name in names if name != BASELINE and " without " not in name]
        words = [variants[0], *(word for name in switches for word in ("--switch", name))]
    words = ["ganzoo", results.kind, *words, "--seeds", str(len(protocol.seeds)), *results.options]
    if "train.threads" not in protocol.set:  # which --jobs, or another machine, would make others
        words += ["--set", f"train.threads={protocol.threads}"]
    return shlex.join(words)
