"""`results.json`: all that a comparison found, computed anew from its cells whenever one is finished."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from ganzoo.atomic_io import FORMAT, file_lock, recover_leftovers, write_json
from ganzoo.config.schema import DatasetInfo, Table, flatten
from ganzoo.errors import InputError
from ganzoo.experiments.cell import CELL_FILE, read_cell_result
from ganzoo.experiments.environment import environment, merge_environments
from ganzoo.experiments.schemas import Results
from ganzoo.experiments.spec import BASELINE, Setting
from ganzoo.experiments.statistics import summarize
from ganzoo.json_io import read_table

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
CellKey = tuple[str, int]
"""A setting and a seed."""
UNFINISHED_CELL: Table = {
    "status": "unfinished",
    "finding": None,
    "cost": None,
    "curve": [],
    "findings": [],
    "grid": None,
    "scores": {},
}


@dataclass
class ResultsFile:
    """What is known before any cell is trained (`make_header`), and the folder in which the cells are."""

    folder: Path
    head: Table

    def check_consistent(self) -> None:
        """Raise `InputError` where the folder holds a comparison that was made in another way."""
        if changed := self.changes(self.fixed_keys(), read_results(self.folder)):
            raise InputError(f"{self.folder} holds another comparison ({'; '.join(changed)}); choose another --out")

    def fixed_keys(self) -> tuple[str, ...]:
        """What the runs in the folder bind a command to; what was only planned binds to nothing."""
        if any(self.folder.glob(f"*/*/{CELL_FILE}")):
            return KEYS_FIXED_BY_SCORES
        return KEYS_FIXED_BY_RUNS if any(self.folder.glob("*/*/config.json")) else ()

    def changes(self, keys: tuple[str, ...], old: Table | None) -> list[str]:
        """In which of `keys` the results `old`, if there are any, are of another comparison."""
        before, after = flatten(old or self.head), flatten(self.head)
        return [
            f"{key}: {before.get(key)!r} -> {after.get(key)!r}"
            for key in sorted(before.keys() | after.keys())
            if key.startswith(keys) and key != FREE_KEY and before.get(key) != after.get(key)
        ]

    def old(self) -> Table | None:
        """The results in the folder; None where there are none of this comparison."""
        found = read_results(self.folder)
        return None if self.changes(KEYS_FIXED_BY_SCORES, found) else found

    def locked(self) -> AbstractContextManager[None]:
        """Let one command at a time write the `REPLACED_NAMES` files."""
        return file_lock(self.folder / RESULTS_LOCK)

    def write(self, settings: Sequence[Setting], planned: Sequence[CellKey], tuning: Table | None = None) -> Table:
        """Write the results of the cells `planned` and of those of earlier commands on the folder; returns them."""
        with self.locked():
            recover_leftovers(self.folder, REPLACED_NAMES)
            results = self.results(settings, planned, tuning)
            write_json(self.folder / RESULTS_FILE, results)
        return results

    def results(self, settings: Sequence[Setting], planned: Sequence[CellKey], tuning: Table | None) -> Table:
        """What is to be written."""
        old = self.old() or {"settings": [], "refused": [], "cells": []}
        rows = merge_by("name", old["settings"], [s.record() for s in settings if not s.refused])
        no = merge_by("setting", old["refused"], [r for s in settings for r in refusals(s)])
        before = {(cell["setting"], cell["seed"]): expand_cell(cell, old) for cell in old["cells"]}
        order = [row["name"] for row in rows]
        places = sorted({*before, *planned}, key=lambda place: (order.index(place[0]), place[1]))
        found = [self.entry(place, before.get(place), place in planned) for place in places]
        ran = merge_environments(
            [each["ran"] for each in found if "ran" in each] or [environment(self.head["protocol"]["jobs"])]
        )
        results = self.head | {"settings": rows, "refused": no} | collect_cells(found)
        results |= {"hardware": ran["hardware"], "versions": ran["versions"]}
        results["tuning"] = merge_tuning(old.get("tuning"), tuning)
        results["protocol"] = results["protocol"] | {"jobs": ran["jobs"], "seeds": sorted({seed for _, seed in places})}
        results["command"] = reproduce_command(results)
        return results

    def entry(self, place: CellKey, before: Table | None, planned: bool) -> Table:
        """A cell as it is now, its grid named from the comparison's folder; as it was, where it is gone for good."""
        folder = cell_folder(self.folder, *place)
        record = read_cell_result(folder)
        if before and before["status"] != "unfinished" and record is None and not planned:
            return before
        where = {"setting": place[0], "seed": place[1], "folder": folder.relative_to(self.folder).as_posix()}
        ran = {"ran": before["ran"]} if before and record else {}
        record = record or UNFINISHED_CELL
        grid = f"{where['folder']}/{record['grid']}" if record["grid"] else None
        return where | ran | record | {"grid": grid}


