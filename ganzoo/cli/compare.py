"""`ganzoo compare` and `ganzoo ablate`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated

import typer

from ganzoo import terminal
from ganzoo.builder import resolve_config
from ganzoo.cli.options import Extractor, Metrics, PluginSources, Quiet, Samples, Settings, flag, parse_metrics, takes
from ganzoo.config.overrides import overrides
from ganzoo.config.recipes import make_config
from ganzoo.config.schema import Config
from ganzoo.config.tables import Table, merge, unflatten
from ganzoo.config.techniques import technique_settings
from ganzoo.data import Dataset
from ganzoo.errors import InputError
from ganzoo.experiments.budget import check_thresholds, parse_budget
from ganzoo.experiments.compare import run, words
from ganzoo.experiments.report.html import render_as
from ganzoo.experiments.spec import CompareOptions, Setting, settings_of_switches, settings_of_variants
from ganzoo.experiments.technique_sets import largest_compatible_set
from ganzoo.parts import load_plugins
from ganzoo.run_data import load_dataset


@dataclass(frozen=True)
class ComparisonArguments:
    """Options of `compare` and `ablate`, as typed."""

    out: Annotated[Path, typer.Option(help="Folder for runs, results and report; an existing one is continued.")]
    budget: Annotated[
        str | None,
        typer.Option(
            help="For each run: steps=2000, images=200000 (shown to D) or minutes=5; ablate: the recipe's steps."
        ),
    ] = None
    data: Annotated[str | None, typer.Option(metavar="SPEC", help="Training data; default: digits.")] = None
    n: Samples = None
    metrics: Metrics = None
    extractor: Extractor = None
    tune: Annotated[
        int, typer.Option(metavar="N", help="Tune each setting first: the best of N draws on the training split.")
    ] = 0
    settings: Settings = field(default_factory=list)
    plugins: PluginSources = field(default_factory=list)
    seeds: Annotated[int, typer.Option(help="Seeds of each setting: 0 to N-1.")] = 5
    jobs: Annotated[int, typer.Option(help="Runs at a time; they share the threads.")] = 1
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Run on a Ray cluster; local starts one here.")
    ] = None
    quiet: Quiet = False

    def shared(self) -> Table:
        """The settings of every run."""
        return merge(overrides(self.settings), {} if self.data is None else unflatten({"data.spec": self.data}))

    def words(self) -> tuple[str, ...]:
        """The options as typed, for reproducing the command; seeds and options that change no result are left out."""
        kept = [each for each in fields(self) if each.name not in ("seeds", "jobs", "cluster", "quiet")]
        return words({flag(type(self), each): getattr(self, each.name) for each in kept})

    def request(self, kind: str, settings: Sequence[Setting], plugins: Mapping[str, str]) -> CompareOptions:
        """The requested comparison of `settings`; raises `InputError`."""
        return CompareOptions(
            kind=kind,
            settings=tuple(settings),
            shared=self.shared(),
            seeds=self.seeds,
            budget=parse_budget(str(self.budget)),
            out=self.out,
            n=self.n,
            metrics=parse_metrics(self.metrics),
            extractor=self.extractor,
            jobs=self.jobs,
            tune=self.tune,
            cluster=self.cluster,
            plugins=plugins,
            quiet=self.quiet,
            options=self.words(),
        )


@takes(ComparisonArguments)
def compare(
    variants: Annotated[list[str] | None, typer.Argument(help="Names from 'ganzoo list', or TOML files.")] = None,
    form: Annotated[
        str | None,
        typer.Option("--format", help="Train nothing: print what is in --out as latex, csv, markdown or html."),
    ] = None,
    *,
    arguments: ComparisonArguments,
) -> None:
    """Train variants under one budget and several seeds, score them, and write a report."""
    if form is not None:
        return print_results(form, variants, arguments)
    if not variants:
        raise InputError("which variants? as in: ganzoo compare nsgan wgan-gp ('ganzoo list' shows them all)")
    if arguments.budget is None:
        raise InputError("which budget? as in --budget steps=2000, images=200000 or minutes=5")
    plugins = load_plugins(arguments.plugins)
    finish(arguments.request("compare", settings_of_variants(variants, arguments.shared()), plugins))


def print_results(form: str, variants: Sequence[str] | None, arguments: ComparisonArguments) -> None:
    """Print the results in `--out`; raises `InputError` for arguments that would have no effect."""
    if variants or replace(arguments, quiet=False) != ComparisonArguments(out=arguments.out):
        raise InputError("--format prints a comparison or an ablation and trains nothing; keep only --out next to it")
    terminal.out_lines(render_as(arguments.out, form).rstrip("\n"))


@takes(ComparisonArguments)
def ablate(
    variant: Annotated[str, typer.Argument(help="A name from 'ganzoo list', or a TOML file.")],
    switch: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A technique from 'ganzoo list --techniques', or all; repeatable."),
    ] = None,
    *,
    arguments: ComparisonArguments,
) -> None:
    """Compare a variant with itself under each technique alone; 'all' is the largest compatible set."""
    if not switch:
        raise InputError("which switches? as in --switch replay --switch all ('ganzoo list --techniques' shows them)")
    plugins, shared = load_plugins(arguments.plugins), arguments.shared()
    steps = f"steps={make_config(variant, shared).train.steps}"
    arguments = replace(arguments, budget=arguments.budget or steps)
    budget = parse_budget(str(arguments.budget))

    def fit(config: Config, data: Dataset) -> None:
        resolve_config(config, data)
        check_thresholds(budget, config.train)

    def largest(config: Config) -> tuple[tuple[str, ...], Table, Table]:
        return largest_compatible_set(config, load_dataset(config), fit=fit)

    finish(
        arguments.request(
            "ablate", settings_of_switches(variant, switch, shared, technique_settings(), largest), plugins
        )
    )


def finish(request: CompareOptions) -> None:
    """Run the comparison and print the paths of its report."""
    folder = run(request)
    if not request.quiet:
        terminal.out(f"done: {folder / 'report.html'}")
        terminal.out(f"also: {folder / 'table.md'}, {folder / 'results.json'}")
