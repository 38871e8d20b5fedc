"""`results.json`: all that a comparison found, computed anew from its cells whenever one is finished."""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ganzoo import __version__
from ganzoo.comparing.cells import Cell, read_record
from ganzoo.comparing.settings import BASELINE, Setting
from ganzoo.comparing.summary import summarise
from ganzoo.config import Facts, Table, flat
from ganzoo.errors import InputError
from ganzoo.files import FORMAT, read_json, write_json
from ganzoo.training.release import cpu

FILE = "results.json"
FIXED = ("kind", "data", "budget", *(f"protocol.{key}" for key in ("n", "metrics", "set", "tuning", "plugins")))
"""What two commands on one folder must have in common."""
UNFINISHED: Table = {
    "status": "unfinished",
    "finding": None,
    "cost": None,
    "curve": [],
    "findings": [],
    "grid": None,
    "scores": {},
}


@dataclass
class Book:
    """What is known before any cell is trained (`head`), and the folder in which the cells are."""

    folder: Path
    head: Table

    def refuse_contradiction(self) -> None:
        """Raise `InputError` where the folder holds a comparison that was made in another way."""
        old = read_results(self.folder)
        before, after = flat(old or self.head), flat(self.head)
        keys = [
            key for key in before.keys() | after.keys() if key.startswith(FIXED) and before.get(key) != after.get(key)
        ]
        changed = [f"{key}: {before.get(key)!r} -> {after.get(key)!r}" for key in sorted(keys)]
        if changed:
            raise InputError(f"{self.folder} holds another comparison ({'; '.join(changed)}); choose another --out")

    def write(self, settings: Sequence[Setting], cells: Sequence[Cell], tuning: Table | None = None) -> Table:
        """Write the results of `cells` and of those that earlier commands on the folder planned; returns them."""
        old = read_results(self.folder) or {"settings": [], "refused": [], "cells": []}
        rows = merged("name", old["settings"], [s.record() for s in settings if not s.refused])
        no = merged("setting", old["refused"], [r for s in settings for r in refusals(s)])
        planned = [{"setting": cell.setting, "seed": cell.seed} for cell in cells]
        places = {(cell["setting"], cell["seed"]) for cell in [*old["cells"], *planned]}
        order = [row["name"] for row in rows]
        found = [self.entry(*place) for place in sorted(places, key=lambda place: (order.index(place[0]), place[1]))]
        results = self.head | {"settings": rows, "refused": no} | collected(found)
        results["tuning"] = merged_tuning(old.get("tuning"), tuning)
        results["protocol"] = results["protocol"] | {"seeds": sorted({seed for _, seed in places})}
        results["command"] = command(results)
        write_json(self.folder / FILE, results)
        return results

    def entry(self, setting: str, seed: int) -> Table:
        """A cell as it is now, its grid named from the comparison's folder."""
        folder = cell_folder(self.folder, setting, seed)
        record = read_record(folder) or UNFINISHED
        where = {"setting": setting, "seed": seed, "folder": folder.relative_to(self.folder).as_posix()}
        grid = f"{where['folder']}/{record['grid']}" if record["grid"] else None
        return where | record | {"grid": grid}


def cell_folder(folder: Path, setting: str, seed: int) -> Path:
    """Where a cell of the comparison in `folder` is."""
    return folder / "cells" / f"{setting}-s{seed}"


def read_results(folder: Path) -> Table | None:
    """The results in `folder`, if there are any."""
    path = folder / FILE
    return read_json(path) if path.is_file() else None


def collected(entries: Iterable[Table]) -> Table:
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
        "summary": summarise(cells, metrics.values()),
    }


def merged(key: str, old: Iterable[Table], new: Iterable[Table]) -> list[Table]:
    """Both lists, of which the later entry of a name counts, in the order of first mention."""
    return list({each[key]: each for each in [*old, *new]}.values())


def merged_tuning(old: Table | None, new: Table | None) -> Table | None:
    """The tuning of earlier commands and of this one."""
    return new | {"settings": {**old["settings"], **new["settings"]}} if old and new else new or old


def refusals(setting: Setting) -> list[Table]:
    """What of a setting is not run, and why."""
    if setting.refused:
        return [{"setting": setting.name, "reason": setting.refused}]
    return [{"setting": f"{setting.name} without {name}", "reason": why} for name, why in setting.left_out.items()]


def head(kind: str, options: Sequence[str], facts: Facts, spec: str, budget: Table, protocol: Table) -> Table:
    """What is known before anything is trained."""
    data = {"spec": spec, "name": facts.name, "digest": facts.digest, "count": facts.count, "shape": list(facts.shape)}
    return {
        "format": FORMAT,
        "kind": kind,
        "command": "",
        "options": list(options),
        "versions": {"ganzoo": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "hardware": hardware(),
        "data": data | {"split": "train"},
        "budget": budget,
        "protocol": {"checkpoint": "last step, averaged weights (EMA)"} | protocol,
    }


def hardware() -> str:
    """The processor, its cores, and the GPU where there is one."""
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return ", ".join([cpu(), f"{os.cpu_count()} cores", platform.system(), *gpus])


def command(results: Table) -> str:
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
    return shlex.join(words)
