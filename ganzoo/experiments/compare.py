"""`ganzoo.compare`: a comparison from Python, with the options of `ganzoo compare`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ganzoo import terminal
from ganzoo.config.tables import Table, flatten, merge
from ganzoo.experiments.budget import parse_budget
from ganzoo.experiments.plan import Plan
from ganzoo.experiments.ray_cluster import RayCluster
from ganzoo.experiments.runner import run_comparison
from ganzoo.experiments.spec import CompareOptions, check_options, settings_of_variants
from ganzoo.parts import load_plugins


def compare(
    variants: Iterable[str],
    out: str | Path,
    *,
    budget: str,
    seeds: int = 5,
    data: str | None = None,
    settings: Table | None = None,
    n: int | None = None,
    metrics: Sequence[str] | None = None,
    extractor: str | None = None,
    tune: int = 0,
    jobs: int = 1,
    plugins: Iterable[str | Path] = (),
    quiet: bool = True,
) -> Path:
    """Train each variant with each seed under one budget and score it; returns the folder `out`.

    In it are `report.html`, `table.md`, `results.json` and the runs; an unfinished comparison in `out` is continued.
    `variants` are names, TOML files or losses of `plugins`; `budget` is "steps=2000", "images=200000" or "minutes=5";
    `settings` is a table for all, such as {"train": {"batch_size": 32}}; `n` is the number of samples per score.
    Raises `InputError`, before anything is trained, for wrong input, and `TrainingFailed` if a run ended without a result.
    """
    files = [Path(path) for path in plugins]
    sources = load_plugins(files)
    shared = merge(settings or {}, {} if data is None else {"data": {"spec": data}})
    request = CompareOptions(
        kind="compare",
        settings=settings_of_variants(variants, shared),
        shared=shared,
        seeds=seeds,
        budget=parse_budget(budget),
        out=Path(out),
        n=n,
        metrics=metrics,
        extractor=extractor,
        jobs=jobs,
        tune=tune,
        plugins=sources,
        quiet=quiet,
    )
    return run(replace(request, options=asked_for(request, files)))


def asked_for(request: CompareOptions, plugins: Sequence[Path]) -> tuple[str, ...]:
    """The options of `request` as words of the command that repeats it; without seeds and what changes no result."""
    budget, metrics = str(request.budget), ",".join(request.metrics or ())
    asked = {"--out": request.out, "--budget": budget, "-n": request.n, "--metrics": metrics}
    asked |= {"--extractor": request.extractor, "--tune": request.tune}
    return words(asked | {"--set": set_values(request.shared), "--plugin": list(plugins)})


def run(request: CompareOptions) -> Path:
    """Run the comparison on this machine or on a Ray cluster; returns its folder."""
    say = silent if request.quiet else terminal.err
    if request.cluster is None:
        return run_comparison(Plan(request), say=say)
    check_options(request)  # before the slow start of a cluster
    with RayCluster(request.cluster) as cluster:
        device = cluster.device(request.settings[0].config.train.device)
        return run_comparison(Plan(request, device=device, cores=cluster.cores), cluster.run_jobs, say)


def silent(line: str) -> None:
    """Discard a progress line (`quiet`)."""


def words(options: Mapping[str, object]) -> tuple[str, ...]:
    """The options that have a value, as words of a command line; a list repeats its option."""
    given = ((option, value if isinstance(value, list) else [value]) for option, value in options.items() if value)
    return tuple(word for option, values in given for value in values for word in (option, str(value)))


def set_values(table: Table) -> list[str]:
    """A table of settings as values of `--set`; JSON's values are TOML's too."""
    return [f"{key}={json.dumps(value)}" for key, value in flatten(table).items()]
