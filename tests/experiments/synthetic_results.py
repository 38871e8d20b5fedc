"""Results as `ganzoo compare` writes them, made up: settings of known quality, some seeds that failed, grids on disk."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganzoo.experiments.results_schema import CellEntry, Results, SettingRecord, SummaryRow
from ganzoo.json_io import validate

FID, KID = "fid-digits@10k/test", "kid-digits@10k/test"
NAMES = ["nsgan", "minimax", "lsgan", "wgan", "wgan-gp", "dragan", "hinge", "began", "ebgan", "rpgan"]


COST = dict.fromkeys(("d_steps", "g_steps", "images", "seconds", "g_parameters", "d_parameters"), 0)
CELL = {
    "folder": "x", "status": "done", "finding": None, "cost": None, "curve": [], "findings": [], "grid": None, "scores": {},
}  # fmt: skip
SETTING = {"overrides": {}, "switches": [], "refused": None, "left_out": {}}
RESULTS = {
    "format": 1,
    "kind": "compare",
    "command": "",
    "options": [],
    "data": {
        "spec": "mnist",
        "name": "mnist",
        "digest": "9f" * 32,
        "count": 60000,
        "shape": [1, 32, 32],
        "split": "train",
    },
    "budget": {"unit": "steps", "amount": 2000},
    "protocol": {
        "checkpoint": "last step, averaged weights (EMA)",
        "n": 10000,
        "metrics": None,
        "split": "test",
        "threads": 1,
        "jobs": 2,
        "device": "cpu",
        "precision": "float32",
        "set": {},
        "tuning": 0,
        "seeds": [],
    },
    "settings": [],
    "refused": [],
    "floors": {},
    "metrics": [],
    "cells": [],
    "summary": [],
    "hardware": "2 cores of an Intel Xeon at 2.1 GHz, 8 GiB",
    "versions": {"ganzoo": "0.1.0", "torch": "2.9.0", "python": "3.12.3"},
    "tuning": None,
}
"""The least that each of them may be; a test says what matters to it."""


def typed(results: dict[str, Any]) -> Results:
    """As they are read from a file."""
    return validate(results, Results, "results.json")


def made_cell(setting: str = "a", seed: int = 0, **fields: Any) -> CellEntry:
    """A cell of which some fields matter."""
    return CellEntry.model_validate(CELL | {"setting": setting, "seed": seed} | fields)


def made_setting(name: str) -> SettingRecord:
    """A variant as it is."""
    return SettingRecord.model_validate(SETTING | {"name": name, "variant": name})


def made_row(**fields: Any) -> SummaryRow:
    """A row of the summary of which some fields matter."""
    return SummaryRow.model_validate({"failed": 0} | fields)


def made_results(**fields: Any) -> Results:
    """Results of which some fields matter."""
    return Results.model_validate(RESULTS | fields)


def synthetic(
    folder: Path,
    names: list[str] = NAMES,
    seeds: int = 5,
    side: int = 274,
    channels: int = 1,
    files: int | None = None,
) -> dict[str, Any]:
    """Setting number i of `NAMES` has FIDs around 6 + 3 i; the last two of `wgan` failed, and all of `ebgan`.

    Where there are to be fewer `files` than cells, cells share their grid.
    """
    draw = np.random.default_rng(0)
    cells = [cell(draw, name, NAMES.index(name), seed, seeds) for name in names for seed in range(seeds)]
    for each in cells[:files]:
        save_grid(draw, folder / each["grid"], side, channels)
    for number, each in enumerate(cells):
        each["grid"] = cells[number % (files or len(cells))]["grid"]
    return RESULTS | {
        "command": f"ganzoo compare {' '.join(names)} --data mnist --seeds {seeds} --budget steps=2000 --out cmp",
        "protocol": RESULTS["protocol"] | {"seeds": list(range(seeds))},
        "floors": {FID: 1.2, KID: 0.0004},
        "metrics": [{"protocol": p, "metric": p[:3], "better": "lower"} for p in (FID, KID)],
        "settings": [SETTING | {"name": n, "variant": n} for n in names],
        "cells": cells,
        "summary": [entry for protocol in (FID, KID) for entry in summed(cells, names, protocol)],
    }


def cell(draw: np.random.Generator, name: str, quality: int, seed: int, seeds: int) -> dict[str, Any]:
    failed = name == "ebgan" or (name == "wgan" and seed >= seeds - 2)
    last = 900 if failed else 2000
    fid = 6 + 3 * quality + 1.8 * float(draw.normal())
    folder = f"cells/{name}-s{seed}"
    return {
        "setting": name,
        "seed": seed,
        "status": "failed" if failed else "done",
        "finding": "loss is not finite at step 900" if failed else None,
        "folder": folder,
        "cost": {
            "d_steps": last,
            "g_steps": last,
            "images": 64 * last,
            "seconds": round((40 + 25 * (quality % 4)) * float(draw.uniform(0.95, 1.1)), 1),
            "g_parameters": 1_200_000 + 1000 * quality,
            "d_parameters": 660_000,
            "memory_mib": 610.0 + quality,
        },
        "scores": {} if failed else {FID: fid, KID: fid / 3000},
        "curve": [record(draw, step, quality) for step in range(20, last + 1, 20)],
        "findings": [{"rule": "D has won", "step": 400 + 20 * seed}] if name in ("minimax", "ebgan") else [],
        "grid": f"{folder}/samples/{last:08d}.png",
    }


def record(draw: np.random.Generator, step: int, quality: int) -> dict[str, Any]:
    fall = float(np.exp(-step / 500))
    terms = {
        "d/real": 0.4 + fall / 2,
        "d/fake": 0.4 + 0.05 * float(draw.normal()),
        "g/adv": 1.5 - fall + 0.1 * draw.normal(),
    }
    score = 6 + 3 * quality + 80 * fall + float(draw.normal()) if step % 200 == 0 else None
    return {"step": step, "seconds": step / 20, "images": 64 * step, "terms": terms | {"norm/d": 30.0}, "score": score}


def save_grid(draw: np.random.Generator, path: Path, side: int, channels: int) -> None:
    """Noise: no picture of its size needs more bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = draw.integers(0, 256, (side, side, channels), dtype=np.uint8)
    Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels).save(path, compress_level=1)


