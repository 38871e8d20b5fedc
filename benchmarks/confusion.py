"""The test of the atlas on held-out runs: what each failure was taken for, and false alarms on healthy runs.

`python benchmarks/confusion.py` prints the table of docs/reports/atlas.json.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from ganzoo.atlas.compare import NAMED, compare
from ganzoo.atlas.store import Atlas, Run
from ganzoo.markup import markdown_table

PAGE = Path(__file__).parents[1] / "docs/reports/atlas.md"
RESULTS = PAGE.with_suffix(".json")
MARK = "<!-- tables -->"
NEEDED = 0.8  # share of failures that must be among the first three
HEALTHY_PER_ALARM = 40


class Trial(NamedTuple):
    """A held-out run against an atlas without it."""

    failure: str
    """Its name; empty if the run is healthy."""
    run: str
    """Loss, data and seed, as text."""
    nearest: list[tuple[str, float]]
    """The nearest failures and their distances."""
    from_band: float
    alarm: bool
    """True if a failure is nearer than the band."""

    @property
    def right(self) -> bool:
        """True if a failure is among the first three of an alarm."""
        return self.alarm and self.failure in (name for name, _ in self.nearest)


class Results(NamedTuple):
    """The contents of docs/reports/atlas.json."""

    trials: list[Trial]
    core_hours: float | None
    """Time of all runs, each with one thread; None if their logs do not have it."""


def trial(atlas: Atlas, failure: str, seed: int, run: Run) -> Trial:
    """Compare a held-out run with the atlas."""
    text, found = f"{run.loss} on {run.data}, seed {seed}", compare(atlas, run.curves, run.loss, run.data, run.steps)
    if found is None:
        return Trial(failure, text, [], 0.0, False)
    nearest = [(sick.name, round(far, 4)) for sick, far in found.nearest]
    return Trial(failure, text, nearest, round(found.from_band, 4), found.is_like_failure)


def summary(trials: list[Trial]) -> str:
    """The two rates, against what is required of them."""
    sick, healthy = [t for t in trials if t.failure], [t for t in trials if not t.failure]
    right, first = sum(t.right for t in sick), sum(t.right and t.nearest[0][0] == t.failure for t in sick)
    false = sum(t.alarm for t in healthy)
    passed = right >= NEEDED * len(sick) and false * HEALTHY_PER_ALARM <= max(len(healthy), HEALTHY_PER_ALARM)
    return (
        f"{right} of {len(sick)} held-out failures, of {len({t.failure for t in sick})} kinds, are among the first {NAMED} "
        f"({first} are the first); {false} of {len(healthy)} healthy runs have a false alarm. Required: {NEEDED:.0%} of the "
        f"failures, at most one false alarm in {HEALTHY_PER_ALARM}: {'passed' if passed else 'not passed'}."
    )


def table(trials: list[Trial]) -> str:
    """The confusion table: each held-out failure with what it was taken for, then the false alarms."""
    sick = sorted((t for t in trials if t.failure), key=lambda t: (t.failure, t.run))
    shown = [*sick, *(t for t in trials if not t.failure and t.alarm)]
    head = ["held-out run", "loss, data, seed", "right", "nearest failures (distance)", "distance from the band"]
    rows = [[t.failure or "healthy", t.run, _right(t), _nearest(t), f"{t.from_band:.2g}"] for t in shown]
    return f"{summary(trials)}\n\n{markdown_table(head, rows)}"


def _right(trial: Trial) -> str:
    return "yes" if trial.right else "**no**" if trial.alarm else "**no alarm**"


def _nearest(trial: Trial) -> str:
    return "; ".join(f"{name} ({far:.2g})" for name, far in trial.nearest)


def contents(atlas: Atlas) -> str:
    """The contents of the atlas: bands, then failures."""
    bands = [[f"`{each.loss}`", each.data, str(each.runs), f"{each.steps:,}"] for each in atlas.healthy]
    causes, runs = {each.name: each.cause for each in atlas.sick}, defaultdict[str, list[str]](list)
    for each in atlas.sick:
        runs[each.name].append(f"`{each.loss}` on {each.data}, seed {each.seed}")
    failures = [[name, causes[name], "; ".join(each)] for name, each in runs.items()]
    return (
        f"{len(bands)} bands:\n\n{markdown_table(['loss', 'data', 'runs', 'steps'], bands)}\n\n"
        f"{len(failures)} kinds of failures:\n\n{markdown_table(['failure', 'cause', 'runs'], failures)}"
    )


def page(text: str, atlas: Atlas, results: Results) -> str:
    """The page with the tables below its mark."""
    hours, tested = results.core_hours, table(results.trials)
    cost = "" if hours is None else f"All runs, those of the test included, took {hours:.1f} core-hours.\n\n"
    return f"{text.partition(MARK)[0]}{MARK}\n\n{cost}{contents(atlas)}\n\n## The test\n\n{tested}\n"


def read_results() -> Results:
    """The results behind the page."""
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))
    trials = [Trial(**each | {"nearest": [tuple(pair) for pair in each["nearest"]]}) for each in kept["trials"]]
    return Results(trials, kept["core_hours"])


def write(atlas: Atlas, results: Results) -> None:
    """Write the results, and the tables of the page from them."""
    hours, lines = json.dumps(results.core_hours), ",\n".join(json.dumps(each._asdict()) for each in results.trials)
    RESULTS.write_text(f'{{"format": 1, "core_hours": {hours}, "trials": [\n{lines}\n]}}\n', encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), atlas, results), encoding="utf-8")


if __name__ == "__main__":
    print(table(read_results().trials))
