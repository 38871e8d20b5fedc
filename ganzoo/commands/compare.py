"""`ganzoo compare`, and what it shares with `ganzoo ablate`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from ganzoo.comparing.budget import parse_budget
from ganzoo.comparing.cluster import Cluster
from ganzoo.comparing.comparison import run as finish
from ganzoo.comparing.plan import Plan
from ganzoo.comparing.request import Request, refuse_numbers
from ganzoo.comparing.settings import Setting, of_variants
from ganzoo.config import Table
from ganzoo.errors import InputError
from ganzoo.recipes import merge, nested, overrides

Options = dict[str, str | int | None]
"""The options of both commands by their names on the command line; None = not given."""


def run(variants: Sequence[str], settings: Sequence[str], options: Options, *, out: Path, quiet: bool) -> None:
    """Compare variants on the same data with the same budget."""
    if not variants:
        raise InputError("which variants? as in: ganzoo compare nsgan wgan-gp ('ganzoo list' shows them all)")
    if options["budget"] is None:
        raise InputError("which budget? as in --budget steps=2000, images=200000 or minutes=5")
    shared = shared_table(settings, options)
    work("compare", of_variants(variants, shared), shared, settings, options, out, quiet)


def shared_table(settings: Iterable[str], options: Options) -> Table:
    """What is set for every cell."""
    spec = options["data"]
    return merge(overrides(settings), {} if spec is None else nested({"data.spec": spec}))


def work(
    kind: str,
    rows: Sequence[Setting],
    shared: Table,
    settings: Sequence[str],
    options: Options,
    out: Path,
    quiet: bool,
) -> None:
    """Plan the comparison of `rows`, finish it, and say where its report is."""
    metrics = options["metrics"]
    request = Request(
        kind=kind,
        settings=tuple(rows),
        shared=shared,
        seeds=int(options["seeds"] or 0),
        budget=parse_budget(str(options["budget"])),
        out=out,
        n=None if options["n"] is None else int(options["n"]),
        metrics=None if metrics is None else tuple(name.strip() for name in str(metrics).split(",")),
        jobs=int(options["jobs"] or 0),
        tune=int(options["tune"] or 0),
        cluster=None if options["cluster"] is None else str(options["cluster"]),
        options=tuple(words(settings, options, out)),
    )
    folder = compare(request, quiet)
    if not quiet:
        print(f"done: {folder / 'report.html'}\nalso: {folder / 'table.md'}, {folder / 'results.json'}")


def compare(request: Request, quiet: bool) -> Path:
    """Work off a request here, or on a cluster."""
    told = say_nothing if quiet else say
    if request.cluster is None:
        return finish(Plan(request), say=told)
    refuse_numbers(request)  # before a cluster is started, which takes long
    with Cluster(request.cluster) as cluster:
        device = cluster.device(request.settings[0].config.train.device)
        return finish(Plan(request, device=device, cores=cluster.cores), cluster.work_off, told)


def say(line: str) -> None:
    """One line of progress."""
    print(line, file=sys.stderr, flush=True)


def say_nothing(line: str) -> None:
    """`--quiet`."""


def words(settings: Iterable[str], options: Options, out: Path) -> list[str]:
    """The options as they are typed, but for the seeds and for where it runs; `-n` is the number of samples."""
    told = {
        name: value for name, value in options.items() if value is not None and name not in ("seeds", "jobs", "cluster")
    }
    typed = [word for name, value in told.items() for word in (f"--{name}", str(value))]
    return [*typed, *(word for setting in settings for word in ("--set", setting)), "--out", os.fspath(out)]
