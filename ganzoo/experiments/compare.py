"""`ganzoo.compare`: a comparison from Python, with the options of `ganzoo compare`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ganzoo import terminal
from ganzoo.config.recipes import merge
from ganzoo.config.schema import Table, flatten
from ganzoo.experiments.budget import parse_budget
from ganzoo.experiments.plan import Plan
from ganzoo.experiments.runner import run_comparison
from ganzoo.experiments.spec import CompareOptions, settings_of_variants
from ganzoo.plugins import load_plugins, plugin_arguments


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
    asked = {"--out": out, "--budget": budget, "-n": n, "--metrics": ",".join(metrics or ()), "--extractor": extractor}
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
        options=(*words(asked | {"--tune": tune}), *set_words(shared), *plugin_arguments(files)),
    )
    return run_comparison(Plan(request), say=(lambda line: None) if quiet else terminal.err)


def words(options: Mapping[str, object]) -> list[str]:
    """The options that were given, as words of a command line."""
    return [word for option, value in options.items() if value for word in (option, str(value))]


def set_words(table: Table) -> list[str]:
    """A table of settings as `--set` options; JSON's values are TOML's too."""
    return [word for key, value in flatten(table).items() for word in ("--set", f"{key}={json.dumps(value)}")]
