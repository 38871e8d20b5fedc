"""`ganzoo compare`, and what it shares with `ganzoo ablate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ganzoo import terminal
from ganzoo.commands.numbers import parse_metrics
from ganzoo.config.recipes import merge, overrides, unflatten
from ganzoo.config.schema import Table
from ganzoo.errors import InputError
from ganzoo.experiments.plan import Plan
from ganzoo.experiments.ray_cluster import RayCluster
from ganzoo.experiments.runner import run_comparison as finish
from ganzoo.experiments.spec import CompareOptions, Setting, check_options, parse_budget, settings_of_variants
from ganzoo.plugins import load_plugins


@dataclass(frozen=True)
class Asked:
    """The options of both commands, as they were typed."""

    out: Path
    budget: str | None
    data: str | None
    seeds: int
    jobs: int
    n: int | None
    metrics: str | None
    extractor: str | None
    tune: int
    settings: Sequence[str]
    plugins: Sequence[Path]
    cluster: str | None
    quiet: bool

    def shared(self) -> Table:
        """What is set for every cell."""
        return merge(overrides(self.settings), {} if self.data is None else unflatten({"data.spec": self.data}))

    def words(self) -> list[str]:
        """The options for who wants to repeat it, but for the seeds and for where it runs."""
        told: dict[str, Sequence[object]] = {
            "--data": [self.data],
            "--budget": [self.budget],
            "--n": [self.n],
            "--metrics": [self.metrics],
            "--extractor": [self.extractor],
            "--tune": [self.tune or None],
            "--set": self.settings,
            "--plugin": self.plugins,
            "--out": [self.out],
        }
        return [word for name, values in told.items() for v in values if v is not None for word in (name, str(v))]


def run(variants: Sequence[str], asked: Asked) -> None:
    """Compare variants on the same data with the same budget."""
    if not variants:
        raise InputError("which variants? as in: ganzoo compare nsgan wgan-gp ('ganzoo list' shows them all)")
    if asked.budget is None:
        raise InputError("which budget? as in --budget steps=2000, images=200000 or minutes=5")
    plugins = load_plugins(asked.plugins)
    work("compare", settings_of_variants(variants, asked.shared()), plugins, asked)


def work(kind: str, rows: Sequence[Setting], plugins: Mapping[str, str], asked: Asked) -> None:
    """Plan the comparison of `rows`, finish it, and say where its report is."""
    request = CompareOptions(
        kind=kind,
        settings=tuple(rows),
        shared=asked.shared(),
        seeds=asked.seeds,
        budget=parse_budget(str(asked.budget)),
        out=asked.out,
        n=asked.n,
        metrics=parse_metrics(asked.metrics),
        extractor=asked.extractor,
        jobs=asked.jobs,
        tune=asked.tune,
        cluster=asked.cluster,
        plugins=plugins,
        quiet=asked.quiet,
        options=tuple(asked.words()),
    )
    folder = compare(request)
    if not asked.quiet:
        terminal.out(f"done: {folder / 'report.html'}")
        terminal.out(f"also: {folder / 'table.md'}, {folder / 'results.json'}")


def compare(request: CompareOptions) -> Path:
    """Work off a request here, or on a cluster."""
    told = say_nothing if request.quiet else terminal.err
    if request.cluster is None:
        return finish(Plan(request), say=told)
    check_options(request)  # before a cluster is started, which takes long
    with RayCluster(request.cluster) as cluster:
        device = cluster.device(request.settings[0].config.train.device)
        return finish(Plan(request, device=device, cores=cluster.cores), cluster.run_jobs, told)


def say_nothing(line: str) -> None:
    """`--quiet`."""
