"""Train what docs/reports/seeds.md needs, and write its tables and its figure.

    python benchmarks/seeds.py RUNS [--jobs 1] [--only runs color] [--report]

The plan is benchmarks/seeds.toml. `runs` are the practitioner's recipes: ordinary run folders, scored on the test images of
their classes; results are in docs/reports/seeds.json, where a run is taken out to be trained again. `color` is one `ganzoo
compare` below RUNS; its results are copied into docs/reports/seeds. All runs have one thread, finished ones are skipped and
interrupted ones resumed. `--report` only writes: the last column of the table of claims is handwritten and kept.
"""

from __future__ import annotations

import argparse
import json
import shutil
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import runs as processes
from seeds_page import COLOR, FIGURE, NORMS, PAGE, RESULTS, SHOWN, Run, drawn, middle, page, plan, results

from ganzoo.config.tables import Table
from ganzoo.config.techniques import technique_settings

PICTURES, ONE_BATCH = PAGE.parents[1] / "pictures", Path(__file__).with_name("one_batch.py")
SCORE = ["-n", "2000", "--metrics", "fid,precision,recall"]
SIGNALS = ("d/real", "d/fake", "g/adv", "score/apart", *NORMS.values())
POINTS = 60
"""Medians of the log that are kept of a curve."""
lock = Lock()


def color_settings() -> dict[str, Table]:
    """Name -> dotted settings of the comparison on color images."""
    color = plan()["color"]
    return color["settings"] | {name: technique_settings()[name] for name in color["switches"]["names"]}


def train(name: str, runs: Path) -> None:
    """Train and score one of the practitioner's runs, unless it is done."""
    if name in results():
        return
    folder = runs / name
    processes.train(folder, [*plan()["runs"][name], "--threads", "1"])
    scores, card = processes.scores(folder, *SCORE), json.loads((folder / "release/card.json").read_text())
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    shutil.copyfile(max((folder / "samples").glob("*.png")), PICTURES / f"seeds-{name}.png")
    with lock:
        found = results() | {
            name: {"steps": card["steps"], "seconds": card["seconds"], "scores": scores} | curves(records)
        }
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def curves(records: list[Run]) -> Run:
    """At most `POINTS` medians of every signal in the log, and the steps that each begins with; None where none is finite."""
    size = -(-len(records) // POINTS)
    parts = [records[i : i + size] for i in range(0, len(records), size)]
    found = {signal: [middle([each["terms"].get(signal) for each in part]) for part in parts] for signal in SIGNALS}
    return {"at": [part[0]["step"] for part in parts], "curves": found}


def compare(runs: Path, jobs: int) -> None:
    """Train and score the settings on color images, and copy the results next to the page."""
    color, files = plan()["color"], {f"color-settings/{name}.toml": own for name, own in color_settings().items()}
    (runs / "color-settings").mkdir(parents=True, exist_ok=True)
    for file, own in files.items():
        (runs / file).write_text(recipe(color, own), encoding="utf-8")
    shutil.copyfile(ONE_BATCH, runs / ONE_BATCH.name)
    options = ["--seeds", str(color["seeds"]), "--budget", f"steps={color['steps']}", "-n", str(color["samples"])]
    options += ["--data", "cifar10", "--set", "train.threads=1", "--plugin", ONE_BATCH.name, "--out", "color"]
    # Relative paths, because the results are published with the command.
    processes.ganzoo("compare", *files, *options, "--jobs", str(jobs), "--quiet", folder=runs)
    COLOR.mkdir(exist_ok=True)
    for name in ("results.json", "table.md", "report.html"):
        shutil.copyfile(runs / "color" / name, COLOR / name)


def recipe(color: Table, own: Table) -> str:
    """The TOML file of a setting."""
    lines = [f"{key} = {toml(value)}" for key, value in (color["shared"] | own).items()]
    return "\n".join([f"extends = {toml(color['recipe'])}", *lines]) + "\n"


def toml(value: Any) -> str:
    """A value as TOML; a table inline."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + " }"
    return json.dumps(value)


def main() -> None:
    """Train what is not finished, then write the page and the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=["runs", "color"], default=["runs", "color"])
    parser.add_argument("--report", action="store_true")
    given = parser.parse_args()
    if "runs" in given.only and not given.report:
        processes.in_parallel(given.jobs, [partial(train, name, given.runs) for name in plan()["runs"]])
    if "color" in given.only and not given.report:
        compare(given.runs, given.jobs)
    if SHOWN[0] in results():
        FIGURE.write_text(drawn(results()), encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