def summed(cells: list[dict[str, Any]], names: list[str], protocol: str) -> list[dict[str, Any]]:
    """Median and range over seeds; ranks by median, overlaps by range."""
    scores = {n: [c["scores"][protocol] for c in cells if c["setting"] == n and protocol in c["scores"]] for n in names}
    found = sorted((float(np.median(s)), min(s), max(s), n) for n, s in scores.items() if s)
    entries = [
        {
            "setting": name,
            "protocol": protocol,
            "median": middle,
            "low": low,
            "high": high,
            "n": len(scores[name]),
            "failed": 0,
            "rank": rank,
            "overlaps": [other for _, a, b, other in found if other != name and a <= high and low <= b],
        }
        for rank, (middle, low, high, name) in enumerate(found, 1)
    ]
    nothing = dict.fromkeys(("median", "low", "high", "rank")) | {"n": 0, "failed": 0, "overlaps": []}
    return entries + [{"setting": n, "protocol": protocol} | nothing for n in names if not scores[n]]


def renamed(results: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """`results` with one setting called otherwise; its files stay where they are."""
    found = copy.deepcopy(results)
    for entry in found["settings"]:
        entry["name"] = new if entry["name"] == old else entry["name"]
    for entry in [*found["cells"], *found["summary"]]:
        entry["setting"] = new if entry["setting"] == old else entry["setting"]
    for entry in found["summary"]:
        entry["overlaps"] = [new if other == old else other for other in entry["overlaps"]]
    return found


def without_curves(results: dict[str, Any], *but: str) -> dict[str, Any]:
    """`results` with the curves of the settings `but` alone: most of the time that a page takes goes into curves."""
    return results | {"cells": [c if c["setting"] in but else c | {"curve": []} for c in results["cells"]]}