def expand_cell(cell: Table, results: Table) -> Table:
    """A cell of `results` with what stands there once for all; `ran` too, which older cells do not say themselves."""
    ran = {"jobs": results["protocol"]["jobs"], "hardware": results["hardware"], "versions": results["versions"]}
    metrics = [metric for metric in results["metrics"] if metric["protocol"] in cell["scores"]]
    floors = {name: floor for name, floor in results["floors"].items() if name in cell["scores"]}
    return {"ran": ran} | cell | {"metrics": metrics, "floors": floors}


def cell_folder(folder: Path, setting: str, seed: int) -> Path:
    """Where a cell of the comparison in `folder` is."""
    return folder / "cells" / f"{setting}-s{seed}"


def read_results(folder: Path) -> Table | None:
    """The results in `folder`, if there are any."""
    path = folder / RESULTS_FILE
    return read_table(path, Results) if path.is_file() else None


def collect_cells(entries: Iterable[Table]) -> Table:
    """Cells, metrics, floors and summary; what the cells agree on is told once."""
    entries = list(entries)
    metrics = {metric["protocol"]: metric for entry in entries for metric in entry.get("metrics", ())}
    floors = {name: floor for entry in entries for name, floor in entry.get("floors", {}).items()}
    cells = [
        {k: v for k, v in entry.items() if k not in ("format", "measure", "metrics", "floors")} for entry in entries
    ]
    return {
        "floors": floors,
        "metrics": list(metrics.values()),
        "cells": cells,
        "summary": summarize(cells, metrics.values()),
    }


def merge_by(key: str, old: Iterable[Table], new: Iterable[Table]) -> list[Table]:
    """Both lists, of which the later entry of a name counts, in the order of first mention."""
    return list({each[key]: each for each in [*old, *new]}.values())


def merge_tuning(old: Table | None, new: Table | None) -> Table | None:
    """The tuning of earlier commands and of this one."""
    return new | {"settings": {**old["settings"], **new["settings"]}} if old and new else new or old


def refusals(setting: Setting) -> list[Table]:
    """What of a setting is not run, and why."""
    if setting.refused:
        return [{"setting": setting.name, "reason": setting.refused}]
    return [{"setting": f"{setting.name} without {name}", "reason": why} for name, why in setting.left_out.items()]


def make_header(
    kind: str, options: Sequence[str], facts: DatasetInfo, spec: str, budget: Table, protocol: Table
) -> Table:
    """What is known before anything is trained."""
    data = {"spec": spec, "name": facts.name, "digest": facts.digest, "count": facts.count, "shape": list(facts.shape)}
    return {
        "format": FORMAT,
        "kind": kind,
        "command": "",
        "options": list(options),
        "data": data | {"split": "train"},
        "budget": budget,
        "protocol": {"checkpoint": "last step, averaged weights (EMA)"} | protocol,
    }


def reproduce_command(results: Table) -> str:
    """The one command that gives all of `results`."""
    rows, protocol = [*results["settings"], *results["refused"]], results["protocol"]
    words = ["ganzoo", results["kind"]]
    if results["kind"] == "compare":
        words += [row["variant"] for row in rows if "variant" in row]
    else:
        names = [row.get("name") or row["setting"] for row in rows]
        words += [results["settings"][0]["variant"]]
        words += [w for name in names if name != BASELINE and " without " not in name for w in ("--switch", name)]
    words += ["--seeds", str(len(protocol["seeds"])), *results["options"]]
    if "train.threads" not in protocol["set"]:  # which --jobs, or another machine, would make others
        words += ["--set", f"train.threads={protocol['threads']}"]
    return shlex.join(words)
