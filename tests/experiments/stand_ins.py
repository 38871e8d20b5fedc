"""Small comparisons, and a score that is quick: what takes the place of `ganzoo.evaluator` in these tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ganzoo.config.tables import merge, unflatten
from ganzoo.evaluation import Evaluation, Score
from ganzoo.experiments import worker
from ganzoo.experiments.budget import parse_budget
from ganzoo.experiments.job import Outcome, ScoringOptions
from ganzoo.experiments.plan import Plan
from ganzoo.experiments.results_schema import Results
from ganzoo.experiments.runner import run_comparison
from ganzoo.experiments.spec import CompareOptions, settings_of_variants
from ganzoo.json_io import read_table
from small_runs import SMALL, toy_data

TIMES = ("seconds", "memory_mib", "jobs")


def toy_file(folder: Path) -> str:
    """The spec of a small set of pictures."""
    data = toy_data()
    np.savez(folder / "toy.npz", images=data.images[:, 0], labels=data.labels)
    return f"npz:{folder / 'toy.npz'}"


def score(sampler, *, n, metrics, split, device):
    """The mean and the spread of the pictures' pixels; the latter has a floor of another n."""
    images = sampler.sample(n)
    shared = {"n": n, "split": split, "reference_n": 9, "floor": 0.5}
    mean = Score("mean", float(images.mean()), better="lower", floor_n=n, spread=0.25, **shared)
    more = {"floor_n": 5, "value_at_floor": 0.7, "details": {"lowest": -1.0}}
    spread = Score("spread", float(images.std()), better="higher", **shared, **more)
    return Evaluation(
        [mean, spread], {"extractor": {"name": "toy", "sha256": "5" * 64}, "data": {"splits": {}}, "seconds": 1.0}
    )


def how(request, rows):
    """Without looking for an extractor."""
    chosen = {"extractor": request.extractor} if request.extractor else {}
    metrics = request.metrics and list(request.metrics)
    return ScoringOptions(n=request.n or 4, metrics=metrics, split="test", **chosen)


def here(jobs, report, score=score):
    """Work off the jobs in this process, one after the other."""
    for job in jobs:
        worker.run_cell(job, score)
        report(job, Outcome(0))


def shared(folder: Path, **more) -> dict:
    """What all cells of a small comparison have in common."""
    return merge(merge(SMALL, unflatten({"data.spec": toy_file(folder)})), unflatten(more))


def request(
    folder: Path, variants=("nsgan", "wgan"), *, out="out", budget="steps=3", tables=None, **more
) -> CompareOptions:
    """A small request."""
    tables = shared(folder) if tables is None else tables
    given = {"seeds": 2, "budget": parse_budget(budget), "out": folder / out} | more
    return CompareOptions(kind="compare", settings=settings_of_variants(variants, tables), shared=tables, **given)


def compare(asked: CompareOptions, run_jobs=here) -> dict:
    """Finish a request; the results as they are written."""
    return written(run_comparison(Plan(asked, how), run_jobs, say=lambda line: None))


def written(out: Path) -> dict:
    """The `results.json` of a comparison, held against its schema."""
    return read_table(out / "results.json", Results)


def without_times(value):
    """`value` but for what two runs of the same need not have in common."""
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if k not in TIMES}
    return [without_times(v) for v in value] if isinstance(value, list) else value
